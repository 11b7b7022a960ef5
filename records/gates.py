"""What stands before a step of one case: each rule that is met, waits, warns or stops, with its id. Pure.

The start button, the booking form and the log use the same answer. It decides nothing that a person must decide; it
says what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from core.errors import Param
from records.lifecycle import StepState
from records.procedure_schema import FactStatus, Interpretation, Part, Precondition, RecordingRule, Step
from records.procedures import Catalogue
from records.stages import Stage

SAFETY_TALK_MINUTES = 15
"""Longest urgent medical or safety talk without a guardian (S-4)."""


class GateState(StrEnum):
    """How a rule stands; the order is from free to shut."""

    OK = "ok"
    WARN = "warn"
    """May go on; a person reads why."""
    WAIT = "wait"
    """Something has to be entered or done first, by the officer."""
    STOP = "stop"
    """Shut until the case itself changes."""


class GateCode(StrEnum):
    """What is asked; texts are in the catalogues."""

    LANGUAGE_KNOWN = "language_known"
    SEX_WISH_ASKED = "sex_wish_asked"
    GUARDIAN = "guardian"
    REQUIRED_STEP = "required_step"
    OFFER_FIRST = "offer_first"
    PRESENT = "present"
    BLOCKED_WHILE = "blocked_while"
    REMOVAL_CHECK = "removal_check"
    OFFICER_EXCLUDED = "officer_excluded"
    LAWYER = "lawyer"
    SAME_INTERPRETER = "same_interpreter"
    RECORDING = "recording"
    MODE = "mode"
    REMOTE_AGREED = "remote_agreed"
    IN_PERSON = "in_person"
    COURT = "court"


class Uam(StrEnum):
    """Whether the person is an unaccompanied minor."""

    NO = "no"
    SUSPECTED = "suspected"
    CONFIRMED = "confirmed"


@dataclass(frozen=True)
class CaseFacts:
    """What the gates need to know of a case and of the session that is planned."""

    language_known: bool = False
    sex_wish_asked: bool = False
    uam: Uam = Uam.NO
    guardian_present: bool = False
    """The guardian's code and arrival time are entered."""
    steps: Mapping[str, StepState] = field(default_factory=dict)
    """Per step code the furthest state in this case."""
    present: frozenset[Part] = frozenset()
    """Who will be there, as far as known."""
    lawyer_registered: bool = False
    lawyer_settled: bool = False
    """The lawyer is there, or the person's statement or the proof of invitation is entered (S-5)."""
    sealed: bool = True
    """End-to-end encrypted mode; otherwise open mode."""
    recording_wanted: bool = False
    remote_agreed: bool | None = None
    """The person's answer about a remote interpreter; none before they were asked."""
    other_interpreter: bool = False
    """Another interpreter than that of the earlier interview would do this step."""
    court_allows_remote: bool = False
    removal_planned: bool = False
    safety_only: bool = False
    """Only an urgent medical or safety talk of at most 15 minutes (S-4)."""


@dataclass(frozen=True)
class Gate:
    """One rule, and how it stands for the step."""

    code: GateCode
    state: GateState
    rule: str
    params: Mapping[str, Param] = field(default_factory=dict)
    status: FactStatus = FactStatus.POLICY
    """How sure the rule itself is."""


def gates(catalogue: Catalogue, step: Step, facts: CaseFacts) -> list[Gate]:
    """All rules that bear on the step, met or not, in the order in which an officer meets them."""
    found: list[Gate] = []
    talk = step.interpretation.value is not Interpretation.NONE
    if talk:
        known = GateState.OK if facts.language_known else GateState.WAIT
        found.append(Gate(GateCode.LANGUAGE_KNOWN, known, "M-1"))
    if talk and step.sex_preference == "ask":
        asked = GateState.OK if facts.sex_wish_asked else GateState.WAIT
        found.append(Gate(GateCode.SEX_WISH_ASKED, asked, "M-3"))
    if step.guardian_gate and facts.uam is not Uam.NO:
        found.append(_guardian(facts))
    for rule in catalogue.preconditions_for(step.code):
        found.extend(_precondition(rule, facts))
    if step.stage is Stage.RETURN and facts.removal_planned:
        found.extend(_removal(catalogue, step, facts))
    if step.officer_excluded:
        there = Part.OFFICER in facts.present
        found.append(Gate(GateCode.OFFICER_EXCLUDED, GateState.STOP if there else GateState.OK, "S-18"))
    if facts.lawyer_registered and not step.media_only and step.stage in (Stage.ASYLUM, Stage.RETURN):
        found.append(Gate(GateCode.LAWYER, GateState.OK if facts.lawyer_settled else GateState.WAIT, "S-5"))
    if talk:
        found.extend(_conduct(step, facts))
    return found


def can_start(found: list[Gate]) -> bool:
    """Whether nothing waits or stops."""
    return all(gate.state in (GateState.OK, GateState.WARN) for gate in found)


