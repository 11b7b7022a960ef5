"""Who listens: one process per running draft holds a tap into the room, and gives its sound to the speech workers.

Consent comes before sound: the tap allows nobody until the database says that everybody present agreed, and the node copies
nothing of others. When this process cannot listen any more, another one takes over after ``HELD_FOR``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from sqlalchemy import or_, select, update

from core.access import Actor
from core.clock import new_id
from core.db.session import Database
from core.errors import AppError, NotFound
from core.events.bus import EventBus, Message
from core.tasks import end
from media.lines.protocol import Piece
from media.speech.workers import Heard, SpeechWorkers
from records.models import Session
from signaling.room_legs import relay_legs
from signaling.speech.drafts import DraftService
from signaling.speech.languages import OFFICER, spoken
from signaling.speech.lines import DraftLines
from signaling.speech.models import SpeechDraft
from signaling.speech.rows import draft_of, people, seated
from signaling.speech.states import OPEN, DraftState, Flow, Seated, StopReason, allowed, flow, shares_microphone

log = logging.getLogger(__name__)
LOOK_EVERY_S = 2.0
HELD_FOR = timedelta(seconds=15)
TAP_AGAIN_S = 2.0


class Tap(Protocol):
    """What is needed of ``media.lines.client.SpeechTap``."""

    def __aiter__(self) -> AsyncIterator[Piece]:
        """Pieces of the allowed, in order."""
        ...

    async def allow(self, peer_ids: Collection[str]) -> None:
        """From now on their sound and nobody else's."""
        ...


OpenTap = Callable[[str], AbstractAsyncContextManager[Tap]]
"""A tap into the room of a session that allows nobody yet."""


@dataclass(frozen=True)
class Moment:
    """What the database says about a draft now."""

    flow: Flow
    allowed: frozenset[str]
    languages: dict[str, tuple[str, ...]]
    shared: frozenset[str]
    """Places whose microphone somebody beside the officer speaks into, too."""
    strangers: bool
    """Somebody is here who was not asked."""
    is_barred: bool = False
    """It may not run any more: a switch was turned off."""


class Listeners:
    """All running drafts that this process listens to."""

    def __init__(
        self,
        database: Database,
        bus: EventBus,
        drafts: DraftService,
        lines: DraftLines,
        workers: SpeechWorkers,
        open_tap: OpenTap,
    ) -> None:
        self._database = database
        self._bus = bus
        self._drafts = drafts
        self._lines = lines
        self._workers = workers
        self._open_tap = open_tap
        self._holder = new_id("ears")
        self._rooms: dict[str, _Room] = {}
        self._wake = asyncio.Event()
        drafts.on_change = self.changed

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look for drafts to listen to, until closed."""
        task = asyncio.create_task(self._run(), name="speech-listeners")
        try:
            yield
        finally:
            await end([task])
            for room in list(self._rooms.values()):
                await room.close()
            self._rooms.clear()
            await self._workers.aclose()

    def changed(self, session_id: str) -> None:
        """A draft of this session changed: look at once."""
        room = self._rooms.get(session_id)
        if room is not None:
            room.look()
        self._wake.set()

    async def _run(self) -> None:
        while True:
            try:
                await self._turn()
            except Exception:
                log.exception("speech_listeners_failed")
            self._wake.clear()
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _turn(self) -> None:
        wanted = set(await self._claim())
        for session_id in set(self._rooms) - wanted:
            await self._rooms.pop(session_id).close()
        for session_id in wanted - set(self._rooms):
            self._workers.warm()
            room = _Room(session_id, self)
            self._rooms[session_id] = room
            room.start()

    async def _claim(self) -> list[str]:
        """Drafts that are asked for or run, and are nobody's or ours. SQLite and PostgreSQL decide races by the conditional update."""
        async with self._database.read(Actor.system()) as unit:
            free = or_(
                SpeechDraft.holder.is_(None), SpeechDraft.holder == self._holder, SpeechDraft.held_until < unit.now
            )
            open_states = [state.value for state in OPEN]
            found = list(
                await unit.session.scalars(
                    select(SpeechDraft.session_id).where(SpeechDraft.state.in_(open_states), free)
                )
            )
        if not found:
            return []
        mine = []
        async with self._database.unit(Actor.system()) as uow:
            for session_id in found:
                taken = await uow.session.execute(
                    update(SpeechDraft)
                    .where(
                        SpeechDraft.session_id == session_id,
                        SpeechDraft.state.in_(open_states),
                        or_(
                            SpeechDraft.holder.is_(None),
                            SpeechDraft.holder == self._holder,
                            SpeechDraft.held_until < uow.now,
                        ),
                    )
                    .values(holder=self._holder, held_until=uow.now + HELD_FOR)
                    .execution_options(synchronize_session=False)
                )
                if taken.rowcount:  # type: ignore[attr-defined]
                    mine.append(session_id)
        return mine

    # what a room needs

    async def moment(self, session_id: str) -> Moment:
        """See ``Moment``; a draft that is gone is stopped."""
        async with self._database.read(Actor.system()) as unit:
            draft = await draft_of(unit, session_id)
            session = await unit.session.get(Session, session_id)
            if draft is None or session is None:
                return Moment(Flow.STOPPED, frozenset(), {}, frozenset(), strangers=False)
            here: list[Seated] = await seated(unit, session_id)
            places = await people(unit, session_id)
            now = flow(draft.state, session.state, here)
            legs = await relay_legs(unit, session_id, places)
            strangers = draft.state in OPEN and any(person.answer is None for person in here)
            waits = draft.state is DraftState.ASKING
            is_barred = draft.state in OPEN and await self._drafts.why_not(unit, session) is not None
        if waits:
            await self._drafts.settle(session_id)
        if is_barred:
            return Moment(Flow.STOPPED, frozenset(), {}, frozenset(), strangers=False, is_barred=True)
        officers = frozenset(place.id for place in places if place.part == OFFICER)
        shared = officers if shares_microphone(here) else frozenset()
        languages = spoken(session, places, legs, shared=bool(shared))
        return Moment(now, allowed(now, here), languages, shared, strangers)


