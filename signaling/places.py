"""The rows that say who has a place in a session and who is in the room now. The lease of a place is its ``seen_at``.

A place belongs to one connection at a time: every change is conditional on it, so that an old socket that dies late
cannot throw out the person who already came back.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, update

from core.clock import new_id
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, NotFound, Unauthenticated
from records.lifecycle import SESSION_OVER
from records.models import Session, SessionParticipant

LEASE = timedelta(seconds=20)
"""Without any sign of life for so long a person counts as lost, whatever the socket says (its process may be dead)."""
IN_ROOM = ("present", "lost")


@dataclass(frozen=True)
class Place:
    """One person's place in a session, as it is now."""

    id: str
    session_id: str
    part: str
    code: str | None
    user_id: str | None
    state: str
    connection_id: str | None
    seen_at: datetime | None
    since: datetime | None
    audio: bool
    video: bool
    has_audio: bool
    has_video: bool
    grade: str | None
    heard_at: datetime | None
    media_lost_at: datetime | None
    loss_logged_at: datetime | None
    phone_leg_id: str | None = None
    """The telephone call by which they are in the room; their browser, if it is there, waits without media."""
    weak_since: datetime | None = None
    video_why: str | None = None

    @property
    def here(self) -> bool:
        """Whether they are in the room, by browser or by telephone."""
        return self.state == "present" or (self.state == "lost" and self.phone_leg_id is not None)

    @property
    def lost_from(self) -> datetime | None:
        """Since when the others cannot reach this person: the socket is cut, or the node hears nothing.

        Whoever is on the telephone is reached by it, whatever their browser does.
        """
        cut = self.since if self.state == "lost" and self.phone_leg_id is None else None
        known = [at for at in (cut, self.media_lost_at) if at is not None]
        return min(known) if known else None


@dataclass(frozen=True)
class Seat:
    """A place just taken by a connection."""

    place: Place
    before: Place
    """As it was a moment ago: lost since when, on which connection."""
    secret: str
    """With it a cut connection comes back (stored as a hash only)."""


def _place(row: SessionParticipant) -> Place:
    return Place(
        id=row.id,
        session_id=row.session_id,
        part=row.part,
        code=row.code,
        user_id=row.user_id,
        state=row.state,
        connection_id=row.connection_id,
        seen_at=row.seen_at,
        since=row.since,
        audio=row.audio,
        video=row.video,
        has_audio=row.has_audio,
        has_video=row.has_video,
        grade=row.grade,
        heard_at=row.heard_at,
        media_lost_at=row.media_lost_at,
        loss_logged_at=row.loss_logged_at,
        phone_leg_id=row.phone_leg_id,
        weak_since=row.weak_since,
        video_why=row.video_why,
    )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


async def _of_running(unit: ReadUnit, *conditions: ColumnElement[bool]) -> list[Place]:
    """Places of sessions that are not over, read anew."""
    rows = await unit.session.scalars(
        select(SessionParticipant)
        .join(Session, Session.id == SessionParticipant.session_id)
        .where(*conditions, Session.state.not_in([state.value for state in SESSION_OVER]))
        .execution_options(populate_existing=True)
    )
    return [_place(row) for row in rows]


async def get(unit: ReadUnit, place_id: str) -> Place:
    """Raises ``NotFound('participant_unknown')``."""
    row = await unit.session.get(SessionParticipant, place_id, populate_existing=True)
    if row is None:
        raise NotFound("participant_unknown")
    return _place(row)


async def session_over(unit: ReadUnit, place: Place) -> bool:
    """Whether the session of a place has ended, as of the reading of the unit."""
    return await unit.session.scalar(select(Session.state).where(Session.id == place.session_id)) in SESSION_OVER


async def of_session(unit: ReadUnit, session_id: str) -> list[Place]:
    """All places of a session in the fixed order in which they were made: tiles never jump."""
    rows = await unit.session.scalars(
        select(SessionParticipant)
        .where(SessionParticipant.session_id == session_id)
        .order_by(SessionParticipant.id)
        .execution_options(populate_existing=True)
    )
    return [_place(row) for row in rows]


async def of_user(unit: ReadUnit, session_id: str, user_id: str) -> Place | None:
    """The place of a member of staff in a session, if any that was not given up by a replacement."""
    row = await unit.session.scalar(
        select(SessionParticipant).where(
            SessionParticipant.session_id == session_id,
            SessionParticipant.user_id == user_id,
            SessionParticipant.state != "gone",
        )
    )
    return None if row is None else _place(row)


