"""Reads what the rules look at: places, calls and losses of one session, and what its step allows. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from core.db.session import ReadUnit, UnitOfWork
from core.errors import NotFound
from records.entry_kinds import EntryKind
from records.lifecycle import PauseReason, SessionState
from records.models import Session
from records.procedure_schema import Suitability
from records.procedures import Catalogue
from records.session_log import SessionLog
from records.stages import Stage
from signaling import places
from signaling.fallback.facts import Facts, Loss, Person
from signaling.fallback.models import FallbackCall, FallbackRoom
from signaling.fallback.states import CallState, Why
from signaling.places import Place
from signaling.realtime.rooms import INTERPRETER, OFFICER
from signaling.telephony.port import PhoneLegs

RUNNING = (SessionState.WAITING, SessionState.ACTIVE, SessionState.PAUSED)
OPEN_CALLS = (CallState.WAITING, CallState.PLACING, CallState.CALLING)
_INTERVIEW = "-ASY-50"
"""Steps of both countries that S-11 means with its limits for interruptions."""
_COUNTED = (OFFICER, INTERPRETER, "applicant")


@dataclass(frozen=True)
class Seen:
    """One session as the ladder sees it in one transaction."""

    session: Session
    room: FallbackRoom | None
    places: Sequence[Place]
    calls: Sequence[FallbackCall]
    """Newest last."""
    facts: Facts

    def place(self, place_id: str) -> Place:
        """Raises ``NotFound('participant_unknown')``."""
        found = next((place for place in self.places if place.id == place_id), None)
        if found is None:
            raise NotFound("participant_unknown")
        return found

    def open_call(self, place_id: str) -> FallbackCall | None:
        """The call to somebody that is under way."""
        return next((call for call in self.calls if call.place_id == place_id and call.state in OPEN_CALLS), None)


class Numbers(Protocol):
    """Whose telephone is on file (``signaling.telephony.numbers``)."""

    async def ref_of_user(self, unit: ReadUnit, user_id: str) -> str | None:
        """The reference of somebody's number."""
        ...


class Reading:
    """Reads sessions."""

    def __init__(self, catalogue: Catalogue, session_log: SessionLog, phone: PhoneLegs, numbers: Numbers) -> None:
        self._catalogue = catalogue
        self._log = session_log
        self._phone = phone
        self._numbers = numbers

    async def seen(self, unit: ReadUnit, session: Session) -> Seen:
        """The session with its facts."""
        room = await unit.session.get(FallbackRoom, session.id, populate_existing=True)
        seated = await places.of_session(unit, session.id)
        calls = list(
            await unit.session.scalars(
                select(FallbackCall)
                .where(FallbackCall.session_id == session.id)
                .order_by(FallbackCall.made_at, FallbackCall.id)
                .execution_options(populate_existing=True)
            )
        )
        stage, phone_in_step, asks = self._of_step(session.step_code)
        facts = Facts(
            now=unit.now,
            running=session.state in RUNNING,
            in_break=session.state is SessionState.PAUSED and session.reason == PauseReason.BREAK,
            sealed=session.mode == "sealed",
            stage=stage,
            interview=session.step_code.endswith(_INTERVIEW),
            phone_in_step=phone_in_step,
            asks_person=asks,
            phone_configured=self._phone.configured,
            people=tuple([await self._person(unit, place, calls) for place in seated if _counts(place)]),
            losses=await self._losses(unit, session.id, seated),
            answered_losses=0 if room is None else room.answered_losses,
            agreement=None if room is None else room.agreement,
            sound_only=room is not None and room.sound_only,
            repeated_at=None if room is None else room.repeated_at,
        )
        return Seen(session, room, seated, calls, facts)

    async def _person(self, unit: ReadUnit, place: Place, calls: Sequence[FallbackCall]) -> Person:
        known = self._phone.configured and place.user_id is not None
        # In the same transaction: a second one inside of the first would wait for a connection while it holds one.
        number = await self._numbers.ref_of_user(unit, str(place.user_id)) if known else None
        return _person(place, calls, has_number=number is not None)

    def _of_step(self, code: str) -> tuple[Stage, bool, bool]:
        """Stage, whether the telephone is allowed, whether the person is asked before it takes over."""
        step = self._catalogue.step(code)
        asks = step.stage is Stage.ASYLUM or step.remote.with_agreement
        return step.stage, step.remote.phone is not Suitability.NOT_ALLOWED, asks

    async def _losses(self, unit: ReadUnit, session_id: str, seated: Sequence[Place]) -> tuple[Loss, ...]:
        """The interruptions that the log tells (each over 10 s); one that still lasts has no length."""
        away = {(place.part, place.code) for place in seated if place.lost_from is not None}
        found: dict[tuple[Any, ...], Loss] = {}
        for entry in await self._log.entries(unit, session_id):
            data = entry["data"]
            if data.get("part") not in _COUNTED or entry["kind"] not in (EntryKind.LINE_LOST, EntryKind.LINE_BACK):
                continue
            key = (data["part"], data["code"], data["from"])
            start = datetime.fromisoformat(str(data["from"]).replace("Z", "+00:00"))
            if entry["kind"] == EntryKind.LINE_BACK:
                found[key] = Loss(start, int(str(data["seconds"])))
            elif key[:2] in away:
                found[key] = Loss(start, None)
            else:
                # Left or was replaced while away: what came after is no interruption any more.
                found[key] = Loss(start, max(0, int((entry["at"] - start).total_seconds())))
        return tuple(found.values())


async def locked_room(uow: UnitOfWork, session: Session) -> FallbackRoom:
    """The ladder's row of a session under its lock, made when it is missing. The first lock of every change of the ladder."""
    query = (
        select(FallbackRoom)
        .where(FallbackRoom.session_id == session.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    room: FallbackRoom | None = await uow.session.scalar(query)
    if room is None:
        # Two may find it missing at once: one of them makes it, and both go on under its lock.
        made = {
            "session_id": session.id,
            "country": session.country,
            "version": 0,
            "sound_only": False,
            "answered_losses": 0,
        }
        insert = postgresql.insert if uow.dialect == "postgresql" else sqlite.insert
        await uow.session.execute(insert(FallbackRoom).values(made).on_conflict_do_nothing())
        room = (await uow.session.scalars(query)).one()
    return room


def _counts(place: Place) -> bool:
    """Officer and interpreter who came and neither left nor were replaced."""
    return place.part in (OFFICER, INTERPRETER) and place.state in places.IN_ROOM


def _person(place: Place, calls: Sequence[FallbackCall], *, has_number: bool) -> Person:
    own = [call for call in calls if call.place_id == place.id]
    latest = own[-1] if own else None
    return Person(
        place_id=place.id,
        part=place.part,
        lost_since=place.lost_from,
        weak_since=place.weak_since,
        on_phone=place.phone_leg_id is not None,
        has_number=has_number,
        call_open=any(call.state in OPEN_CALLS for call in own),
        called_for=latest.lost_from if latest is not None else None,
        not_by_phone=latest is not None and latest.why == Why.NOT_BY_PHONE,
        unanswered=latest is not None and latest.state is CallState.ENDED,
    )