class _Room:
    """One draft: its tap, its channels, and the texts that come back."""

    def __init__(self, session_id: str, house: Listeners) -> None:
        self._id = session_id
        self._house = house
        self._look = asyncio.Event()
        self._allowed: frozenset[str] | None = None
        self._channels: dict[str, str] = {}
        self._shared: frozenset[str] = frozenset()
        self._heard: asyncio.Queue[tuple[str, Heard, bool]] = asyncio.Queue(500)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._listen(), name=f"speech-room-{self._id}"),
            asyncio.create_task(self._write(), name=f"speech-lines-{self._id}"),
        ]

    def look(self) -> None:
        self._look.set()

    async def close(self) -> None:
        self._silence()
        await end(self._tasks)

    async def _listen(self) -> None:
        async with AsyncExitStack() as stack:
            # Joining, leaving, breaks and answers are all told in the room's own topic, whichever process did them.
            await stack.enter_async_context(self._house._bus.follow(f"room:{self._id}", self._told))
            while True:
                try:
                    await self._tapped()
                except AppError as error:
                    log.info("speech_tap_failed", extra={"session_id": self._id, "code": error.code})
                finally:
                    self._silence()
                await asyncio.sleep(TAP_AGAIN_S)

    def _told(self, message: Message) -> None:
        self.look()

    async def _tapped(self) -> None:
        async with self._house._open_tap(self._id) as tap:
            steering = asyncio.create_task(self._steer(tap), name=f"speech-steer-{self._id}")
            try:
                async for piece in tap:
                    channel = self._channels.get(piece.peer_id)
                    if channel is not None:
                        self._house._workers.hear(channel, _ms(piece.at), piece.pcm)
            finally:
                await end([steering])

    async def _steer(self, tap: Tap) -> None:
        """Look at the database whenever something happens, and every two seconds; then open and shut ears."""
        while True:
            self._look.clear()
            try:
                await self._look_once(tap)
            except AppError as error:
                log.info("speech_look_failed", extra={"session_id": self._id, "code": error.code})
                self._silence()
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._look.wait()
            except TimeoutError:
                continue

    async def _look_once(self, tap: Tap) -> None:
        now = await self._house.moment(self._id)
        if now.is_barred:
            await self._house._drafts.stop(self._id, StopReason.SWITCHED_OFF)
        if now.strangers:
            try:
                await self._house._drafts.newcomers(self._id)
            except NotFound:
                return
        # In a break, and while a newcomer is asked, what was said before it is still written down; nothing new comes.
        resting = now.flow in (Flow.BREAK, Flow.NEWCOMER, Flow.ABSENT)
        if now.shared != self._shared:
            # In which languages a microphone may speak is another question from now on: every channel begins anew.
            self._close_channels()
            self._shared = now.shared
        gone = [] if resting else [place for place in self._channels if place not in now.allowed]
        for place_id in gone:
            self._house._workers.close(self._channels.pop(place_id))
        if now.allowed != self._allowed:
            await tap.allow(now.allowed)
            self._allowed = now.allowed
        for place_id in now.allowed - set(self._channels):
            languages = now.languages.get(place_id)
            if languages is not None:
                channel = new_id("channel")
                self._channels[place_id] = channel
                heard = self._on_heard(place_id, shared=place_id in now.shared)
                self._house._workers.open(channel, self._id, languages, heard, by_sound=bool(now.shared))

    def _on_heard(self, place_id: str, *, shared: bool) -> Callable[[Heard], None]:
        def heard(what: Heard) -> None:
            try:
                self._heard.put_nowait((place_id, what, shared))
            except asyncio.QueueFull:
                log.warning("speech_lines_too_slow", extra={"session_id": self._id})

        return heard

    def _silence(self) -> None:
        """Shut ears; what the tap allows is told it anew, whatever it was."""
        self._close_channels()
        self._allowed = None

    def _close_channels(self) -> None:
        for channel in self._channels.values():
            self._house._workers.close(channel)
        self._channels.clear()

    async def _write(self) -> None:
        while True:
            place_id, what, shared = await self._heard.get()
            if place_id not in self._channels:
                continue
            try:
                await self._house._lines.add(
                    self._id, place_id, what.language, _at(what.from_ms), _at(what.to_ms), what.text, what.missing,
                    shared=shared,
                )  # fmt: skip
            except Exception:
                log.exception("speech_line_failed", extra={"session_id": self._id})


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
