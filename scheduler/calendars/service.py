"""CalendarService: what interpreters state about their time, and what coordinators enter for them. Who may call what is policy.

Every change expands the spans anew in the same unit of work, so that the next booking already goes by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar

from sqlalchemy import ColumnElement, func, or_, select

from core.clock import new_id
from core.crypto import FieldCipher
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, Invalid, NotFound
from scheduler.calendars.availability import LONGEST_DUTY
from scheduler.calendars.checks import known_clock, known_means, known_zone
from scheduler.calendars.localtime import instant, local_day, local_moment
from scheduler.calendars.models import (
    CalendarAbsence,
    CalendarException,
    CalendarRule,
    CalendarState,
    OnCallWindow,
)
from scheduler.calendars.spans import Interval, union
from scheduler.calendars.store import person, refresh
from scheduler.calendars.week import RuleInput, check_week
from scheduler.lifecycle import AssignmentState
from scheduler.locks import hold_person
from scheduler.models import Assignment

ABSENCE_KINDS = ("holiday", "sick", "training", "family", "other")
"""What people say of their own absences."""
ENTERED_KINDS = ("planned", "training", "unexpected")
"""What a coordinator says of somebody else's: whether it was foreseen, and nothing of health or family."""
STAND_BY, RESERVE = 60, 180
"""Report-in minutes of R-2: languages on call, and the surge reserve."""
MOST_ROWS = 200
_LONGEST_ABSENCE = timedelta(days=400)
_ANY_ZONE = timedelta(days=2)
"""No local day is farther from the instant than this."""
_ABSENCES = "calendar_absences"
Row = CalendarException | CalendarAbsence | OnCallWindow
RowT = TypeVar("RowT", CalendarException, CalendarAbsence, OnCallWindow)
Block = TypeVar("Block", CalendarAbsence, OnCallWindow)


@dataclass(frozen=True)
class ChangeInput:
    """One day that differs."""

    kind: str
    span_kind: str
    on_day: date
    replaces: str | None = None
    to_day: date | None = None
    from_time: str | None = None
    to_time: str | None = None


@dataclass(frozen=True)
class BlockInput:
    """From one local moment (``YYYY-MM-DDTHH:MM``) to another, the end excluded."""

    starts_local: str
    ends_local: str


@dataclass(frozen=True)
class Entered:
    """What an absence or a change led to."""

    id: str
    clashes: int
    """Agreed bookings that lie in the time: they stay agreed until they are given back."""