async def invite(uow: UnitOfWork, session_id: str, part: str) -> Place:
    """A new place for a guest: the person, a guardian or a lawyer. Raises ``NotFound('session_unknown')``."""
    session = await uow.session.get(Session, session_id)
    if session is None:
        raise NotFound("session_unknown")
    row = SessionParticipant(
        id=new_id("part"), session_id=session_id, country=session.country, part=part, state="invited"
    )
    row.audio = row.video = True
    row.has_audio = row.has_video = False
    uow.session.add(row)
    await uow.flush()
    return _place(row)


async def take(uow: UnitOfWork, place_id: str) -> Seat:
    """Seat a new connection. The newest wins: an older one of the same place is replaced."""
    locked = uow.dialect == "postgresql"
    row = await uow.session.get(SessionParticipant, place_id, populate_existing=True, with_for_update=locked)
    if row is None or row.state == "gone":
        raise NotFound("participant_unknown")
    before = _place(row)
    secret = secrets.token_urlsafe(24)
    if row.state != "present":
        row.since = uow.now
    row.state = "present"
    row.connection_id = new_id("conn")
    row.resume_hash = _digest(secret)
    row.seen_at = uow.now
    await uow.flush()
    return Seat(_place(row), before, secret)


async def by_secret(unit: ReadUnit, connection_id: str, secret: str) -> Place:
    """The place of a cut connection.

    Raises ``Unauthenticated('resume_refused')`` when it went to another connection, ``Conflict('session_over')`` when the session has
    ended meanwhile: whoever was cut off then is told that, instead of being asked for a new link.
    """
    row = await unit.session.scalar(
        select(SessionParticipant).where(
            SessionParticipant.connection_id == connection_id,
            SessionParticipant.resume_hash == _digest(secret),
            SessionParticipant.state.in_(IN_ROOM),
        )
    )
    if row is None:
        query = select(Session.state).join(SessionParticipant, SessionParticipant.session_id == Session.id)
        if await unit.session.scalar(query.where(SessionParticipant.connection_id == connection_id)) in SESSION_OVER:
            raise Conflict("session_over")
        raise Unauthenticated("resume_refused")
    return _place(row)


async def touch(uow: UnitOfWork, connection_ids: Sequence[str]) -> None:
    """Renew the leases of the connections that this process holds: one statement for all of them."""
    if connection_ids:
        await uow.session.execute(
            update(SessionParticipant)
            .where(SessionParticipant.connection_id.in_(connection_ids), SessionParticipant.state == "present")
            .values(seen_at=uow.now)
            .execution_options(synchronize_session=False)
        )


async def given_up(unit: ReadUnit, connection_ids: Sequence[str]) -> list[Place]:
    """The places of these connections that count as lost. A connection that stands was given up by mistake (``revive``)."""
    return await _of_running(
        unit, SessionParticipant.connection_id.in_(connection_ids), SessionParticipant.state == "lost"
    )


async def revive(uow: UnitOfWork, place_id: str, connection_id: str) -> bool:
    """The connection of a place that was given up for lost stands after all. False when the place is not its any more."""
    return await _conditional(uow, place_id, connection_id, "lost", state="present", since=uow.now, seen_at=uow.now)


async def withdrawn(unit: ReadUnit) -> list[Place]:
    """Places of running sessions that were given to somebody else while their person was, or had been, in the room."""
    return await _of_running(unit, SessionParticipant.state == "gone", SessionParticipant.seen_at.is_not(None))


async def holders(unit: ReadUnit, place_ids: Sequence[str]) -> dict[str, str | None]:
    """Which connection each of these places belongs to; none after a replacement."""
    rows = await unit.session.execute(
        select(SessionParticipant.id, SessionParticipant.connection_id).where(SessionParticipant.id.in_(place_ids))
    )
    return {row.id: row.connection_id for row in rows}


async def lose(uow: UnitOfWork, place_id: str, connection_id: str, *, since: datetime | None = None) -> bool:
    """The connection is gone, the place is kept. False when somebody else sits there already."""
    return await _conditional(uow, place_id, connection_id, "present", state="lost", since=since or uow.now)


