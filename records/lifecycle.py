"""States of cases, procedure steps and sessions, and the moves between them: one table each, pure.

``advance`` is the only way to a next state. Who may make a move is policy; storing it is the services' work.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Generic, TypeVar, overload

from core.errors import Conflict

S = TypeVar("S", bound=StrEnum)
M = TypeVar("M", bound=StrEnum)


class MoveTable(Generic[S, M]):
    """The allowed moves of one kind of thing."""

    def __init__(self, subject: str, start: S, moves: Mapping[tuple[S, M], S]) -> None:
        self.subject = subject
        """What moves, as it appears in errors: ``session``."""
        self.start = start
        """The state of a new one."""
        self._moves = dict(moves)

    def advance(self, state: S, move: M) -> S:
        """The state after ``move``; raises ``Conflict`` ``move_not_allowed`` if the table has no such move."""
        target = self._moves.get((state, move))
        if target is None:
            params = {"subject": self.subject, "state": state.value, "move": move.value}
            raise Conflict("move_not_allowed", params)
        return target

    def moves_from(self, state: S) -> frozenset[M]:
        """The moves that are open in ``state``."""
        return frozenset(m for s, m in self._moves if s == state)

    def states_before(self, move: M) -> frozenset[S]:
        """The states in which ``move`` is allowed: the WHERE clause of a conditional update."""
        return frozenset(s for s, m in self._moves if m == move)

    def is_final(self, state: S) -> bool:
        """Whether nothing can follow ``state``."""
        return not self.moves_from(state)


class CaseState(StrEnum):
    """Where a case stands.

    A temporary one serves an unregistered person in an emergency; it is confirmed, linked or closed
    within 24 h (M-1).
    """

    TEMPORARY = "temporary"
    OPEN = "open"
    LINKED = "linked"
    CLOSED = "closed"


class CaseMove(StrEnum):
    """What can happen to a case."""

    CONFIRM = "confirm"
    LINK = "link"
    CLOSE = "close"
    REOPEN = "reopen"


class StepState(StrEnum):
    """Where a procedure step of a case stands."""

    PLANNED = "planned"
    SCHEDULED = "scheduled"
    HELD = "held"
    POSTPONED = "postponed"
    DROPPED = "dropped"


class StepMove(StrEnum):
    """What can happen to a procedure step."""

    SCHEDULE = "schedule"
    HOLD = "hold"
    RECORD = "record"
    """It was held outside the system; noted afterwards."""
    POSTPONE = "postpone"
    DROP = "drop"


class HeldHow(StrEnum):
    """How a step was held outside the system. There is no word for a talk without an interpreter (M-14)."""

    INTERPRETER_IN_PERSON = "interpreter_in_person"
    NO_TALK = "no_talk"
    """An administrative act in which nobody had to be understood."""


class SessionState(StrEnum):
    """Where an interpreted conversation stands."""

    PLANNED = "planned"
    WAITING = "waiting"
    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"
    SEALED = "sealed"
    NOT_HELD = "not_held"


class SessionMove(StrEnum):
    """What can happen to a session; planning it is its birth."""

    ARRIVE = "arrive"
    ACTIVATE = "activate"
    PAUSE = "pause"
    RESUME = "resume"
    CALL_OFF = "call_off"
    END = "end"
    SEAL = "seal"


class PauseReason(StrEnum):
    """Why a session is paused (S-9, S-11)."""

    BREAK = "break"
    CONNECTION_LOST = "connection_lost"
    INTERPRETER_LOST = "interpreter_lost"


class NotHeldReason(StrEnum):
    """Why a planned session never became active."""

    PERSON_ABSENT = "person_absent"
    OFFICER_ABSENT = "officer_absent"
    INTERPRETER_ABSENT = "interpreter_absent"
    NO_INTERPRETER = "no_interpreter"
    GUARDIAN_MISSING = "guardian_missing"
    CONNECTION_FAILED = "connection_failed"
    CANCELLED = "cancelled"
    WINDOW_OVER = "window_over"


class Outcome(StrEnum):
    """How a held session ended (domain log field ``outcome``)."""

    COMPLETED = "completed"
    STOPPED = "stopped"
    REBOOKED = "rebooked"


class EndReason(StrEnum):
    """Why a session ended: the closed list behind ``outcome.reason_code``."""

    FINISHED = "finished"
    PERSON_ASKED = "person_asked"
    OFFICER_ASKED = "officer_asked"
    INTERPRETER_ASKED = "interpreter_asked"
    RECUSAL = "recusal"
    NO_UNDERSTANDING = "no_understanding"
    GUARDIAN_LEFT = "guardian_left"
    DISTRESS = "distress"
    CONNECTION_LOST = "connection_lost"
    INTERPRETER_LOST = "interpreter_lost"
    TIME_OVER = "time_over"
    ABANDONED = "abandoned"


class WishChangeState(StrEnum):
    """Where the asking for a wish that must be met to be changed stands (M-3)."""

    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class WishChangeMove(StrEnum):
    """What can happen to it; the coordinator approves or refuses, whoever asked withdraws."""

    APPROVE = "approve"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"


WISH_CHANGE: MoveTable[WishChangeState, WishChangeMove] = MoveTable(
    "wish_change",
    WishChangeState.ASKED,
    {
        (WishChangeState.ASKED, WishChangeMove.APPROVE): WishChangeState.APPROVED,
        (WishChangeState.ASKED, WishChangeMove.REFUSE): WishChangeState.REFUSED,
        (WishChangeState.ASKED, WishChangeMove.WITHDRAW): WishChangeState.WITHDRAWN,
    },
)


class ReferralState(StrEnum):
    """Where a referral task stands (S-10)."""

    OPEN = "open"
    CLOSED = "closed"


class ReferralMove(StrEnum):
    """An officer closes it; another concern in the same talk opens it again."""

    CLOSE = "close"
    REOPEN = "reopen"


REFERRAL: MoveTable[ReferralState, ReferralMove] = MoveTable(
    "referral",
    ReferralState.OPEN,
    {
        (ReferralState.OPEN, ReferralMove.CLOSE): ReferralState.CLOSED,
        (ReferralState.CLOSED, ReferralMove.REOPEN): ReferralState.OPEN,
    },
)

CASE: MoveTable[CaseState, CaseMove] = MoveTable(
    "case",
    CaseState.OPEN,
    {
        (CaseState.TEMPORARY, CaseMove.CONFIRM): CaseState.OPEN,
        (CaseState.TEMPORARY, CaseMove.LINK): CaseState.LINKED,
        (CaseState.TEMPORARY, CaseMove.CLOSE): CaseState.CLOSED,
        (CaseState.OPEN, CaseMove.CLOSE): CaseState.CLOSED,
        (CaseState.CLOSED, CaseMove.REOPEN): CaseState.OPEN,
    },
)

STEP: MoveTable[StepState, StepMove] = MoveTable(
    "step",
    StepState.PLANNED,
    {
        (StepState.PLANNED, StepMove.SCHEDULE): StepState.SCHEDULED,
        (StepState.POSTPONED, StepMove.SCHEDULE): StepState.SCHEDULED,
        (StepState.SCHEDULED, StepMove.HOLD): StepState.HELD,
        (StepState.PLANNED, StepMove.RECORD): StepState.HELD,
        (StepState.POSTPONED, StepMove.RECORD): StepState.HELD,
        (StepState.SCHEDULED, StepMove.POSTPONE): StepState.POSTPONED,
        (StepState.PLANNED, StepMove.DROP): StepState.DROPPED,
        (StepState.SCHEDULED, StepMove.DROP): StepState.DROPPED,
        (StepState.POSTPONED, StepMove.DROP): StepState.DROPPED,
    },
)

SESSION: MoveTable[SessionState, SessionMove] = MoveTable(
    "session",
    SessionState.PLANNED,
    {
        (SessionState.PLANNED, SessionMove.ARRIVE): SessionState.WAITING,
        (SessionState.WAITING, SessionMove.ACTIVATE): SessionState.ACTIVE,
        (SessionState.ACTIVE, SessionMove.PAUSE): SessionState.PAUSED,
        (SessionState.PAUSED, SessionMove.RESUME): SessionState.ACTIVE,
        (SessionState.PLANNED, SessionMove.CALL_OFF): SessionState.NOT_HELD,
        (SessionState.WAITING, SessionMove.CALL_OFF): SessionState.NOT_HELD,
        (SessionState.ACTIVE, SessionMove.END): SessionState.ENDED,
        (SessionState.PAUSED, SessionMove.END): SessionState.ENDED,
        (SessionState.ENDED, SessionMove.SEAL): SessionState.SEALED,
    },
)


@overload
def advance(state: CaseState, move: CaseMove) -> CaseState: ...
@overload
def advance(state: StepState, move: StepMove) -> StepState: ...
@overload
def advance(state: SessionState, move: SessionMove) -> SessionState: ...
def advance(
    state: CaseState | StepState | SessionState, move: CaseMove | StepMove | SessionMove
) -> CaseState | StepState | SessionState:
    """The state after ``move``; raises ``Conflict`` ``move_not_allowed`` (params subject, state, move)."""
    if isinstance(state, CaseState) and isinstance(move, CaseMove):
        return CASE.advance(state, move)
    if isinstance(state, StepState) and isinstance(move, StepMove):
        return STEP.advance(state, move)
    if isinstance(state, SessionState) and isinstance(move, SessionMove):
        return SESSION.advance(state, move)
    raise TypeError(f"{type(move).__name__} is no move of {type(state).__name__}")


def step_move_after(outcome: Outcome) -> StepMove:
    """What the end of a session does to its step: held if completed, else it waits for a new date."""
    return StepMove.HOLD if outcome is Outcome.COMPLETED else StepMove.POSTPONE


SESSION_OVER = frozenset({SessionState.ENDED, SessionState.SEALED, SessionState.NOT_HELD})
"""States in which nobody can join any more."""
