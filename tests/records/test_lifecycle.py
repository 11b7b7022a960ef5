"""The tables against the design's state machines, written out again by hand, and every other move against refusal."""

from __future__ import annotations

from itertools import product

import pytest

from core.errors import Conflict
from records.lifecycle import (
    CASE,
    SESSION,
    SESSION_OVER,
    STEP,
    CaseMove,
    CaseState,
    Outcome,
    SessionMove,
    SessionState,
    StepMove,
    StepState,
    advance,
    step_move_after,
)

SESSION_MOVES = {
    ("planned", "arrive", "waiting"),
    ("waiting", "activate", "active"),
    ("active", "pause", "paused"),
    ("paused", "resume", "active"),
    ("planned", "call_off", "not_held"),
    ("waiting", "call_off", "not_held"),
    ("active", "end", "ended"),
    ("paused", "end", "ended"),
    ("ended", "seal", "sealed"),
}
STEP_MOVES = {
    ("planned", "schedule", "scheduled"),
    ("postponed", "schedule", "scheduled"),
    ("scheduled", "hold", "held"),
    ("planned", "record", "held"),
    ("postponed", "record", "held"),
    ("scheduled", "postpone", "postponed"),
    ("planned", "drop", "dropped"),
    ("scheduled", "drop", "dropped"),
    ("postponed", "drop", "dropped"),
}
CASE_MOVES = {
    ("temporary", "confirm", "open"),
    ("temporary", "link", "linked"),
    ("temporary", "close", "closed"),
    ("open", "close", "closed"),
    ("closed", "reopen", "open"),
}


def refused(error: Conflict, subject: str, state: str, move: str) -> bool:
    return error.code == "move_not_allowed" and error.params == {"subject": subject, "state": state, "move": move}


@pytest.mark.parametrize(("state", "move"), list(product(SessionState, SessionMove)))
def test_session_moves_are_the_ones_of_the_design(state: SessionState, move: SessionMove) -> None:
    targets = {target for s, m, target in SESSION_MOVES if (s, m) == (state, move)}
    if targets:
        assert {advance(state, move)} == targets
    else:
        with pytest.raises(Conflict) as caught:
            advance(state, move)
        assert refused(caught.value, "session", state, move)


@pytest.mark.parametrize(("state", "move"), list(product(StepState, StepMove)))
def test_step_moves_are_the_ones_of_the_design(state: StepState, move: StepMove) -> None:
    targets = {target for s, m, target in STEP_MOVES if (s, m) == (state, move)}
    if targets:
        assert {advance(state, move)} == targets
    else:
        with pytest.raises(Conflict) as caught:
            advance(state, move)
        assert refused(caught.value, "step", state, move)


@pytest.mark.parametrize(("state", "move"), list(product(CaseState, CaseMove)))
def test_case_moves(state: CaseState, move: CaseMove) -> None:
    targets = {target for s, m, target in CASE_MOVES if (s, m) == (state, move)}
    if targets:
        assert {advance(state, move)} == targets
    else:
        with pytest.raises(Conflict):
            advance(state, move)


def test_only_sealed_and_not_held_sessions_are_final() -> None:
    assert {state for state in SessionState if SESSION.is_final(state)} == {SessionState.SEALED, SessionState.NOT_HELD}
    assert {state for state in StepState if STEP.is_final(state)} == {StepState.HELD, StepState.DROPPED}
    assert {state for state in CaseState if CASE.is_final(state)} == {CaseState.LINKED}
    assert set(SESSION_OVER) == {SessionState.ENDED, SessionState.SEALED, SessionState.NOT_HELD}


def test_states_before_a_move_serve_conditional_updates() -> None:
    assert SESSION.states_before(SessionMove.END) == {SessionState.ACTIVE, SessionState.PAUSED}
    assert SESSION.moves_from(SessionState.PLANNED) == {SessionMove.ARRIVE, SessionMove.CALL_OFF}


def test_only_a_completed_session_holds_its_step() -> None:
    assert {outcome: step_move_after(outcome) for outcome in Outcome} == {
        Outcome.COMPLETED: StepMove.HOLD,
        Outcome.STOPPED: StepMove.POSTPONE,
        Outcome.REBOOKED: StepMove.POSTPONE,
    }


def test_a_move_of_something_else_is_a_defect() -> None:
    with pytest.raises(TypeError):
        advance(SessionState.ACTIVE, StepMove.HOLD)  # type: ignore[call-overload]
