"""The tables of bookings, offers and assignments against the design, and the order of the queue (M-10)."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from core.errors import Conflict
from scheduler.lifecycle import (
    ASSIGNMENT,
    BOOKING,
    OFFER,
    AssignmentMove,
    AssignmentState,
    BookingMove,
    BookingState,
    DeclineReason,
    OfferMove,
    OfferState,
    Priority,
    advance,
    priority_for,
)
from tests.scheduler.samples import NOW

BOOKING_MOVES = [
    ("requested", "search", "offering"),
    ("requested", "hold", "held"),
    ("held", "confirm", "assigned"),
    ("held", "lapse", "cancelled"),
    ("offering unfilled", "move", "offering"),
    ("assigned", "move", "assigned"),
    ("requested offering unfilled", "assign", "assigned"),
    ("offering", "exhaust", "unfilled"),
    ("unfilled", "widen", "offering"),
    ("assigned", "withdraw", "offering"),
    ("assigned", "start", "in_session"),
    ("in_session", "replace", "offering"),
    ("in_session", "fulfil", "fulfilled"),
    ("assigned unfilled offering", "miss", "missed"),
    ("requested held offering unfilled assigned", "cancel", "cancelled"),
]


@pytest.mark.parametrize(("state", "move"), list(product(BookingState, BookingMove)))
def test_booking_moves_are_the_ones_of_the_design(state: BookingState, move: BookingMove) -> None:
    targets = [target for sources, m, target in BOOKING_MOVES if m == move and state in sources.split()]
    if targets:
        assert [advance(state, move)] == targets
    else:
        with pytest.raises(Conflict) as caught:
            advance(state, move)
        assert caught.value.params == {"subject": "booking", "state": state.value, "move": move.value}


def test_an_offer_is_answered_once() -> None:
    after = {advance(OfferState.PENDING, move) for move in OfferMove}
    assert after == set(OfferState) - {OfferState.PENDING}
    for state, move in product(after, OfferMove):
        with pytest.raises(Conflict):
            advance(state, move)


def test_an_assignment_ends_once() -> None:
    ends = set(AssignmentMove) - {AssignmentMove.CONFIRM}
    after = {advance(AssignmentState.ACTIVE, move) for move in ends}
    assert after == set(AssignmentState) - {AssignmentState.ACTIVE, AssignmentState.HELD}
    for state, move in product(after, AssignmentMove):
        with pytest.raises(Conflict):
            advance(state, move)


def test_what_is_held_is_confirmed_or_released() -> None:
    assert advance(AssignmentState.HELD, AssignmentMove.CONFIRM) is AssignmentState.ACTIVE
    assert advance(AssignmentState.HELD, AssignmentMove.RELEASE) is AssignmentState.RELEASED
    for move in (AssignmentMove.HONOUR, AssignmentMove.BREAK):
        with pytest.raises(Conflict):
            advance(AssignmentState.HELD, move)


def test_final_states() -> None:
    assert {s for s in BookingState if BOOKING.is_final(s)} == {
        BookingState.FULFILLED, BookingState.MISSED, BookingState.CANCELLED
    }  # fmt: skip
    assert not OFFER.is_final(OfferState.PENDING)
    assert not ASSIGNMENT.is_final(AssignmentState.ACTIVE)
    assert BOOKING.states_before(BookingMove.ASSIGN) == {
        BookingState.REQUESTED, BookingState.OFFERING, BookingState.UNFILLED
    }  # fmt: skip


def test_recusal_codes_bar_for_good_and_the_moment_does_not() -> None:
    assert {reason for reason in DeclineReason if not reason.is_recusal} == {DeclineReason.NOT_NOW, DeclineReason.BUSY}
    assert sum(reason.is_recusal for reason in DeclineReason) == 7


@pytest.mark.parametrize(
    ("stage", "facts", "expected"),
    [
        ("identification", {}, "P2"),
        ("registration", {}, "P3"),
        ("asylum", {}, "P5"),
        ("return", {}, "P5"),
        ("vulnerability", {}, "P5"),
        ("identification", {"booked": True}, "P4"),
        ("asylum", {"booked": True}, "P4"),
        ("registration", {"urgent_medical": True}, "P1"),
        ("registration", {"unaccompanied_minor": True}, "P1"),
        ("asylum", {"booked": True, "trafficking_or_violence": True}, "P1"),
        ("identification", {"woman_alone_with_sex_rule": True}, "P1"),
        ("return", {"removal_at": NOW + timedelta(hours=24)}, "P1"),
        ("return", {"removal_at": NOW + timedelta(hours=24, seconds=1)}, "P5"),
        ("asylum", {"booked": True, "deadline_at": NOW + timedelta(hours=72)}, "P2"),
        ("asylum", {"booked": True, "deadline_at": NOW + timedelta(hours=73)}, "P4"),
        ("registration", {"deadline_at": NOW - timedelta(hours=1)}, "P2"),
    ],
)
def test_the_order_of_the_queue(stage: str, facts: dict[str, Any], expected: str) -> None:
    assert priority_for(stage, now=NOW, **facts) == expected


def test_priorities_sort_as_they_are_served() -> None:
    assert sorted(Priority, reverse=True)[-1] is Priority.P1
