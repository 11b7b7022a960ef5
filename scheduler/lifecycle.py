"""States of bookings, offers and assignments, their moves, and the order of the queue (M-10): pure.

``advance`` is the only way to a next state; the database settles races by the same tables (``states_before``).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import overload

from records.lifecycle import MoveTable

LAST_CALL = timedelta(hours=72)
"""A booking whose legal timer runs out within this time counts as P2 (domain timers RS-T2, RS-T3)."""
REMOVAL_CALL = timedelta(hours=24)
"""A removal planned within this time makes the request P1 (M-10)."""


class BookingState(StrEnum):
    """Where a request for interpretation stands."""

    REQUESTED = "requested"
    HELD = "held"
    """A slot is kept for a while and not yet confirmed."""
    OFFERING = "offering"
    UNFILLED = "unfilled"
    ASSIGNED = "assigned"
    IN_SESSION = "in_session"
    FULFILLED = "fulfilled"
    MISSED = "missed"
    CANCELLED = "cancelled"


class BookingMove(StrEnum):
    """What can happen to a booking; the request is its birth."""

    SEARCH = "search"
    HOLD = "hold"
    CONFIRM = "confirm"
    LAPSE = "lapse"
    MOVE = "move"
    """To another time; the state stays, except that a search begins anew."""
    ASSIGN = "assign"
    EXHAUST = "exhaust"
    WIDEN = "widen"
    WITHDRAW = "withdraw"
    START = "start"
    REPLACE = "replace"
    FULFIL = "fulfil"
    MISS = "miss"
    CANCEL = "cancel"


class OfferState(StrEnum):
    """Where a proposal of one booking to one interpreter stands."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class OfferMove(StrEnum):
    """What can happen to an offer; sending is its birth."""

    ACCEPT = "accept"
    DECLINE = "decline"
    EXPIRE = "expire"
    WITHDRAW = "withdraw"


class AssignmentState(StrEnum):
    """Whether the binding of an interpreter to a booking was kept."""

    HELD = "held"
    """Keeps the time of the interpreter until it expires: a tentative booking, or one leg that waits for the other."""
    ACTIVE = "active"
    HONOURED = "honoured"
    RELEASED = "released"
    BROKEN = "broken"


KEPT = (AssignmentState.HELD, AssignmentState.ACTIVE)
"""States in which the time of the interpreter is taken: the constraints against double booking count them."""


class AssignmentMove(StrEnum):
    """What can happen to an assignment: kept, given back in time, or broken."""

    CONFIRM = "confirm"
    HONOUR = "honour"
    RELEASE = "release"
    BREAK = "break"


class DeclineReason(StrEnum):
    """Why an interpreter declines: two about the moment, the rest are the recusal codes of M-5."""

    NOT_NOW = "not_now"
    BUSY = "busy"
    KNOWS_PERSON = "knows_person"
    RELATED = "related"
    SAME_CENTRE = "same_centre"
    COMMUNITY_TENSION = "community_tension"
    SAFETY = "safety"
    LANGUAGE = "language"
    OTHER = "other"

    @property
    def is_recusal(self) -> bool:
        """Whether the answer bars the interpreter from the case for good (M-5)."""
        return self not in (DeclineReason.NOT_NOW, DeclineReason.BUSY)


class ProposalState(StrEnum):
    """Where the asking for another time of an agreed appointment stands."""

    ASKED = "asked"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class ProposalMove(StrEnum):
    """What can happen to it: the interpreter answers, the desk takes it back, its time runs out."""

    ACCEPT = "accept"
    DECLINE = "decline"
    EXPIRE = "expire"
    WITHDRAW = "withdraw"


class WithdrawReason(StrEnum):
    """Why a pending offer was taken back."""

    TAKEN = "taken"
    CANCELLED = "cancelled"
    CHANGED = "changed"
    NEXT_ROUND = "next_round"
    CONFLICT = "conflict"


class MissReason(StrEnum):
    """Why the window of a booking passed without a session."""

    NO_INTERPRETER = "no_interpreter"
    INTERPRETER_ABSENT = "interpreter_absent"
    PERSON_ABSENT = "person_absent"
    OFFICER_ABSENT = "officer_absent"
    CONNECTION_FAILED = "connection_failed"


