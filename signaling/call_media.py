"""Between browsers and media nodes: negotiation down, news up. Holds no media and decides nothing about sessions.

The server is always the offerer. After any trouble a browser sends ``media.start`` again and gets a new peer connection.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from core.access import Actor
from core.db.session import Database
from core.errors import AppError, Conflict, NotFound
from core.events.bus import Event
from core.keyed_locks import KeyedLocks
from media.ice import IceConfig
from media.protocol import (
    Grade,
    MediaWant,
    News,
    OfferMade,
    PeerBack,
    PeerConnected,
    PeerFlags,
    PeerHeard,
    PeerLost,
    PeerOffer,
    QualityChanged,
    SpeakingChanged,
    TrackEnded,
    TrackPublished,
    news_from_event,
)
from records.lifecycle import SESSION_OVER, SessionState
from records.models import Session
from scheduler.briefings.posts import LISTENER, has_word
from signaling import places
from signaling.nodes import ALIVE_FOR, NodeDirectory, Placement
from signaling.realtime.hub import Hub
from signaling.realtime.protocol import MediaAnswer, MediaCandidate, MediaSet, MediaStart
from signaling.realtime.rooms import participant

log = logging.getLogger(__name__)
CHECK_PREFIX = "check_"
"""Rooms of one for the check before joining; they belong to no session and leave no trace."""
_ASK_FOR_S = 2.0
"""A node that has not answered for so long is not waited for."""
_ABOUT_CONNECTIONS = (PeerLost, PeerBack, PeerConnected, PeerHeard, TrackPublished, TrackEnded, QualityChanged)
Told = Callable[[str, str], Awaitable[None]]
"""Called with session id and place id."""


def room_topic(session_id: str) -> str:
    """Topic of the numbered news of a room."""
    return f"room:{session_id}"


class CallMedia:
    """Negotiates for the people in rooms and hears what the nodes tell."""

    def __init__(
        self, database: Database, hub: Hub, nodes: NodeDirectory, placement: Placement, ice: IceConfig
    ) -> None:
        self._database = database
        self._hub = hub
        self._nodes = nodes
        self._placement = placement
        self._ice = ice
        self._check_nodes: dict[str, str] = {}
        self._locks = KeyedLocks()
        self.on_heard: Told | None = None
        """Somebody is heard for the first time since they came."""
        self.on_reached: Told | None = None
        """A connection stands, or stands again."""
        self.on_tracks: Told | None = None
        """Sound or picture of somebody began or ended."""

    @property
    def placement(self) -> Placement:
        """Which node has which room."""
        return self._placement

    async def start(self, session_id: str, place_id: str, message: MediaStart) -> None:
        """A new peer connection; its first offer goes out as a frame to the browser."""
        want = MediaWant(**message.want.model_dump(), echo=session_id.startswith(CHECK_PREFIX))
        if session_id.startswith(CHECK_PREFIX):
            node = await self._nodes.choose(session_id)
            client = self._nodes.client(node)
            self._check_nodes[session_id] = node
            await client.open_room(session_id)
        else:
            want = await self._allowed(session_id, place_id, want)
            await self._demand_seat(session_id, place_id)
            await self._change(place_id, video=want.send_video)
            before = await self._node_of(session_id)
            node, client = await self._placement.ensure(session_id)
            if before is not None and before != node:
                # Whoever does not come over to the new node is lost since the old one fell silent.
                await self._lost_with_node(session_id, self._nodes.silence(before))
        offer = await client.offer(session_id, place_id, want=want)
        # With fresh credentials: those of the join have long expired when a network changes in the middle of a talk.
        await self._send_offer(place_id, offer, ice_servers=self._ice.servers(place_id))

    async def answer(self, session_id: str, place_id: str, message: MediaAnswer) -> None:
        """The browser's answer."""
        client = await self._client(session_id)
        await client.answer(session_id, place_id, message.generation, message.negotiation, message.sdp)

    async def candidate(self, session_id: str, place_id: str, message: MediaCandidate) -> None:
        """One more candidate of the browser."""
        client = await self._client(session_id)
        await client.candidate(session_id, place_id, message.generation, message.candidate, message.mid)

    async def set_flags(self, session_id: str, place_id: str, message: MediaSet) -> None:
        """Microphone, camera and received pictures as the person wants them; kept through reconnects."""
        if not session_id.startswith(CHECK_PREFIX):
            async with self._database.unit(Actor.system()) as uow:
                place = await places.get(uow, place_id)
                if place.part == LISTENER:
                    may = message.audio and await has_word(uow, place_id)
                    message = message.model_copy(update={"audio": may, "video": False})
                why = None if message.video else message.why or "camera_off"
                await places.change(uow, place_id, audio=message.audio, video=message.video, video_why=why)
            await self._tell_now(place_id)
        flags = PeerFlags(audio=message.audio, video=message.video, receive_video=message.receive_video)
        client = await self._client(session_id)
        await client.set_peer(session_id, place_id, flags)

    async def allow(self, session_id: str, place_id: str, *, audio: bool) -> None:
        """Let somebody's sound through, or drop it from now on; nothing if the node does not know them (yet)."""
        try:
            client = await self._client(session_id)
            await client.set_peer(session_id, place_id, PeerFlags(audio=audio, video=False))
        except AppError as error:
            log.info("media_allow_skipped", extra={"code": error.code})

    async def speech_ms(self, session_id: str) -> int:
        """The speaking time of the room in milliseconds (0 if unknown). Never raises."""
        try:
            description = await (await self._client(session_id)).describe(session_id)
        except AppError as error:
            log.info("speech_unknown", extra={"code": error.code})
            return 0
        return int(description.left_speech_ms + sum(peer.speech_ms for peer in description.peers))

    async def drop(self, session_id: str, place_id: str | None, reason: str) -> None:
        """End one connection or the whole room. Never raises: a node that is gone has nothing left to close."""
        try:
            client = await self._client(session_id)
            await client.close(session_id, place_id, reason)
        except AppError as error:
            log.info("media_close_skipped", extra={"code": error.code})
        self._check_nodes.pop(session_id, None)

    async def hears(self, session_id: str, place_id: str) -> bool:
        """Whether the node hears somebody now; False too when it does not say so soon."""
        try:
            async with asyncio.timeout(_ASK_FOR_S):
                description = await (await self._client(session_id)).describe(session_id)
        except (AppError, TimeoutError):
            return False
        return any(peer.peer_id == place_id and peer.connected and peer.audio_flowing for peer in description.peers)

    async def note_dead_nodes(self) -> None:
        """With a node the sound of all its talks ends, and it tells nobody: since then its people are lost, until they are heard again."""
        for node, session_ids in (await self._running_on()).items():
            silence = self._nodes.silence(node)
            if silence < ALIVE_FOR.total_seconds() or not await self._is_dead(node, session_ids[0]):
                continue
            for session_id in session_ids:
                await self._lost_with_node(session_id, silence)

    async def _running_on(self) -> dict[str, list[str]]:
        running = (SessionState.WAITING.value, SessionState.ACTIVE.value, SessionState.PAUSED.value)
        found: dict[str, list[str]] = {}
        async with self._database.read(Actor.system()) as unit:
            query = select(Session.id, Session.media_node).where(Session.state.in_(running))
            for session_id, node in await unit.session.execute(query):
                if node is not None:
                    found.setdefault(node, []).append(session_id)
        return found

    async def _is_dead(self, node: str, session_id: str) -> bool:
        """Asked before it is taken for dead: while the bus is away, nodes that carry talks are silent too."""
        try:
            async with asyncio.timeout(_ASK_FOR_S):
                await self._nodes.client(node).describe(session_id)
        except TimeoutError:
            return True
        except AppError as error:
            return error.code == "no_answer"
        return False

    async def _lost_with_node(self, session_id: str, silence: float) -> None:
        async with self._database.unit(Actor.system()) as uow:
            since = uow.now - timedelta(seconds=silence)
            seated = await places.of_session(uow, session_id)
            lost = [
                place for place in seated if place.here and place.heard_at is not None and place.media_lost_at is None
            ]
            for place in lost:
                await places.change(
                    uow, place.id, media_lost_at=since, grade=Grade.LOST.value, has_audio=False, has_video=False
                )
        for place in lost:
            await self._tell_now(place.id)

    async def on_event(self, event: Event) -> None:
        """News of a node (group ``calls``: one signalling process hears each)."""
        news = news_from_event(event)
        if isinstance(news, OfferMade):
            await self._send_offer(news.offer.peer_id, news.offer, dedupe_id=news.id)
        elif news.room_id.startswith(CHECK_PREFIX):
            return
        elif isinstance(news, SpeakingChanged):
            await self._tell(news, "speaking", {"id": news.peer_id, "on": news.on})
        elif isinstance(news, _ABOUT_CONNECTIONS):
            if isinstance(news, QualityChanged):
                await self._tell(news, "quality", {"id": news.peer_id, "grade": news.grade.value})
            async with self._locks.of(news.room_id):
                await self._look(news)

    async def _look(
        self, news: PeerLost | PeerBack | PeerConnected | PeerHeard | TrackPublished | TrackEnded | QualityChanged
    ) -> None:
        """Take the state of a connection from the node itself: news may overtake each other between processes, the truth cannot."""
        try:
            client = await self._client(news.room_id)
            description = await client.describe(news.room_id)
        except AppError as error:
            log.info("media_state_unknown", extra={"code": error.code})
            return
        peer = next((peer for peer in description.peers if peer.peer_id == news.peer_id), None)
        if peer is None:
            return
        flowing = {"has_audio": peer.audio_flowing, "has_video": peer.video_flowing}
        if not peer.connected:
            if isinstance(news, PeerLost):
                since = news.last_rtp_at or news.at
                await self._change(
                    news.peer_id, media_lost_at=since, grade=Grade.LOST.value, has_audio=False, has_video=False
                )
                await self._tell_now(news.peer_id)
            return
        async with self._database.unit(Actor.system()) as uow:
            await places.graded(uow, news.peer_id, peer.grade.value, weak=peer.grade is Grade.WEAK, **flowing)
        if isinstance(news, QualityChanged):
            return
        if self.on_reached is not None:
            await self.on_reached(news.room_id, news.peer_id)
        if isinstance(news, TrackPublished | TrackEnded) and self.on_tracks is not None:
            await self.on_tracks(news.room_id, news.peer_id)
        if peer.audio_flowing and self.on_heard is not None:
            async with self._database.unit(Actor.system()) as uow:
                first = await places.first_sound(uow, news.peer_id)
            if first:
                await self.on_heard(news.room_id, news.peer_id)

    async def _allowed(self, session_id: str, place_id: str, want: MediaWant) -> MediaWant:
        """What of ``want`` the place may have: a group briefing is sound only, and a listening post sends none without the word."""
        async with self._database.read(Actor.system()) as unit:
            session = await unit.session.get(Session, session_id)
            if session is None or session.case_id is not None:
                return want
            place = await places.get(unit, place_id)
            speaks = place.part != LISTENER or await has_word(unit, place_id)
        return want.model_copy(
            update={"send_audio": want.send_audio and speaks, "send_video": False, "receive_video": False}
        )

    async def _demand_seat(self, session_id: str, place_id: str) -> None:
        """Whoever sits in a room that is not over may have media in it. A page that stayed open after the end, or after a
        replacement, hears and says nothing any more, whatever it asks for.
        Raises ``Conflict('session_over' | 'on_phone')``, ``NotFound('participant_unknown')``.
        """
        async with self._database.read(Actor.system()) as unit:
            session = await unit.session.get(Session, session_id)
            place = await places.get(unit, place_id)
        if session is None or session.state in SESSION_OVER:
            raise Conflict("session_over")
        if place.state not in places.IN_ROOM:
            raise NotFound("participant_unknown")
        if place.phone_leg_id is not None:
            # The line of the telephone has the place in the room: a browser's media would end it in the middle of a sentence.
            raise Conflict("on_phone")

    async def _change(self, place_id: str, **values: Any) -> None:
        async with self._database.unit(Actor.system()) as uow:
            await places.change(uow, place_id, **values)

    async def _tell_now(self, place_id: str) -> None:
        async with self._database.read(Actor.system()) as unit:
            place = await places.get(unit, place_id)
            told = participant(place, over=await places.session_over(unit, place))
        await self._hub.tell(room_topic(place.session_id), "participant.changed", told)

    async def _tell(self, news: News, name: str, data: dict[str, Any]) -> None:
        """``n`` grows within a room: a browser ignores what is older than what it knows."""
        await self._hub.tell(room_topic(news.room_id), name, {**data, "n": news.seq}, dedupe_id=news.id)

    async def _send_offer(
        self, place_id: str, offer: PeerOffer, *, dedupe_id: str | None = None, ice_servers: Any = None
    ) -> None:
        frame: dict[str, Any] = {
            "t": "media.offer",
            "generation": offer.generation,
            "negotiation": offer.negotiation,
            "sdp": offer.sdp,
            "tracks": _tracks(offer),
        }
        if ice_servers is not None:
            frame["ice_servers"] = ice_servers
        await self._hub.send_frame(place_id, frame, dedupe_id=dedupe_id)

    async def _client(self, session_id: str) -> Any:
        check = session_id.startswith(CHECK_PREFIX)
        node = self._check_nodes.get(session_id) if check else await self._node_of(session_id)
        if node is None:
            raise NotFound("room_unknown")
        return self._nodes.client(node)

    async def _node_of(self, session_id: str) -> str | None:
        async with self._database.read(Actor.system()) as unit:
            session = await unit.session.get(Session, session_id)
            return None if session is None else session.media_node


def _tracks(offer: PeerOffer) -> Sequence[dict[str, str]]:
    return [{"mid": track.mid, "participant_id": track.peer_id, "kind": track.kind.value} for track in offer.tracks]
