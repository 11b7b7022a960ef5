"""What can happen to an agreed term: one table of transitions, and who may make which. Pure."""

from __future__ import annotations

from enum import StrEnum

from core.errors import Conflict, Forbidden


class TermState(StrEnum):
    """How a term stands."""

    PROPOSED = "proposed"
    """Told by one side; the other has not agreed yet."""
    AGREED = "agreed"
    WITHDRAWN = "withdrawn"
    """Not used any more; kept, so that later readers know which word was meant earlier."""
    WIPED = "wiped"
    """Its texts are gone for good, because they named somebody."""


class TermMove(StrEnum):
    """What people do with a term."""

    PROPOSE = "propose"
    AGREE = "agree"
    WITHDRAW = "withdraw"
    WIPE = "wipe"


PARTS = frozenset({"officer", "interpreter"})
"""Who deals with terms: nobody else in the room reads or changes them."""

_MOVES: dict[tuple[TermState, TermMove], TermState] = {
    (TermState.PROPOSED, TermMove.AGREE): TermState.AGREED,
    (TermState.PROPOSED, TermMove.WITHDRAW): TermState.WITHDRAWN,
    (TermState.AGREED, TermMove.WITHDRAW): TermState.WITHDRAWN,
    (TermState.PROPOSED, TermMove.WIPE): TermState.WIPED,
    (TermState.AGREED, TermMove.WIPE): TermState.WIPED,
    (TermState.WITHDRAWN, TermMove.WIPE): TermState.WIPED,
}


def moved(state: TermState, move: TermMove, *, part: str, proposed_part: str) -> TermState:
    """The state after a move by ``part``. It takes two sides to agree: whoever proposed cannot.

    Raises ``Conflict('term_not_open')`` (state) when the move is not possible now, ``Forbidden('term_own')`` when a side
    would agree with itself, ``Forbidden('not_for_your_part')`` for anybody but officer and interpreter.
    """
    if part not in PARTS:
        raise Forbidden("not_for_your_part")
    after = _MOVES.get((state, move))
    if after is None:
        raise Conflict("term_not_open", {"state": state.value})
    if move is TermMove.AGREE and part == proposed_part:
        raise Forbidden("term_own")
    return after
