"""A robot in a room: joins with a grant, answers the node's offers, speaks a WAV file and keeps what it hears."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from core.errors import AppError
from media.protocol import Kind, PeerOffer, TrackInfo
from media.robot import RobotPeer
from media.similarity import Comparison, Samples, compare
from signaling.rehearsal.client import Json, Socket

log = logging.getLogger(__name__)
RATE = 48_000
CLEAR = 0.8
"""Similarity from which a stretch is the same speech without doubt (``media.similarity``)."""


class RobotParticipant:
    """One person in a call. Build with ``enter``; end with ``leave`` or ``close``."""

    def __init__(self, socket: Socket, join: Json, peer: RobotPeer) -> None:
        self.socket = socket
        self.join = join
        self.peer = peer
        self.id: str = join["participant"]["id"]
        self._offers: asyncio.Queue[Json] = asyncio.Queue()
        self._answering: asyncio.Task[None] | None = None

    @classmethod
    async def enter(cls, socket: Socket, join: Json, speech: Samples, *, video: bool = False) -> RobotParticipant:
        """Sit down and start media; returns when the first offer is asked for."""
        made = cls(socket, join, RobotPeer(speech, video=video, ice_servers=join["ice_servers"]))
        made._sit(socket)
        await made.start_media(video=video)
        return made

    def _sit(self, socket: Socket) -> None:
        self.socket = socket
        if self._answering is not None:
            self._answering.cancel()
        self._answering = asyncio.create_task(self._answer(), name="robot answers")
        socket.take_offers(self._offers.put_nowait)

    async def start_media(self, *, video: bool = False) -> None:
        """Ask for a (new) peer connection. A node that was started anew counts its generations from 1 again."""
        await self.peer.close()
        self.peer.generation = 0
        want = {"send_audio": True, "send_video": video, "receive_audio": True, "receive_video": video}
        await self.socket.ask("media.start", want=want)

    async def come_back(self, socket: Socket, *, video: bool = False) -> None:
        """Go on with a resumed socket and new media."""
        self._sit(socket)
        await self.start_media(video=video)

    async def hears(self, other: str, said: Samples, *, seconds: float = 4.0, timeout: float = 45.0) -> Comparison:
        """Listen to participant ``other`` until ``seconds`` of it are what was said, or the time is up; then the best that was heard.

        A machine that stands still tears holes into what its robots say and hear: the first seconds alone tell little of the way.
        Raises ``TimeoutError`` when too little came."""
        loop = asyncio.get_running_loop()
        limit = loop.time() + timeout
        best: Comparison | None = None
        heard = await self.peer.until_heard(other, seconds=seconds, timeout=timeout)
        while True:
            found = await asyncio.to_thread(_clearest, said, heard[RATE // 4 :], int(seconds * RATE))
            best = found if best is None or found.similarity > best.similarity else best
            if best.similarity >= CLEAR or loop.time() >= limit:
                return best
            known = len(heard)
            try:
                heard = await self.peer.until_heard(other, seconds=known / RATE + 1, timeout=limit - loop.time())
            except TimeoutError:
                return best
            if len(heard) == known:
                return best  # No more of it is kept.

    async def leave(self) -> None:
        """Say goodbye, then close."""
        await self.socket.ask("room.leave")
        await self.close()

    async def close(self) -> None:
        """End media and socket without a word."""
        if self._answering is not None:
            self._answering.cancel()
            await asyncio.gather(self._answering, return_exceptions=True)
        await self.peer.close()
        await self.socket.close()

    async def _answer(self) -> None:
        while True:
            frame = await self._offers.get()
            offer = offer_from_frame(self.id, frame)
            if offer.generation < self.peer.generation:
                continue
            sdp = await self.peer.take(offer)
            try:
                await self.socket.ask(
                    "media.answer", generation=offer.generation, negotiation=offer.negotiation, sdp=sdp
                )
            except AppError as error:
                log.info("robot_answer_refused", extra={"code": error.code})


def _clearest(said: Samples, heard: Samples, size: int) -> Comparison:
    """Of the last three whole stretches, or of all there is."""
    ends = range(len(heard), size - 1, -size)[:3] or (len(heard),)
    found = [compare(said, heard[max(0, end - size) : end], RATE, looped=True) for end in ends]
    return max(found, key=lambda one: one.similarity)


def offer_from_frame(participant_id: str, frame: Json) -> PeerOffer:
    """The offer in a ``media.offer`` frame."""
    tracks: tuple[Any, ...] = tuple(
        TrackInfo(mid=track["mid"], peer_id=track["participant_id"], kind=Kind(track["kind"]))
        for track in frame["tracks"]
    )
    return PeerOffer(
        peer_id=participant_id,
        generation=frame["generation"],
        negotiation=frame["negotiation"],
        sdp=frame["sdp"],
        tracks=tracks,
    )
