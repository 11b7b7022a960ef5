"""What a case looks like from outside: the shapes of docs/protocol.md, without what the queue adds (bookings, next action)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypedDict

from records.case_facts import active_needs, case_gates, current_step, locking_gate, running_timers, suggested_steps
from records.gates import Gate, GateCode, GateState
from records.lifecycle import CaseState, HeldHow, StepState
from records.models import Case, ProcedureStep
from records.procedures import Catalogue, Due
from records.session_views import SessionBrief, session_brief

SOON = timedelta(hours=72)
"""A timer that runs out within this time is ``due_soon``."""
_HELD_HOW = frozenset(how.value for how in HeldHow)
_ACTIONS = {
    GateCode.LANGUAGE_KNOWN: "set_language",
    GateCode.SEX_WISH_ASKED: "ask_sex",
    GateCode.GUARDIAN: "guardian_arrived",
    GateCode.REQUIRED_STEP: "plan_step",
}


class CaseLanguageView(TypedDict):
    """A language of the person."""

    code: str
    source: str
    region_note: str | None
    rank: int
    confirmed_at: datetime | None


class SexWishView(TypedDict):
    """A wish for the sex of the interpreter or the officer (M-3, M-4)."""

    wish: str
    must: bool
    asked_at: datetime | None


class CurrentStep(TypedDict):
    """The step that is to be done now."""

    id: str
    code: str
    state: str


class GuardianView(TypedDict):
    """The guardian of an unaccompanied minor, by staff code."""

    assigned: bool
    code: str | None
    arrived_at: datetime | None


class RemovalView(TypedDict):
    """When the person is to be removed, and who entered that when."""

    at: datetime
    zone: str
    noted_at: datetime | None
    noted_by: str | None


class AcceptedView(TypedDict):
    """Substitutes that the person said yes to, and when they were asked."""

    languages: list[str]
    asked_at: datetime


class StepView(TypedDict):
    """A step in the timeline."""

    id: str
    code: str
    state: str
    planned_at: datetime
    held_at: datetime | None
    held_how: str | None
    sessions: list[SessionBrief]


class GateView(TypedDict):
    """One rule before the current step."""

    code: str
    state: str
    params: dict[str, Any]
    rule: str
    action: str | None


class TimerView(TypedDict):
    """A legal time limit that runs."""

    id: str
    due_at: datetime
    meaning_key: str
    state: str
    status: str


class CaseSummary(TypedDict):
    """A case in the list. The API adds ``next``, ``booking_id``, ``session_id`` from ``scheduler.case_links``."""

    id: str
    case_ref: str
    country: str
    site: str
    state: str
    languages: list[CaseLanguageView]
    step: CurrentStep | None
    opened_at: datetime
    changed_at: datetime
    emergency: bool
    link_by: datetime | None


class CaseDetail(CaseSummary):
    """A case in full. The API adds ``bookings`` and what the summary lacks."""

    version: int
    literacy: str
    age_group: str
    uam: str
    guardian: GuardianView | None
    interp_sex: SexWishView
    officer_sex: SexWishView
    removal: RemovalView | None
    avoided: int
    accepted: AcceptedView | None
    needs: list[str]
    country_of_origin: str | None
    track: str
    ext_ref: str | None
    steps: list[StepView]
    current_step_id: str | None
    gates: list[GateView]
    locked_by: str | None
    mode: str
    timers: list[TimerView]
    suggested_steps: list[str]


class CasePage(TypedDict):
    """One page of the case list."""

    items: list[CaseSummary]
    total: int
    page: int
    per: int


def case_summary(catalogue: Catalogue, case: Case) -> CaseSummary:
    """A case in the list."""
    step = current_step(catalogue, case)
    return CaseSummary(
        id=case.id,
        case_ref=case.case_ref,
        country=case.country,
        site=case.site,
        state="closed" if case.state in (CaseState.CLOSED, CaseState.LINKED) else "open",
        languages=[
            CaseLanguageView(
                code=language.code,
                source=language.source,
                region_note=language.region_note,
                rank=language.rank,
                confirmed_at=language.confirmed_at,
            )
            for language in case.languages
        ],
        step=CurrentStep(id=step.id, code=step.code, state=step.state.value) if step else None,
        opened_at=case.opened_at,
        changed_at=case.changed_at,
        emergency=case.state is CaseState.TEMPORARY,
        link_by=case.link_by if case.state is CaseState.TEMPORARY else None,
    )


def case_detail(catalogue: Catalogue, case: Case, now: datetime, ext_ref: str | None) -> CaseDetail:
    """A case in full; ``ext_ref`` in clear, for the own authority only."""
    step = current_step(catalogue, case)
    found = case_gates(catalogue, case, step.code) if step else []
    lock = locking_gate(found)
    return CaseDetail(
        **case_summary(catalogue, case),
        version=case.version,
        literacy=case.literacy,
        age_group=case.age_group,
        uam=case.uam,
        guardian=_guardian(case),
        interp_sex=SexWishView(wish=case.interp_sex, must=case.interp_sex_must, asked_at=case.interp_sex_asked_at),
        officer_sex=SexWishView(wish=case.officer_sex, must=case.officer_sex_must, asked_at=case.officer_sex_asked_at),
        removal=_removal(case),
        avoided=len(case.avoid),
        accepted=_accepted(case),
        needs=active_needs(case, now),
        country_of_origin=case.country_of_origin,
        track=case.track,
        ext_ref=ext_ref,
        steps=[step_view(row, now) for row in case.steps],
        current_step_id=step.id if step else None,
        gates=[gate_view(gate) for gate in sorted(found, key=lambda gate: gate.state is not GateState.STOP)],
        locked_by=lock.code.value if lock else None,
        mode="open",
        timers=[_timer(due, now) for due in running_timers(catalogue, case)],
        suggested_steps=suggested_steps(catalogue, case),
    )


def step_view(row: ProcedureStep, now: datetime) -> StepView:
    """A step with its sessions, oldest first."""
    return StepView(
        id=row.id,
        code=row.code,
        state=row.state.value,
        planned_at=row.planned_at,
        held_at=row.held_at,
        held_how=row.reason if row.state is StepState.HELD and row.reason in _HELD_HOW else None,
        sessions=[session_brief(session, now) for session in row.sessions],
    )


def gate_view(gate: Gate) -> GateView:
    """A gate; it offers its action only while it is not met."""
    params: Mapping[str, Any] = gate.params
    return GateView(
        code=gate.code.value,
        state=gate.state.value,
        params=dict(params),
        rule=gate.rule,
        action=None if gate.state is GateState.OK else _ACTIONS.get(gate.code),
    )


def _guardian(case: Case) -> GuardianView | None:
    if case.uam == "no":
        return None
    return GuardianView(
        assigned=case.guardian_assigned_at is not None, code=case.guardian_code, arrived_at=case.guardian_arrived_at
    )


def _removal(case: Case) -> RemovalView | None:
    if case.removal_at is None:
        return None
    return RemovalView(
        at=case.removal_at,
        zone=case.removal_zone or "UTC",
        noted_at=case.removal_noted_at,
        noted_by=case.removal_noted_by,
    )


def _accepted(case: Case) -> AcceptedView | None:
    if case.accepted_at is None:
        return None
    return AcceptedView(languages=list(case.accepted_languages or ()), asked_at=case.accepted_at)


def _timer(due: Due, now: datetime) -> TimerView:
    state = "running"
    if due.at <= now:
        state = "over"
    elif due.at - now <= SOON:
        state = "due_soon"
    return TimerView(
        id=due.timer.id,
        due_at=due.at,
        meaning_key=f"timer.{due.timer.id}",
        state=state,
        status=due.status.value,
    )
