"""What a case says about a step: the facts for its gates, its deadline, and for the need of a booking. No changes here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from records.case_values import CHILD_GROUPS, URGENT_MEDICAL
from records.case_write import REMOVAL_PAST
from records.gates import CaseFacts, Gate, GateCode, GateState, Uam, gates
from records.lifecycle import CaseState, SessionState, StepState
from records.models import Case, ProcedureStep
from records.procedure_schema import Part, Step, Suitability, Track
from records.procedures import Catalogue, Due
from records.stages import Level, Stage

_FURTHEST = (StepState.DROPPED, StepState.POSTPONED, StepState.PLANNED, StepState.SCHEDULED, StepState.HELD)
_MUST_BE_ENTERED = frozenset({GateCode.LANGUAGE_KNOWN, GateCode.SEX_WISH_ASKED})
"""Without these answers nobody can be matched; other waits are settled until the session starts."""
INTERPRETED = frozenset({SessionState.ACTIVE, SessionState.PAUSED, SessionState.ENDED, SessionState.SEALED})


@dataclass(frozen=True)
class StepFacts:
    """All that the scheduler may know of a case for one step. The only gate from the file to the queue."""

    case_id: str
    case_ref: str
    country: str
    site: str
    authority: str
    opened_by: str
    step_id: str
    step_code: str
    step_state: StepState
    stage: Stage
    languages: tuple[tuple[str, str], ...]
    """(code, source), best first."""
    sex_wish: str
    sex_must: bool
    sex_asked_at: datetime | None
    child: bool
    uam: bool
    needs: frozenset[str]
    urgent_medical: bool
    """URGENT_MEDICAL, not yet expired."""
    avoid: frozenset[str]
    accepted: frozenset[str]
    """Interpreter's languages that the person said yes to as a substitute."""
    min_level: Level
    typical_minutes: int
    phone_allowed: bool
    police_regime: bool
    approved_location: bool
    own_pool_only: bool
    sworn_required: bool
    appeal: bool
    continuity_id: str | None
    """The interpreter of the latest session of a step with continuity (M-6)."""
    continuity_second: str | None
    """The other one of that session, by relay or in a team; the queue knows (``scheduler.history``)."""
    earlier_ids: frozenset[str]
    """Interpreters of sessions that were held in this case."""
    complaint_ids: frozenset[str]
    """Interpreters against whom a complaint was made in this case (M-6); the queue knows."""
    deadline_at: datetime | None
    """The next legal time limit that runs."""
    removal_at: datetime | None
    """When the person is to be removed; none once that is a day ago."""
    emergency: bool
    locked_by: str | None
    """Code of the gate that forbids to look for an interpreter."""
    urgent_until: datetime | None
    """Until when URGENT_MEDICAL counts; none if it does not."""


def case_gates(catalogue: Catalogue, case: Case, code: str, *, safety_only: bool = False) -> list[Gate]:
    """Every rule that bears on a step of this case, met or not. Sessions run in open mode."""
    return gates(
        catalogue,
        catalogue.step(code),
        CaseFacts(
            language_known=bool(case.languages),
            sex_wish_asked=case.interp_sex_asked_at is not None,
            uam=Uam(case.uam),
            guardian_present=case.guardian_code is not None and case.guardian_arrived_at is not None,
            steps=furthest_states(case),
            present=_present(case),
            sealed=False,
            removal_planned=case.removal_at is not None,
            safety_only=safety_only,
        ),
    )


def locking_gate(found: Sequence[Gate]) -> Gate | None:
    """The first gate that forbids to look for an interpreter: a stop, or an answer without which nobody can be matched."""
    for gate in found:
        if gate.state is GateState.STOP or (gate.state is GateState.WAIT and gate.code in _MUST_BE_ENTERED):
            return gate
    return None


def furthest_states(case: Case) -> dict[str, StepState]:
    """Per step code the furthest state that a step of it has reached."""
    found: dict[str, StepState] = {}
    for step in case.steps:
        known = found.get(step.code)
        if known is None or _FURTHEST.index(step.state) > _FURTHEST.index(known):
            found[step.code] = step.state
    return found


def current_step(catalogue: Catalogue, case: Case) -> ProcedureStep | None:
    """The step that is to be done now: a scheduled one, else the first that is planned or waits for a new date.

    While a step that comes first in the law is in the case and not done, that one is, whatever was planned before it.
    """
    for state in (StepState.SCHEDULED, StepState.PLANNED, StepState.POSTPONED):
        for step in case.steps:
            if step.state is state:
                return step if state is StepState.SCHEDULED else _first_needed(catalogue, case, step)
    return None


def _first_needed(catalogue: Catalogue, case: Case, step: ProcedureStep) -> ProcedureStep:
    """``step``, or what it waits for, or what that waits for."""
    waiting = {row.code: row for row in reversed(case.steps) if row.state in (StepState.PLANNED, StepState.POSTPONED)}
    seen = {step.code}
    while True:
        needed = (
            waiting.get(str(gate.params["step"]))
            for gate in case_gates(catalogue, case, step.code)
            if gate.code is GateCode.REQUIRED_STEP and gate.state is not GateState.OK
        )
        before = next((row for row in needed if row is not None and row.code not in seen), None)
        if before is None:
            return step
        step = before
        seen.add(step.code)


