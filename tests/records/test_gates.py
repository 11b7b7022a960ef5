"""What stands before a step: each rule alone, and that nothing opens a shut one by the way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.gates import CaseFacts, Gate, GateCode, GateState, Uam, can_start, gates
from records.lifecycle import StepState
from records.procedure_schema import FactStatus, Part
from records.procedures import load_catalogue

CATALOGUE = load_catalogue()
READY = CaseFacts(language_known=True, sex_wish_asked=True)
HELD, PLANNED = StepState.HELD, StepState.PLANNED


def found(code: str, **changes: Any) -> dict[GateCode, Gate]:
    """The gates of a step by code; where a code stands more than once, the one that is furthest from free."""
    result: dict[GateCode, Gate] = {}
    order = list(GateState)
    for gate in gates(CATALOGUE, CATALOGUE.step(code), replace(READY, **changes)):
        known = result.get(gate.code)
        if known is None or order.index(gate.state) > order.index(known.state):
            result[gate.code] = gate
    return result


def state(code: str, gate: GateCode, **changes: Any) -> GateState | None:
    one = found(code, **changes).get(gate)
    return one.state if one else None


def test_a_first_contact_needs_a_language_and_the_wish() -> None:
    bare = gates(CATALOGUE, CATALOGUE.step("RS-ID-10"), CaseFacts())
    assert [(gate.code, gate.state, gate.rule) for gate in bare] == [
        (GateCode.LANGUAGE_KNOWN, GateState.WAIT, "M-1"),
        (GateCode.SEX_WISH_ASKED, GateState.WAIT, "M-3"),
    ]
    assert not can_start(bare)
    assert can_start(gates(CATALOGUE, CATALOGUE.step("RS-ID-10"), READY))


def test_an_act_without_talk_asks_nothing_of_talk() -> None:
    assert gates(CATALOGUE, CATALOGUE.step("MK-VUL-25"), CaseFacts()) == []


@pytest.mark.parametrize(
    "code", ["RS-REG-10", "RS-VUL-20", "RS-ASY-20", "MK-VUL-30", "MK-ASY-50", "RS-RET-10", "MK-RET-50"]
)
@pytest.mark.parametrize("uam", [Uam.SUSPECTED, Uam.CONFIRMED])
def test_without_guardian_nothing_starts_with_a_minor_alone(code: str, uam: Uam) -> None:
    assert state(code, GateCode.GUARDIAN, uam=uam) is GateState.STOP
    assert state(code, GateCode.GUARDIAN, uam=uam, guardian_present=True) is GateState.OK
    assert state(code, GateCode.GUARDIAN) is None


def test_a_safety_talk_is_short_and_is_the_only_exception() -> None:
    gate = found("RS-REG-10", uam=Uam.SUSPECTED, safety_only=True)
    assert (gate[GateCode.GUARDIAN].state, gate[GateCode.GUARDIAN].params) == (GateState.WARN, {"max_minutes": 15})
    assert gate[GateCode.REQUIRED_STEP].state is GateState.WARN
    assert state("MK-VUL-30", GateCode.REQUIRED_STEP, safety_only=True) is GateState.STOP


@pytest.mark.parametrize("code", ["MK-VUL-20", "RS-VUL-10", "MK-REG-10", "RS-ID-20"])
def test_steps_before_a_guardian_can_be_there_are_not_held_back(code: str) -> None:
    assert state(code, GateCode.GUARDIAN, uam=Uam.CONFIRMED) is None


def test_a_minor_expresses_intention_after_the_guardian_is_appointed() -> None:
    alone = found("RS-REG-10", uam=Uam.CONFIRMED, guardian_present=True)[GateCode.REQUIRED_STEP]
    assert (alone.state, alone.params, alone.status) == (GateState.STOP, {"step": "RS-VUL-10"}, FactStatus.VERIFIED)
    after = {"RS-VUL-10": HELD}
    assert state("RS-REG-10", GateCode.REQUIRED_STEP, uam=Uam.CONFIRMED, steps=after) is GateState.OK
    assert state("RS-REG-10", GateCode.REQUIRED_STEP) is None


@pytest.mark.parametrize("other", [state for state in StepState if state is not HELD])
def test_only_a_held_step_counts(other: StepState) -> None:
    assert state("RS-ASY-50", GateCode.REQUIRED_STEP, steps={"RS-ASY-10": other}) is GateState.STOP
    assert state("RS-ASY-50", GateCode.REQUIRED_STEP, steps={"RS-ASY-10": HELD}) is GateState.OK


def test_the_lawyer_meeting_is_offered_first() -> None:
    assert state("RS-ASY-50", GateCode.OFFER_FIRST) is GateState.WARN
    assert state("RS-ASY-50", GateCode.OFFER_FIRST, steps={"RS-ASY-40": StepState.DROPPED}) is GateState.OK
    assert state("RS-ASY-50", GateCode.OFFER_FIRST, steps={"RS-ASY-40": HELD}) is GateState.OK


def test_each_missing_step_has_a_gate_of_its_own() -> None:
    missing = [
        g.params["step"] for g in gates(CATALOGUE, CATALOGUE.step("MK-VUL-30"), READY) if g.state is GateState.STOP
    ]
    assert missing == ["MK-VUL-20", "MK-VUL-25", "MK-VUL-26"]


def test_who_must_be_there_is_waited_for() -> None:
    before = [
        g.params["part"] for g in gates(CATALOGUE, CATALOGUE.step("RS-VUL-20"), READY) if g.code is GateCode.PRESENT
    ]
    assert before == ["guardian", "outreach_social_worker", "interpreter"]
    parts = frozenset({Part.GUARDIAN, Part.OUTREACH_SOCIAL_WORKER, Part.INTERPRETER})
    assert state("RS-VUL-20", GateCode.PRESENT, present=parts) is GateState.OK
    assert state("RS-VUL-20", GateCode.PRESENT, present=parts - {Part.INTERPRETER}) is GateState.WAIT


@pytest.mark.parametrize("open_state", [StepState.PLANNED, StepState.SCHEDULED, StepState.POSTPONED])
def test_the_consulate_waits_until_no_asylum_step_is_open(open_state: StepState) -> None:
    shut = found("RS-RET-60", steps={"RS-ASY-70": HELD, "RS-ASY-80": open_state})[GateCode.BLOCKED_WHILE]
    assert (shut.state, shut.params) == (GateState.STOP, {"step": "RS-ASY-80"})
    assert state("RS-RET-60", GateCode.BLOCKED_WHILE, steps={"RS-ASY-80": HELD, "RS-REG-10": PLANNED}) is GateState.OK


def test_a_removal_asks_for_the_non_refoulement_check() -> None:
    assert state("RS-RET-50", GateCode.REMOVAL_CHECK) is None
    assert state("RS-RET-50", GateCode.REMOVAL_CHECK, removal_planned=True) is GateState.WARN
    assert state("RS-RET-50", GateCode.REMOVAL_CHECK, removal_planned=True, steps={"RS-RET-40": HELD}) is GateState.OK
    assert state("RS-RET-40", GateCode.REMOVAL_CHECK, removal_planned=True) is None
    assert state("RS-ID-10", GateCode.REMOVAL_CHECK, removal_planned=True) is None


def test_no_officer_in_the_call_with_the_lawyer() -> None:
    assert state("RS-ASY-40", GateCode.OFFICER_EXCLUDED) is GateState.OK
    assert state("RS-ASY-40", GateCode.OFFICER_EXCLUDED, present=frozenset({Part.OFFICER})) is GateState.STOP


def test_a_registered_lawyer_is_settled_first() -> None:
    assert state("RS-ASY-50", GateCode.LAWYER) is None
    assert state("RS-ASY-50", GateCode.LAWYER, lawyer_registered=True) is GateState.WAIT
    assert state("RS-ASY-50", GateCode.LAWYER, lawyer_registered=True, lawyer_settled=True) is GateState.OK


def test_another_voice_at_the_read_back_is_a_warning() -> None:
    assert state("RS-ASY-60", GateCode.SAME_INTERPRETER) is GateState.OK
    assert state("RS-ASY-60", GateCode.SAME_INTERPRETER, other_interpreter=True) is GateState.WARN


@pytest.mark.parametrize(
    "code", [s.code for s in CATALOGUE.steps() if s.recording.value.value in ("off", "never", "court")]
)
def test_recording_is_shut_where_the_catalogue_says_so(code: str) -> None:
    if code == "MK-VUL-25":
        return
    assert state(code, GateCode.RECORDING, recording_wanted=True, sealed=False) is GateState.STOP


def test_recording_needs_the_open_mode() -> None:
    assert state("RS-RET-40", GateCode.RECORDING, recording_wanted=True, sealed=True) is GateState.OK
    assert state("RS-RET-40", GateCode.MODE, recording_wanted=True, sealed=True) is GateState.STOP
    assert state("RS-RET-40", GateCode.MODE, recording_wanted=True, sealed=False) is None
    assert state("RS-ASY-40", GateCode.MODE, sealed=False) is GateState.WARN


def test_the_answer_of_the_person_about_remote_counts() -> None:
    assert state("RS-VUL-40", GateCode.REMOTE_AGREED) is GateState.WAIT
    assert state("RS-VUL-40", GateCode.REMOTE_AGREED, remote_agreed=True) is GateState.OK
    assert state("RS-VUL-40", GateCode.REMOTE_AGREED, remote_agreed=False) is GateState.STOP
    assert state("RS-ASY-20", GateCode.REMOTE_AGREED) is None
    assert state("RS-ASY-20", GateCode.REMOTE_AGREED, remote_agreed=False) is GateState.STOP


def test_the_court_decides_about_its_own_hearings() -> None:
    assert state("RS-ASY-90", GateCode.COURT) is GateState.WAIT
    assert state("RS-ASY-90", GateCode.COURT, court_allows_remote=True) is GateState.OK


facts = st.builds(
    CaseFacts,
    language_known=st.booleans(),
    sex_wish_asked=st.booleans(),
    uam=st.sampled_from(Uam),
    guardian_present=st.booleans(),
    steps=st.dictionaries(st.sampled_from([s.code for s in CATALOGUE.steps()]), st.sampled_from(StepState), max_size=5),
    present=st.frozensets(st.sampled_from(Part), max_size=4),
    lawyer_registered=st.booleans(),
    lawyer_settled=st.booleans(),
    sealed=st.booleans(),
    recording_wanted=st.booleans(),
    remote_agreed=st.sampled_from([None, True, False]),
    other_interpreter=st.booleans(),
    court_allows_remote=st.booleans(),
    removal_planned=st.booleans(),
    safety_only=st.booleans(),
)


@given(st.sampled_from(CATALOGUE.steps()), facts)
def test_no_talk_with_a_minor_alone_starts_unseen(step: Any, case: CaseFacts) -> None:
    answer = gates(CATALOGUE, step, case)
    if step.guardian_gate and case.uam is not Uam.NO and not case.guardian_present:
        assert not can_start(answer) or case.safety_only
        assert any(g.code is GateCode.GUARDIAN and g.state in (GateState.STOP, GateState.WARN) for g in answer)
    if can_start(answer) and step.typical_minutes:
        assert case.language_known
        assert case.sex_wish_asked
        assert case.remote_agreed is not False
    assert all(gate.rule for gate in answer)