class CalendarService:
    """Weekly hours, exceptions, absences and on-call windows."""

    def __init__(self, cipher: FieldCipher) -> None:
        self._cipher = cipher

    async def version(self, unit: ReadUnit, interpreter_id: str) -> int:
        """The version of the calendar; 0 while nothing is stated."""
        found = await unit.session.scalar(
            select(CalendarState.version).where(CalendarState.interpreter_id == interpreter_id)
        )
        return int(found or 0)

    async def rules(self, unit: ReadUnit, interpreter_id: str) -> list[CalendarRule]:
        """The weekly spans that are valid today or later."""
        who = await person(unit, interpreter_id)
        rows = await unit.session.scalars(
            select(CalendarRule)
            .where(CalendarRule.interpreter_id == interpreter_id, _not_over(local_day(unit.now, who.time_zone)))
            .order_by(CalendarRule.valid_from, CalendarRule.weekday, CalendarRule.from_time)
        )
        return list(rows)

    async def set_week(
        self,
        uow: UnitOfWork,
        interpreter_id: str,
        week: Sequence[RuleInput],
        *,
        version: int,
        valid_from: date | None = None,
        zone: str | None = None,
        skip_holidays: bool = False,
    ) -> int:
        """Replace the weekly hours from a day on (none: today); what was valid before that day stays. Returns the new version.

        No spans at all: nothing is stated any more. Raises ``Invalid``: ``value_unknown`` (field), ``hours_overlap``
        (weekday), ``too_much`` (most); ``Conflict('changed_meanwhile')``.
        """
        await hold_person(uow, interpreter_id)
        who = await person(uow, interpreter_id)
        if await self.version(uow, interpreter_id) != version:
            raise Conflict("changed_meanwhile", {"version": await self.version(uow, interpreter_id)})
        zone = known_zone(zone or who.time_zone)
        today = local_day(uow.now, who.time_zone)
        first = max(valid_from or today, today)
        check_week(week)
        known = await uow.session.scalars(
            select(CalendarRule).where(CalendarRule.interpreter_id == interpreter_id, _not_over(first))
        )
        for row in known.all():
            if row.valid_from >= first:
                await uow.session.delete(row)
            else:
                row.valid_to = first - timedelta(days=1)
        for one in week:
            uow.session.add(
                CalendarRule(
                    id=new_id("rule"),
                    interpreter_id=interpreter_id,
                    kind=one.kind,
                    weekday=one.weekday,
                    from_time=one.from_time,
                    to_time=one.to_time,
                    zone=zone,
                    valid_from=first,
                    skip_holidays=skip_holidays,
                    report_in_min=(one.report_in_min or STAND_BY) if one.kind == "on_call" else None,
                    reachable_by=known_means(one.reachable_by) if one.kind == "on_call" else [],
                )
            )
        return (await refresh(uow, interpreter_id, changed=True)).version

    async def changes(self, unit: ReadUnit, interpreter_id: str, since: date) -> list[CalendarException]:
        """Days that differ, from ``since`` on."""
        rows = await unit.session.scalars(
            select(CalendarException)
            .where(
                CalendarException.interpreter_id == interpreter_id,
                or_(CalendarException.on_day >= since, CalendarException.to_day >= since),
            )
            .order_by(CalendarException.on_day, CalendarException.from_time)
        )
        return list(rows)

    async def add_change(self, uow: UnitOfWork, interpreter_id: str, change: ChangeInput) -> Entered:
        """Enter a day that differs. Raises ``Invalid``: ``value_unknown``, ``field_missing``, ``too_much``."""
        who = await person(uow, interpreter_id)
        if change.kind not in ("extra", "removed", "changed"):
            raise Invalid("value_unknown", {"field": "kind"})
        if change.span_kind not in ("desk", "on_call"):
            raise Invalid("value_unknown", {"field": "span_kind"})
        for name in ("from_time", "to_time", "replaces"):
            known_clock(name, getattr(change, name))
        if change.kind != "removed" and (change.from_time is None or change.to_time is None):
            raise Invalid("field_missing", {"field": "from_time"})
        await self._room(uow, CalendarException, interpreter_id)
        row = CalendarException(
            id=new_id("exception"),
            interpreter_id=interpreter_id,
            kind=change.kind,
            span_kind=change.span_kind,
            on_day=change.on_day,
            replaces=change.replaces if change.kind != "extra" else None,
            to_day=change.to_day if change.kind == "changed" else None,
            from_time=change.from_time if change.kind != "removed" else None,
            to_time=change.to_time if change.kind != "removed" else None,
            zone=who.time_zone,
            report_in_min=STAND_BY if change.span_kind == "on_call" else None,
            reachable_by=["app", "sms"] if change.span_kind == "on_call" else [],
        )
        uow.session.add(row)
        await refresh(uow, interpreter_id, changed=True)
        return Entered(row.id, 0)

    async def absences(self, unit: ReadUnit, interpreter_id: str, since: date) -> list[CalendarAbsence]:
        """Absences that end after ``since`` begins."""
        return await self._blocks(unit, CalendarAbsence, interpreter_id, since)

    async def add_absence(
        self, uow: UnitOfWork, interpreter_id: str, block: BlockInput, *, kind: str, reason: str | None = None
    ) -> Entered:
        """Enter an own absence; its reason is sealed. Raises ``Invalid``: ``value_unknown``, ``time_order``, ``too_much``."""
        if kind not in ABSENCE_KINDS:
            raise Invalid("value_unknown", {"field": "kind"})
        return await self._put_absence(uow, interpreter_id, block, kind, reason, None)

    async def enter_absence(
        self, uow: UnitOfWork, interpreter_id: str, block: BlockInput, *, kind: str, entered_by: str
    ) -> Entered:
        """Enter the absence of somebody who cannot do it: one of ``ENTERED_KINDS``, no reason. Raises what ``add_absence`` raises."""
        if kind not in ENTERED_KINDS:
            raise Invalid("value_unknown", {"field": "kind"})
        return await self._put_absence(uow, interpreter_id, block, kind, None, entered_by)

    async def away(self, unit: ReadUnit, interpreter_id: str, start: datetime, end: datetime) -> list[Interval]:
        """When somebody is absent around ``[start, end)``: all absences that stand, whoever entered them, as one."""
        rows = await unit.session.scalars(
            select(CalendarAbsence).where(
                CalendarAbsence.interpreter_id == interpreter_id,
                CalendarAbsence.ends_local > (start - _ANY_ZONE).date().isoformat(),
                CalendarAbsence.starts_local < (end + _ANY_ZONE).date().isoformat(),
            )
        )
        found = [Interval.of(*instants(BlockInput(row.starts_local, row.ends_local), row.zone)) for row in rows]
        return union(one for one in found if one is not None)

    async def absence(self, unit: ReadUnit, interpreter_id: str, key: str) -> CalendarAbsence:
        """One absence of that person. Raises ``NotFound('entry_unknown')``."""
        row = await unit.session.get(CalendarAbsence, key)
        if row is None or row.interpreter_id != interpreter_id:
            raise NotFound("entry_unknown")
        return row

    async def _put_absence(
        self,
        uow: UnitOfWork,
        interpreter_id: str,
        block: BlockInput,
        kind: str,
        reason: str | None,
        entered_by: str | None,
    ) -> Entered:
        who = await person(uow, interpreter_id)
        _check_block(block, _LONGEST_ABSENCE)
        await self._room(uow, CalendarAbsence, interpreter_id)
        key = new_id("absence")
        text = (reason or "").strip()
        sealed = self._cipher.seal(text, table=_ABSENCES, column="reason", row=key) if text else None
        uow.session.add(
            CalendarAbsence(
                id=key,
                interpreter_id=interpreter_id,
                kind=kind,
                starts_local=block.starts_local,
                ends_local=block.ends_local,
                zone=who.time_zone,
                reason=sealed,
                made_by=uow.actor.id,
                entered_by=entered_by,
                made_at=uow.now,
            )
        )
        await refresh(uow, interpreter_id, changed=True)
        return Entered(key, await self._clashes(uow, interpreter_id, block, who.time_zone))

    def reason(self, absence: CalendarAbsence) -> str | None:
        """The reason in the clear: for the person and the coordinators of their country only."""
        if absence.reason is None:
            return None
        return self._cipher.open(absence.reason, table=_ABSENCES, column="reason", row=absence.id)

    async def windows(self, unit: ReadUnit, interpreter_id: str, since: date) -> list[OnCallWindow]:
        """On-call windows that end after ``since`` begins."""
        return await self._blocks(unit, OnCallWindow, interpreter_id, since)

    async def add_window(
        self,
        uow: UnitOfWork,
        interpreter_id: str,
        block: BlockInput,
        *,
        report_in_min: int = STAND_BY,
        reachable_by: Sequence[str] = ("app", "sms"),
    ) -> Entered:
        """Be on call once. Raises ``Invalid``: ``value_unknown``, ``time_order``, ``too_much``."""
        if not 5 <= report_in_min <= 24 * 60:
            raise Invalid("value_unknown", {"field": "report_in_min"})
        who = await person(uow, interpreter_id)
        _check_block(block, LONGEST_DUTY)
        await self._room(uow, OnCallWindow, interpreter_id)
        row = OnCallWindow(
            id=new_id("window"),
            interpreter_id=interpreter_id,
            starts_local=block.starts_local,
            ends_local=block.ends_local,
            zone=who.time_zone,
            report_in_min=report_in_min,
            reachable_by=known_means(reachable_by),
        )
        uow.session.add(row)
        await refresh(uow, interpreter_id, changed=True)
        return Entered(row.id, 0)

    async def remove(self, uow: UnitOfWork, interpreter_id: str, kind: str, key: str) -> None:
        """Take back an ``exception``, an ``absence`` or a ``window``. Raises ``NotFound('entry_unknown')``."""
        tables: dict[str, type[Row]] = {
            "exception": CalendarException,
            "absence": CalendarAbsence,
            "window": OnCallWindow,
        }
        row: Row | None = await uow.session.get(tables[kind], key)
        if row is None or row.interpreter_id != interpreter_id:
            raise NotFound("entry_unknown")
        await uow.session.delete(row)
        await refresh(uow, interpreter_id, changed=True)

    async def _blocks(self, unit: ReadUnit, table: type[Block], interpreter_id: str, since: date) -> list[Block]:
        rows = await unit.session.scalars(
            select(table)
            .where(table.interpreter_id == interpreter_id, table.ends_local > f"{since.isoformat()}T00:00")
            .order_by(table.starts_local, table.id)
        )
        return list(rows)

    async def _room(self, uow: UnitOfWork, table: type[RowT], interpreter_id: str) -> None:
        await hold_person(uow, interpreter_id)
        count = await uow.session.scalar(
            select(func.count()).select_from(table).where(table.interpreter_id == interpreter_id)
        )
        if int(count or 0) >= MOST_ROWS:
            raise Invalid("too_much", {"most": MOST_ROWS})

    async def _clashes(self, uow: UnitOfWork, interpreter_id: str, block: BlockInput, zone: str) -> int:
        start, end = instants(block, zone)
        wanted = (
            select(func.count())
            .select_from(Assignment)
            .where(
                Assignment.interpreter_id == interpreter_id,
                Assignment.state.in_([AssignmentState.ACTIVE, AssignmentState.HELD]),
                Assignment.starts_at < end,
                Assignment.busy_until > start,
            )
        )
        async with uow.across_countries():
            return int(await uow.session.scalar(wanted) or 0)


def _not_over(day: date) -> ColumnElement[bool]:
    return or_(CalendarRule.valid_to.is_(None), CalendarRule.valid_to >= day)


def instants(block: BlockInput, zone: str) -> tuple[datetime, datetime]:
    """From when to when a block lasts. Raises ``Invalid('value_unknown')``, ``Invalid('time_order')``."""
    _check_block(block, _LONGEST_ABSENCE)
    return instant(local_moment(block.starts_local), zone), instant(local_moment(block.ends_local), zone)


def _check_block(block: BlockInput, longest: timedelta) -> None:
    try:
        start, end = local_moment(block.starts_local), local_moment(block.ends_local)
    except ValueError:
        raise Invalid("value_unknown", {"field": "starts_local"}) from None
    if not start < end <= start + longest:
        raise Invalid("time_order")