class Priority(StrEnum):
    """Place in the queue; P1 is served first. Compares and sorts by its text."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"
    P5 = "P5"


PROPOSAL: MoveTable[ProposalState, ProposalMove] = MoveTable(
    "proposal",
    ProposalState.ASKED,
    {
        (ProposalState.ASKED, ProposalMove.ACCEPT): ProposalState.ACCEPTED,
        (ProposalState.ASKED, ProposalMove.DECLINE): ProposalState.DECLINED,
        (ProposalState.ASKED, ProposalMove.EXPIRE): ProposalState.EXPIRED,
        (ProposalState.ASKED, ProposalMove.WITHDRAW): ProposalState.WITHDRAWN,
    },
)

BOOKING: MoveTable[BookingState, BookingMove] = MoveTable(
    "booking",
    BookingState.REQUESTED,
    {
        (BookingState.REQUESTED, BookingMove.SEARCH): BookingState.OFFERING,
        (BookingState.REQUESTED, BookingMove.ASSIGN): BookingState.ASSIGNED,
        (BookingState.REQUESTED, BookingMove.HOLD): BookingState.HELD,
        (BookingState.HELD, BookingMove.CONFIRM): BookingState.ASSIGNED,
        (BookingState.HELD, BookingMove.LAPSE): BookingState.CANCELLED,
        (BookingState.HELD, BookingMove.CANCEL): BookingState.CANCELLED,
        (BookingState.OFFERING, BookingMove.MOVE): BookingState.OFFERING,
        (BookingState.UNFILLED, BookingMove.MOVE): BookingState.OFFERING,
        (BookingState.ASSIGNED, BookingMove.MOVE): BookingState.ASSIGNED,
        (BookingState.OFFERING, BookingMove.ASSIGN): BookingState.ASSIGNED,
        (BookingState.UNFILLED, BookingMove.ASSIGN): BookingState.ASSIGNED,
        (BookingState.OFFERING, BookingMove.EXHAUST): BookingState.UNFILLED,
        (BookingState.UNFILLED, BookingMove.WIDEN): BookingState.OFFERING,
        (BookingState.ASSIGNED, BookingMove.WITHDRAW): BookingState.OFFERING,
        (BookingState.ASSIGNED, BookingMove.START): BookingState.IN_SESSION,
        (BookingState.IN_SESSION, BookingMove.REPLACE): BookingState.OFFERING,
        (BookingState.IN_SESSION, BookingMove.FULFIL): BookingState.FULFILLED,
        (BookingState.ASSIGNED, BookingMove.MISS): BookingState.MISSED,
        (BookingState.UNFILLED, BookingMove.MISS): BookingState.MISSED,
        (BookingState.OFFERING, BookingMove.MISS): BookingState.MISSED,
        (BookingState.REQUESTED, BookingMove.CANCEL): BookingState.CANCELLED,
        (BookingState.OFFERING, BookingMove.CANCEL): BookingState.CANCELLED,
        (BookingState.UNFILLED, BookingMove.CANCEL): BookingState.CANCELLED,
        (BookingState.ASSIGNED, BookingMove.CANCEL): BookingState.CANCELLED,
    },
)

OFFER: MoveTable[OfferState, OfferMove] = MoveTable(
    "offer",
    OfferState.PENDING,
    {
        (OfferState.PENDING, OfferMove.ACCEPT): OfferState.ACCEPTED,
        (OfferState.PENDING, OfferMove.DECLINE): OfferState.DECLINED,
        (OfferState.PENDING, OfferMove.EXPIRE): OfferState.EXPIRED,
        (OfferState.PENDING, OfferMove.WITHDRAW): OfferState.WITHDRAWN,
    },
)

ASSIGNMENT: MoveTable[AssignmentState, AssignmentMove] = MoveTable(
    "assignment",
    AssignmentState.ACTIVE,
    {
        (AssignmentState.HELD, AssignmentMove.CONFIRM): AssignmentState.ACTIVE,
        (AssignmentState.HELD, AssignmentMove.RELEASE): AssignmentState.RELEASED,
        (AssignmentState.ACTIVE, AssignmentMove.HONOUR): AssignmentState.HONOURED,
        (AssignmentState.ACTIVE, AssignmentMove.RELEASE): AssignmentState.RELEASED,
        (AssignmentState.ACTIVE, AssignmentMove.BREAK): AssignmentState.BROKEN,
    },
)


@overload
def advance(state: BookingState, move: BookingMove) -> BookingState: ...
@overload
def advance(state: OfferState, move: OfferMove) -> OfferState: ...
@overload
def advance(state: AssignmentState, move: AssignmentMove) -> AssignmentState: ...
def advance(
    state: BookingState | OfferState | AssignmentState, move: BookingMove | OfferMove | AssignmentMove
) -> BookingState | OfferState | AssignmentState:
    """The state after ``move``; raises ``Conflict`` ``move_not_allowed`` (params subject, state, move)."""
    if isinstance(state, BookingState) and isinstance(move, BookingMove):
        return BOOKING.advance(state, move)
    if isinstance(state, OfferState) and isinstance(move, OfferMove):
        return OFFER.advance(state, move)
    if isinstance(state, AssignmentState) and isinstance(move, AssignmentMove):
        return ASSIGNMENT.advance(state, move)
    raise TypeError(f"{type(move).__name__} is no move of {type(state).__name__}")


def priority_for(
    stage: str,
    *,
    now: datetime,
    booked: bool = False,
    urgent_medical: bool = False,
    unaccompanied_minor: bool = False,
    trafficking_or_violence: bool = False,
    woman_alone_with_sex_rule: bool = False,
    removal_at: datetime | None = None,
    deadline_at: datetime | None = None,
) -> Priority:
    """The queue class of a request (M-10).

    ``stage`` is the stage word of the catalogue (identification, registration, vulnerability, asylum,
    return); ``booked`` says that it is for a time agreed before. P5 is what M-10 does not name: other work
    asked for *now*.
    A removal within 24 h is P1; a legal timer within 72 h lifts to P2 at least.
    """
    removal_soon = removal_at is not None and removal_at - now <= REMOVAL_CALL
    signs = (urgent_medical, unaccompanied_minor, trafficking_or_violence, woman_alone_with_sex_rule)
    if removal_soon or any(signs):
        return Priority.P1
    if deadline_at is not None and deadline_at - now <= LAST_CALL:
        return Priority.P2
    if booked:
        return Priority.P4
    if stage == "identification":
        return Priority.P2
    if stage == "registration":
        return Priority.P3
    return Priority.P5


OPEN = (
    BookingState.REQUESTED,
    BookingState.HELD,
    BookingState.OFFERING,
    BookingState.UNFILLED,
    BookingState.ASSIGNED,
    BookingState.IN_SESSION,
)
"""States of a booking that is not over; a step has at most one such booking."""
