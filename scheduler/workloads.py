"""What interpreters have done and still have to do around a moment: who is busy, who rests, and who is owed a break.

Reads only, of both countries, and times only. Who may be asked for a need is the business of ``queries``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select

from core.db.session import ReadUnit
from scheduler.breaks import Work
from scheduler.lifecycle import KEPT, AssignmentState
from scheduler.models import Assignment
from scheduler.need import Presence
from scheduler.times import Worked, day_bounds, rest_until

_WORK_WINDOW = timedelta(days=1)
_OVERRUN = timedelta(minutes=5)
"""A session that runs longer than planned is taken to last at least so much longer."""


@dataclass
class WorkLoad:
    """What an interpreter has done and has still to do, around one moment."""

    engagements: list[tuple[datetime, datetime]] = field(default_factory=list)
    """Agreed work with the break owed, half open."""
    worked: list[Worked] = field(default_factory=list)
    """Finished sessions, newest first."""
    planned: list[Work] = field(default_factory=list)
    """Agreed and held work without its breaks."""
    is_live: bool = False
    """In a session, or about to be, right now."""

    def minutes_on(self, at: datetime, zone: str) -> int:
        """Minutes worked and planned on the calendar day of ``at``."""
        if not self.worked and not self.planned:
            return 0
        start, end = day_bounds(at, zone)
        done = sum(session.minutes for session in self.worked if start <= session.ended_at < end)
        return done + sum(work.minutes for work in self.planned if start <= work.start < end)


async def workloads(
    unit: ReadUnit, ids: Sequence[str], at: datetime, until: datetime | None = None, *, without: str | None = None
) -> dict[str, WorkLoad]:
    """Work done, agreed and held around ``at`` (or from then to ``until``) and around now, by interpreter.

    ``without`` leaves out the running work for one booking: it is about to be given up or made again.

    Times only, and of both countries: who is busy for one cannot serve the other, whatever the reader may see of the work.
    """
    found: dict[str, WorkLoad] = defaultdict(WorkLoad)
    if not ids:
        return found
    since, until = min(at, unit.now) - _WORK_WINDOW, max(until or at, unit.now) + _WORK_WINDOW
    active = and_(Assignment.state.in_(KEPT), Assignment.starts_at < until)
    if without is not None:
        active = and_(active, Assignment.booking_id != without)
    recent = and_(Assignment.state.not_in(KEPT), Assignment.ended_at > since, Assignment.active_min > 0)
    wanted = (
        select(
            Assignment.interpreter_id,
            Assignment.state,
            Assignment.starts_at,
            Assignment.ends_at,
            Assignment.busy_until,
            Assignment.minutes,
            Assignment.block_min,
            Assignment.ended_at,
            Assignment.active_min,
        )
        .where(Assignment.interpreter_id.in_(ids), or_(active, recent))
        .order_by(Assignment.ended_at.desc(), Assignment.starts_at)
    )
    async with unit.across_countries():
        rows = (await unit.session.execute(wanted)).all()
    for row in rows:
        load = found[row.interpreter_id]
        if row.state in KEPT:
            load.planned.append(Work(row.starts_at, row.ends_at, row.minutes, row.block_min))
            ends = row.busy_until
            if row.starts_at <= unit.now and row.state is AssignmentState.ACTIVE:
                load.is_live = True
                ends = max(ends, unit.now + _OVERRUN)
            load.engagements.append((row.starts_at, ends))
        else:
            load.worked.append(Worked(row.starts_at, row.ended_at, row.active_min))
    for load in found.values():
        rested = rest_until(load.worked)
        if rested is not None and rested > unit.now:
            load.engagements.append((load.worked[0].ended_at, rested))
    return found


def presence_state(wanted: str | None, seen_until: datetime | None, load: WorkLoad, now: datetime) -> Presence:
    """Available, busy (in a session or on the break after it) or away."""
    if load.is_live:
        return Presence.BUSY
    if wanted != "available" or seen_until is None or seen_until <= now:
        return Presence.AWAY
    resting = any(start <= now < end for start, end in load.engagements)
    return Presence.BUSY if resting else Presence.AVAILABLE
