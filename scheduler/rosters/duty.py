"""Published shifts as planned duty: what the coverage view reads before it looks into the calendars."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from core.db.session import ReadUnit
from scheduler.demand.planned import CalendarDuties, Duties, Duty
from scheduler.rosters.models import RosterPeriod, RosterVersion, Shift
from scheduler.rosters.service import REPORT_IN_MIN


class RosterDuties:
    """A ``DutySource`` over published rosters. Who is in a roster of that time works by it, everybody else by their calendar."""

    def __init__(self) -> None:
        self._calendars = CalendarDuties()

    async def duties(self, unit: ReadUnit, *, start: datetime, end: datetime) -> Duties | None:
        """Shifts and, for people without a roster, calendar hours in [start, end); none if no roster was published for that time."""
        async with unit.across_countries():
            rosters = (
                await unit.session.execute(
                    select(RosterPeriod.starts_on, RosterPeriod.days, RosterVersion.cells)
                    .join(
                        RosterVersion,
                        (RosterVersion.roster_id == RosterPeriod.id) & (RosterVersion.number == RosterPeriod.published),
                    )
                    .where(RosterPeriod.published.is_not(None))
                )
            ).all()
            shifts = (
                await unit.session.execute(
                    select(Shift.interpreter_id, Shift.starts_at, Shift.ends_at, Shift.on_call)
                    .where(Shift.ended_version.is_(None), Shift.starts_at < end, Shift.ends_at > start)
                    .order_by(Shift.interpreter_id, Shift.starts_at)
                )
            ).all()
        first, last = start.date().toordinal(), end.date().toordinal()
        planned = {
            who
            for row in rosters
            if row.starts_on.toordinal() <= last and first < row.starts_on.toordinal() + row.days
            for who in row.cells
        }
        if not planned:
            return None
        others = await self._calendars.duties(unit, start=start, end=end)
        items = [duty for duty in (others.items if others else ()) if duty.interpreter_id not in planned]
        items += [
            Duty(row.interpreter_id, row.starts_at, row.ends_at, row.on_call, REPORT_IN_MIN if row.on_call else 0)
            for row in shifts
        ]
        return Duties(tuple(items), "roster")
