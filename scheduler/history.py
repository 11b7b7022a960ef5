"""Who interpreted in a case and who was complained about there, as the queue knows it: beside what the case itself says.

The file knows the interpreter who speaks with the person; the other one of a relay or a team, and complaints, are known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Integer, String, and_, literal, null, or_, select, type_coerce, union_all

from core.db.base import UtcDateTime
from core.db.session import ReadUnit
from records.case_facts import INTERPRETED, StepFacts
from records.models import Session
from records.procedures import Catalogue
from scheduler.lifecycle import AssignmentState
from scheduler.models import Assignment
from scheduler.pool_life.grievance import Ground
from scheduler.pool_life.models import Complaint

_COMPLAINT = 0
"""In place of a leg: the row is a complaint."""


class CaseHistory:
    """Completes the facts of a step. Put into ``CaseService`` where the services are built, so that no caller can forget it."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    async def complete(self, unit: ReadUnit, facts: StepFacts) -> StepFacts:
        """The facts with both legs of what was interpreted (M-6) and with whom a complaint was made against (M-6).

        A complaint about the conditions of a talk (speed, breaks, sound) is not about the interpreter.
        """
        rows = await self._rows(unit, facts.case_id)
        served = [row for row in rows if row[1] != _COMPLAINT]
        return replace(
            facts,
            continuity_second=self._second(facts, served),
            earlier_ids=facts.earlier_ids | {row[0] for row in served},
            complaint_ids=frozenset(row[0] for row in rows if row[1] == _COMPLAINT),
        )

    def _second(self, facts: StepFacts, served: Sequence[tuple[str, int, str | None, str | None]]) -> str | None:
        """The second interpreter of the latest talk with continuity; none if it had only one."""
        if not self._catalogue.step(facts.step_code).continuity:
            return None
        latest: str | None = None
        second: str | None = None
        for who, leg, code, session_id in served:  # in the order in which the sessions began
            if code is None or not self._catalogue.step(code).continuity:
                continue
            if session_id != latest:
                latest, second = session_id, None
            if leg > 1:
                second = who
        return second

    async def _rows(self, unit: ReadUnit, case_id: str) -> list[tuple[str, int, str | None, str | None]]:
        """(interpreter, leg, step code, session) of what was interpreted, in order; and of complaints (leg 0). One statement."""
        worked = or_(
            Assignment.state.in_((AssignmentState.ACTIVE, AssignmentState.HONOURED)), Assignment.active_min > 0
        )
        served = (
            select(
                Assignment.interpreter_id.label("who"),
                Assignment.leg.label("leg"),
                Session.step_code.label("code"),
                Session.id.label("session"),
                Session.active_at.label("at"),
                Assignment.made_at.label("made_at"),
            )
            .join(Session, Session.booking_id == Assignment.booking_id)
            .where(and_(Session.case_id == case_id, Session.state.in_(INTERPRETED), worked))
        )
        complained = select(
            Complaint.interpreter_id,
            literal(_COMPLAINT, Integer),
            type_coerce(null(), String),
            type_coerce(null(), String),
            Complaint.received_at,
            Complaint.received_at,
        ).where(Complaint.case_id == case_id, Complaint.ground != Ground.CONDITIONS)
        both = union_all(served, complained).subquery()
        found = await unit.session.execute(
            select(both.c.who, both.c.leg, both.c.code, both.c.session).order_by(
                type_coerce(both.c.at, UtcDateTime()), both.c.session, type_coerce(both.c.made_at, UtcDateTime())
            )
        )
        return [(who, leg, code, session_id) for who, leg, code, session_id in found]