def _guardian(facts: CaseFacts) -> Gate:
    if facts.guardian_present:
        return Gate(GateCode.GUARDIAN, GateState.OK, "S-4")
    if facts.safety_only:
        return Gate(GateCode.GUARDIAN, GateState.WARN, "S-4", {"max_minutes": SAFETY_TALK_MINUTES})
    return Gate(GateCode.GUARDIAN, GateState.STOP, "S-4")


def _precondition(rule: Precondition, facts: CaseFacts) -> list[Gate]:
    if rule.when == "uam" and facts.uam is Uam.NO:
        return []
    found: list[Gate] = []
    unmet = GateState.STOP
    if rule.when == "uam" and facts.safety_only:
        # The exception of S-4: the short safety talk does not wait for what protects the minor in the step itself.
        unmet = GateState.WARN
    for code in rule.requires:
        state = GateState.OK if facts.steps.get(code) is StepState.HELD else unmet
        found.append(Gate(GateCode.REQUIRED_STEP, state, "1.7", {"step": code}, rule.status))
    for code in rule.offer_first:
        offered = facts.steps.get(code) in (StepState.HELD, StepState.DROPPED)
        state = GateState.OK if offered else GateState.WARN
        found.append(Gate(GateCode.OFFER_FIRST, state, "1.7", {"step": code}, rule.status))
    for part in rule.present:
        state = GateState.OK if part in facts.present else GateState.WAIT
        found.append(Gate(GateCode.PRESENT, state, "1.7", {"part": part.value}, rule.status))
    if rule.same_interpreter:
        state = GateState.WARN if facts.other_interpreter else GateState.OK
        found.append(Gate(GateCode.SAME_INTERPRETER, state, "M-6", {}, rule.status))
    if rule.blocked_while == "asylum_step_open":
        open_codes = sorted(code for code, state in facts.steps.items() if _is_open_asylum(code, state))
        params: dict[str, Param] = {"step": open_codes[0]} if open_codes else {}
        state = GateState.STOP if open_codes else GateState.OK
        found.append(Gate(GateCode.BLOCKED_WHILE, state, "1.7", params, rule.status))
    return found


def _is_open_asylum(code: str, state: StepState) -> bool:
    return "-ASY-" in code and state in (StepState.PLANNED, StepState.SCHEDULED, StepState.POSTPONED)


def _removal(catalogue: Catalogue, step: Step, facts: CaseFacts) -> list[Gate]:
    """Steps that must be held before a removal (RET-40), seen from the other return steps."""
    found = []
    for other in catalogue.by_stage(step.country)[Stage.RETURN]:
        rules = catalogue.preconditions_for(other.code)
        if other.code == step.code or not any(rule.required_before == "removal" for rule in rules):
            continue
        held = facts.steps.get(other.code) is StepState.HELD
        state = GateState.OK if held else GateState.WARN
        found.append(Gate(GateCode.REMOVAL_CHECK, state, "1.7", {"step": other.code}))
    return found


def _conduct(step: Step, facts: CaseFacts) -> list[Gate]:
    """Mode, recording and the ways of taking part."""
    found: list[Gate] = []
    remote, recording = step.remote, step.recording.value
    if facts.recording_wanted:
        allowed = recording in (RecordingRule.OPTIONAL, RecordingRule.MANDATORY)
        params: dict[str, Param] = {"recording": recording.value}
        state = GateState.OK if allowed else GateState.STOP
        found.append(Gate(GateCode.RECORDING, state, "S-12", params, step.recording.status))
        if allowed and facts.sealed:
            found.append(Gate(GateCode.MODE, GateState.STOP, "S-12", {"needs": "open"}))
    elif recording is RecordingRule.MANDATORY:
        found.append(Gate(GateCode.RECORDING, GateState.WAIT, "S-12", {"recording": recording.value}))
    if facts.sealed and not step.mode_sealed_allowed:
        found.append(Gate(GateCode.MODE, GateState.STOP, "S-12", {"needs": "open"}))
    if step.media_only and not facts.sealed:
        found.append(Gate(GateCode.MODE, GateState.WARN, "S-18", {"needs": "sealed"}))
    if remote.decided_by == "court":
        state = GateState.OK if facts.court_allows_remote else GateState.WAIT
        found.append(Gate(GateCode.COURT, state, "1.3", {}, remote.status))
    if facts.remote_agreed is False:
        found.append(Gate(GateCode.REMOTE_AGREED, GateState.STOP, "S-3", {}, remote.status))
    elif remote.with_agreement:
        state = GateState.OK if facts.remote_agreed else GateState.WAIT
        found.append(Gate(GateCode.REMOTE_AGREED, state, "S-3", {}, remote.status))
    if remote.in_person_preferred:
        found.append(Gate(GateCode.IN_PERSON, GateState.WARN, "1.6", {}, remote.status))
    return found