async def leave(uow: UnitOfWork, place_id: str, connection_id: str | None = None) -> bool:
    """The person left on purpose; coming back needs a new grant."""
    statement = update(SessionParticipant).where(
        SessionParticipant.id == place_id, SessionParticipant.state.in_(IN_ROOM)
    )
    if connection_id is not None:
        statement = statement.where(SessionParticipant.connection_id == connection_id)
    result = await uow.session.execute(
        statement.values(
            state="left",
            since=uow.now,
            resume_hash=None,
            has_audio=False,
            has_video=False,
            heard_at=None,
            phone_leg_id=None,
            weak_since=None,
        ).execution_options(synchronize_session=False)
    )
    return bool(result.rowcount)  # type: ignore[attr-defined]


async def change(uow: UnitOfWork, place_id: str, **values: Any) -> None:
    """Set facts of a place: wishes, flowing media, grade, heard."""
    await uow.session.execute(
        update(SessionParticipant)
        .where(SessionParticipant.id == place_id)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


async def graded(uow: UnitOfWork, place_id: str, grade: str, *, weak: bool, **flowing: Any) -> None:
    """Note how good the line of somebody is and what flows; a weak one keeps the instant at which it became so."""
    # Typed by the column: a bare instant would reach SQLite as text, and no row with it could be read again.
    now = literal(uow.now, SessionParticipant.weak_since.type)
    since = func.coalesce(SessionParticipant.weak_since, now) if weak else None
    await change(uow, place_id, grade=grade, weak_since=since, **flowing)


async def first_sound(uow: UnitOfWork, place_id: str) -> bool:
    """Note that somebody is heard. True for the first time since they arrived."""
    result = await uow.session.execute(
        update(SessionParticipant)
        .where(
            SessionParticipant.id == place_id,
            SessionParticipant.heard_at.is_(None),
            SessionParticipant.state.in_(IN_ROOM),
        )
        .values(heard_at=uow.now)
        .execution_options(synchronize_session=False)
    )
    return bool(result.rowcount)  # type: ignore[attr-defined]


async def expired(unit: ReadUnit) -> list[Place]:
    """People whose process vanished with their socket: present by the row, without a sign of life for ``LEASE``."""
    return await _of_running(unit, SessionParticipant.state == "present", SessionParticipant.seen_at < unit.now - LEASE)


async def lost_before(unit: ReadUnit, instant: datetime) -> list[Place]:
    """People of running sessions who have been out of reach since before ``instant``."""
    return await _of_running(
        unit,
        SessionParticipant.state.in_(IN_ROOM),
        or_(
            and_(
                SessionParticipant.state == "lost",
                SessionParticipant.phone_leg_id.is_(None),
                SessionParticipant.since < instant,
            ),
            SessionParticipant.media_lost_at < instant,
        ),
    )


async def join_by_phone(uow: UnitOfWork, place_id: str, leg_id: str) -> Seat | None:
    """The person of this place is in the room by telephone from now on; their browser keeps its connection. None: they are already.

    Raises ``NotFound('participant_unknown')`` for a place that was given up by a replacement.
    """
    locked = uow.dialect == "postgresql"
    row = await uow.session.get(SessionParticipant, place_id, populate_existing=True, with_for_update=locked)
    if row is None or row.state == "gone":
        raise NotFound("participant_unknown")
    if row.phone_leg_id == leg_id:
        return None
    before = _place(row)
    if row.state not in IN_ROOM:
        # They come by telephone alone: no browser is there that could be lost.
        row.state, row.since = "lost", uow.now
    row.phone_leg_id = leg_id
    row.media_lost_at = row.weak_since = None
    row.has_video = False
    await uow.flush()
    return Seat(_place(row), before, "")


async def end_phone(uow: UnitOfWork, place_id: str, leg_id: str) -> bool:
    """The call is over. With a browser there, its media is awaited; without one the person is lost from now on. False: not theirs."""
    locked = uow.dialect == "postgresql"
    row = await uow.session.get(SessionParticipant, place_id, populate_existing=True, with_for_update=locked)
    if row is None or row.phone_leg_id != leg_id:
        return False
    row.phone_leg_id = row.heard_at = row.grade = row.loss_logged_at = None
    row.has_audio = False
    if row.state == "present":
        row.media_lost_at = uow.now
    else:
        row.since, row.media_lost_at = uow.now, None
    await uow.flush()
    return True


async def _conditional(uow: UnitOfWork, place_id: str, connection_id: str, expected: str, **values: Any) -> bool:
    result = await uow.session.execute(
        update(SessionParticipant)
        .where(
            SessionParticipant.id == place_id,
            SessionParticipant.connection_id == connection_id,
            SessionParticipant.state == expected,
        )
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    return bool(result.rowcount)  # type: ignore[attr-defined]
