"""States of rosters, of the runs that draft them, and of swaps: pure."""

from __future__ import annotations

from enum import StrEnum

from records.lifecycle import MoveTable


class RosterState(StrEnum):
    """Whether interpreters can rely on a roster."""

    DRAFT = "draft"
    PUBLISHED = "published"
    """A version of it holds; newer versions may be in the making beside it."""
    DROPPED = "dropped"


class RosterMove(StrEnum):
    """What can happen to a roster."""

    PUBLISH = "publish"
    DROP = "drop"


ROSTER: MoveTable[RosterState, RosterMove] = MoveTable(
    "roster",
    RosterState.DRAFT,
    {
        (RosterState.DRAFT, RosterMove.PUBLISH): RosterState.PUBLISHED,
        (RosterState.PUBLISHED, RosterMove.PUBLISH): RosterState.PUBLISHED,
        (RosterState.DRAFT, RosterMove.DROP): RosterState.DROPPED,
    },
)
"""A published roster is never dropped: a newer version takes its place."""


class RunState(StrEnum):
    """A search for a better roster."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    """By a person; what was found until then is kept."""
    LOST = "lost"
    """The process that searched is gone; what it had stored is kept."""


class SwapState(StrEnum):
    """A shift that somebody would like to give away."""

    ASKED = "asked"
    TAKEN = "taken"
    """A colleague would take it, and the rules hold; a coordinator has to agree because a gap would grow."""
    DONE = "done"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class SwapMove(StrEnum):
    """What can happen to a swap."""

    TAKE = "take"
    """By a colleague, where a coordinator must agree."""
    DO = "do"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"


SWAP: MoveTable[SwapState, SwapMove] = MoveTable(
    "swap",
    SwapState.ASKED,
    {
        (SwapState.ASKED, SwapMove.TAKE): SwapState.TAKEN,
        (SwapState.ASKED, SwapMove.DO): SwapState.DONE,
        (SwapState.TAKEN, SwapMove.DO): SwapState.DONE,
        (SwapState.TAKEN, SwapMove.REFUSE): SwapState.REFUSED,
        (SwapState.ASKED, SwapMove.WITHDRAW): SwapState.WITHDRAWN,
        (SwapState.TAKEN, SwapMove.WITHDRAW): SwapState.WITHDRAWN,
    },
)
