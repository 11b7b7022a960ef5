"""Calls in the reserve while a surge state asks for it (R-7): who is on call is asked to come on duty, each once in three hours.

Only who is neither on line nor at work and can be called by a configured means. What is asked is what a coordinator asks who calls
somebody in by hand; nothing is repeated because a message failed.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import select

from core.db.session import ReadUnit, UnitOfWork
from core.notify import NoteKind
from scheduler.lifecycle import AssignmentState
from scheduler.models import Assignment, Presence
from scheduler.ring.models import ReachAttempt
from scheduler.ring.reach import Reach
from scheduler.surge.rule import Switch
from scheduler.surge.states import SurgeNow

REPORT_IN = timedelta(hours=3)
"""Within so long the reserve reports (R-2); nobody is asked again before."""


class CallInReserve:
    """Follows the switch ``call_in_reserve``."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    async def follow(self, uow: UnitOfWork, now: SurgeNow) -> int:
        """Ask whoever is to be asked in the state ``now``; returns how many people. Called again and again by the watch."""
        if not now.is_on(Switch.CALL_IN_RESERVE):
            return 0
        waiting = set(await self._reach.on_call(uow, now.country))
        waiting -= await self._there(uow, waiting)
        waiting -= await self._asked(uow, waiting)
        return len(await self._reach.call_in_all(uow, waiting, country=now.country)) if waiting else 0

    async def _there(self, unit: ReadUnit, ids: Collection[str]) -> set[str]:
        """Who is on line or at work."""
        on_line = select(Presence.interpreter_id).where(
            Presence.interpreter_id.in_(ids), Presence.wanted == "available", Presence.seen_until > unit.now
        )
        at_work = select(Assignment.interpreter_id).where(
            Assignment.interpreter_id.in_(ids),
            Assignment.state == AssignmentState.ACTIVE,
            Assignment.starts_at <= unit.now,
            Assignment.busy_until > unit.now,
        )
        async with unit.across_countries():
            return {*await unit.session.scalars(on_line), *await unit.session.scalars(at_work)}

    async def _asked(self, unit: ReadUnit, ids: Collection[str]) -> set[str]:
        """Who was asked lately, by the watch or by hand, whatever became of it."""
        lately = select(ReachAttempt.interpreter_id).where(
            ReachAttempt.interpreter_id.in_(ids),
            ReachAttempt.kind == NoteKind.CALL_IN.value,
            ReachAttempt.made_at > unit.now - REPORT_IN,
        )
        return set(await unit.session.scalars(lately))
