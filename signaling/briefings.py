"""The room of a group briefing: how posts come in by their links, who has the word, what they ask. The rest is an ordinary call.

A post is a place with the part ``listener``: it receives, and sends no sound unless its leader gives it the word
(``signaling.call_media`` asks ``has_word`` before every connection).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.access import Actor
from core.db.session import Database, UnitOfWork
from core.errors import Conflict
from records.entry_kinds import EntryKind
from records.lifecycle import SESSION_OVER, EndReason, Outcome, SessionState
from records.models import Session
from records.session_log import SessionLog
from scheduler.bookings import BookingService
from scheduler.briefings.models import BriefingPost, Understood
from scheduler.briefings.posts import LISTENER
from scheduler.briefings.service import BriefingService, post_code
from scheduler.lifecycle import OPEN, BookingState
from scheduler.locks import locked_booking
from signaling import places
from signaling.admission import Admission, Join
from signaling.call_media import CallMedia
from signaling.calls import CallService, tell_place, tell_room


@dataclass(frozen=True)
class Listening:
    """What a post's page shows, and, once the room is there, what it needs to come in."""

    state: Literal["waiting", "open", "over"]
    """``waiting`` (somebody is still looked for), ``open``, ``over``."""
    post_id: str
    code: str
    word: bool
    language: str
    join: Join | None


class BriefingRooms:
    """Lets posts in and passes the word."""

    def __init__(
        self,
        database: Database,
        briefings: BriefingService,
        bookings: BookingService,
        session_log: SessionLog,
        admission: Admission,
        calls: CallService,
        media: CallMedia,
    ) -> None:
        self._database = database
        self._briefings = briefings
        self._bookings = bookings
        self._log = session_log
        self._admission = admission
        self._calls = calls
        self._media = media

    async def listen(self, secret: str) -> Listening:
        """What the link of a post opens now: a grant for its place, or word that the briefing has not begun or is over.

        The link stays good while the briefing runs; the newest page takes the place. Raises ``Unauthenticated('token_invalid')``.
        """
        async with self._database.unit(Actor.system()) as uow:
            post = await self._briefings.by_link(uow, secret)
            booking = await self._briefings.booking_of(uow, post.briefing_id)
            session = None if booking.session_id is None else await uow.session.get(Session, booking.session_id)
            over = booking.state not in OPEN or (session is not None and session.state in SESSION_OVER)
            join = None
            if not over and session is not None:
                place_id = post.place_id or await self._seat(uow, session, post)
                join = await self._admission.grant(uow, session, await places.get(uow, place_id))
            return Listening(
                state="over" if over else "waiting" if join is None else "open",
                post_id=post.id,
                code=post_code(post),
                word=post.word_at is not None,
                language=booking.language,
                join=join,
            )

    async def told(self, secret: str, *, group: int, people: int, answer: Understood) -> None:
        """A post says of one of its groups whether it heard and understood. Raises what ``BriefingService.told`` raises."""
        async with self._database.unit(Actor.system()) as uow:
            post = await self._briefings.by_link(uow, secret)
            await self._briefings.told(uow, post, group=group, people=people, answer=answer)

    async def ask(self, secret: str, kind: str) -> None:
        """A post asks to hear it again, or has a question: everybody in the room sees it, and the log keeps it.

        Raises ``Conflict('briefing_over' | 'briefing_not_begun')``.
        """
        async with self._database.unit(Actor.system()) as uow:
            post = await self._briefings.by_link(uow, secret)
            booking = await self._briefings.booking_of(uow, post.briefing_id)
            session = None if booking.session_id is None else await uow.session.get(Session, booking.session_id)
            if session is None or session.state in (SessionState.PLANNED, SessionState.WAITING):
                raise Conflict("briefing_not_begun")
            if session.state in SESSION_OVER:
                raise Conflict("briefing_over")
            await self._log.append(uow, session.id, EntryKind.SIGNAL, {"signal": kind, "part": LISTENER})
            tell_room(uow, session, "briefing.asked", {"post_id": post.id, "code": post_code(post), "kind": kind})

    async def give_word(self, briefing_id: str, post_id: str | None) -> None:
        """Let one post speak and nobody else; none: all only listen. What they send is dropped from this moment on."""
        async with self._database.unit(Actor.system()) as uow:
            changed = await self._briefings.give_word(uow, briefing_id, post_id)
            booking = await self._briefings.booking_of(uow, briefing_id)
            session = await uow.session.get_one(Session, booking.session_id)
            for post in changed:
                tell_room(uow, session, "briefing.word", {"post_id": post.id, "on": post.word_at is not None})
                if post.place_id is not None:
                    tell_place(uow, session, post.place_id)
            moved = [(post.place_id, post.word_at is not None) for post in changed if post.place_id is not None]
        for place_id, on in moved:
            await self._media.allow(session.id, place_id, audio=on)

    async def end(self, briefing_id: str) -> None:
        """The leader ends it: the session is closed and sealed, or the search is given up."""
        async with self._database.read(Actor.system()) as unit:
            booking = await self._briefings.booking_of(unit, briefing_id)
        if booking.state not in OPEN:
            return
        if booking.session_id is not None and booking.state is not BookingState.OFFERING:
            try:
                await self._calls.close(booking.session_id, Outcome.COMPLETED, EndReason.FINISHED, by="officer")
            except Conflict as error:
                if error.code != "session_over":
                    raise
            return
        async with self._database.unit(Actor.system()) as uow:
            await self._bookings.cancel(uow, booking.id, reason="not_needed")

    async def _seat(self, uow: UnitOfWork, session: Session, post: BriefingPost) -> str:
        """The post's place in the room, made once: the booking's lock settles who makes it."""
        await locked_booking(uow, session.booking_id)
        await uow.session.refresh(post)
        if post.place_id is None:
            place = await places.invite(uow, session.id, LISTENER)
            await places.change(uow, place.id, code=post_code(post), audio=False, video=False)
            post.place_id = place.id
            await uow.flush()
        return post.place_id