def running_timers(catalogue: Catalogue, case: Case) -> list[Due]:
    """The legal timers that run in a case, soonest first; none in a closed one."""
    if case.state in (CaseState.CLOSED, CaseState.LINKED):
        return []
    held: dict[str, datetime] = {}
    for step in case.steps:
        if step.held_at is not None:
            held[step.code] = min(step.held_at, held.get(step.code, step.held_at))
    return catalogue.due(case.country, held, Track(case.track))


def step_facts(
    catalogue: Catalogue, case: Case, row: ProcedureStep, now: datetime, *, safety_only: bool = False
) -> StepFacts:
    """What the queue may know of this step."""
    step = catalogue.step(row.code)
    lock = locking_gate(case_gates(catalogue, case, row.code, safety_only=safety_only))
    needs = active_needs(case, now)
    due = [timer.at for timer in running_timers(catalogue, case) if timer.at > now]
    return StepFacts(
        case_id=case.id,
        case_ref=case.case_ref,
        country=case.country,
        site=case.site,
        authority=case.authority,
        opened_by=case.opened_by,
        step_id=row.id,
        step_code=row.code,
        step_state=row.state,
        stage=step.stage,
        languages=tuple((language.code, language.source) for language in case.languages),
        sex_wish=case.interp_sex,
        sex_must=case.interp_sex_must,
        sex_asked_at=case.interp_sex_asked_at,
        child=case.age_group in CHILD_GROUPS,
        uam=Uam(case.uam) is not Uam.NO,
        needs=frozenset(needs),
        urgent_medical=URGENT_MEDICAL in needs,
        avoid=frozenset(case.avoid),
        accepted=frozenset(case.accepted_languages or ()),
        min_level=step.min_level,
        typical_minutes=step.typical_minutes,
        phone_allowed=step.remote.phone is not Suitability.NOT_ALLOWED,
        police_regime=step.police_regime,
        approved_location=step.approved_location,
        own_pool_only=step.own_pool_only,
        sworn_required=step.sworn_required,
        appeal=step.appeal,
        continuity_id=_continuity(catalogue, case, step),
        continuity_second=None,
        earlier_ids=_earlier(case),
        complaint_ids=frozenset(),
        deadline_at=min(due, default=None),
        removal_at=_removal(case, now),
        emergency=case.state is CaseState.TEMPORARY or "URGENT_MEDICAL" in needs,
        locked_by=lock.code.value if lock else None,
        urgent_until=case.urgent_medical_until if URGENT_MEDICAL in needs else None,
    )


def active_needs(case: Case, now: datetime) -> list[str]:
    """The needs of a case without an URGENT_MEDICAL that has expired."""
    until = case.urgent_medical_until
    expired = until is None or until <= now
    return [need for need in case.needs if need != URGENT_MEDICAL or not expired]


def suggested_steps(catalogue: Catalogue, case: Case, *, most: int = 4) -> list[str]:
    """Codes of steps that may come next: what the current step still requires, then what follows in the procedure."""
    there = {code for code, state in furthest_states(case).items() if state is not StepState.DROPPED}
    current = current_step(catalogue, case)
    wanted: list[str] = []
    if current is not None:
        for gate in case_gates(catalogue, case, current.code):
            if gate.code is GateCode.REQUIRED_STEP and gate.state is not GateState.OK:
                wanted.append(str(gate.params["step"]))
    codes = [step.code for step in catalogue.steps(case.country)]
    last = max((codes.index(code) for code in there if code in codes), default=-1)
    for code in codes[last + 1 :]:
        blocked = any(
            gate.state is GateState.STOP and gate.code in (GateCode.REQUIRED_STEP, GateCode.BLOCKED_WHILE)
            for gate in case_gates(catalogue, case, code)
        )
        if not blocked:
            wanted.append(code)
    return [code for code in dict.fromkeys(wanted) if code not in there][:most]


def _removal(case: Case, now: datetime) -> datetime | None:
    """The removal as far as it still hurries: an instant that nobody corrected for a day is over."""
    return case.removal_at if case.removal_at is not None and case.removal_at > now - REMOVAL_PAST else None


def _present(case: Case) -> frozenset[Part]:
    present = {Part.INTERPRETER}
    if case.guardian_code is not None and case.guardian_arrived_at is not None:
        present.add(Part.GUARDIAN)
    return frozenset(present)


def _continuity(catalogue: Catalogue, case: Case, step: Step) -> str | None:
    if not step.continuity:
        return None
    sessions = [
        (session.active_at, session.interpreter_id)
        for row in case.steps
        if catalogue.step(row.code).continuity
        for session in row.sessions
        if session.state in INTERPRETED and session.interpreter_id and session.active_at
    ]
    return max(sessions)[1] if sessions else None


def _earlier(case: Case) -> frozenset[str]:
    return frozenset(
        session.interpreter_id
        for row in case.steps
        for session in row.sessions
        if session.state in INTERPRETED and session.interpreter_id
    )
