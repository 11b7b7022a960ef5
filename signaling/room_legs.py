"""Which half of a relay each interpreter in a room works in, so that tiles name the languages. Nothing for other sessions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from sqlalchemy import select

from core.db.session import ReadUnit
from scheduler.legs import Way
from scheduler.lifecycle import KEPT, AssignmentState
from scheduler.models import Assignment, Booking, Interpreter
from signaling.places import Place
from signaling.realtime.rooms import INTERPRETER


class RelayLeg(TypedDict):
    """Leg 1 is between the person and ``pivot`` (ISO 639-3), leg 2 between ``pivot`` and the officer."""

    leg: int
    pivot: str


async def relay_legs(unit: ReadUnit, session_id: str, seated: Sequence[Place]) -> dict[str, RelayLeg]:
    """The legs of the interpreters among ``seated``, by the id of their place; empty where there is no relay."""
    people = {place.user_id: place.id for place in seated if place.part == INTERPRETER and place.user_id is not None}
    if not people:
        return {}
    rows = await unit.session.execute(
        select(Interpreter.user_id, Assignment.leg, Booking.pivot)
        .join(Assignment, Assignment.interpreter_id == Interpreter.id)
        .join(Booking, Booking.id == Assignment.booking_id)
        .where(
            Booking.session_id == session_id,
            Booking.way == Way.RELAY.value,
            Assignment.state.in_([*KEPT, AssignmentState.HONOURED]),
            Interpreter.user_id.in_(people),
        )
    )
    return {
        people[user_id]: RelayLeg(leg=leg, pivot=pivot)
        for user_id, leg, pivot in rows
        if user_id is not None and pivot is not None
    }
