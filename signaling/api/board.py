"""The coordinator's dispatch board: what waits, rings and runs, who is on call, and calling them in."""

from __future__ import annotations

from typing import TypedDict

from fastapi import APIRouter

import scheduler.board_shapes
from scheduler.board_shapes import OnCallView
from signaling.api.routing import guarded_router
from signaling.api.shapes import In, Key
from signaling.api.shown import shown
from signaling.deps import Svc, Who
from signaling.facts import booking_facts
from signaling.policy import demand, may_dispatch_booking

router: APIRouter = guarded_router("board")


class CallInBody(In):
    """Whom to ask."""

    interpreter_id: Key


class OnCallList(TypedDict):
    """Who is on call for a booking."""

    items: list[OnCallView]


class CalledIn(TypedDict):
    """Somebody was asked to come on duty."""

    interpreter_id: str
    means: list[str]
    """By what the request goes out; whether it was sent is told by the list of those on call."""


@router.get("/api/board", response_model=shown(scheduler.board_shapes.Board))
async def read_board(who: Who, services: Svc) -> scheduler.board_shapes.Board:
    """The board as it is now; the topic ``board:<country>`` tells what changes."""
    async with services.database.read(who.actor) as unit:
        return await services.scheduler.board.board(unit)


@router.get("/api/bookings/{booking_id}/on-call", response_model=shown(OnCallList))
async def list_on_call(booking_id: Key, who: Who, services: Svc) -> OnCallList:
    """Who is on call in the country of the booking, by which configured means they can be called, and who was called already."""
    async with services.database.read(who.actor) as unit:
        demand(may_dispatch_booking(who, await booking_facts(unit, booking_id)), hidden="booking_unknown")
        booking = await services.scheduler.bookings.get(unit, booking_id)
        return OnCallList(items=await services.scheduler.board.on_call(unit, booking))


@router.post("/api/bookings/{booking_id}/call-in", response_model=shown(CalledIn))
async def call_in(booking_id: Key, body: CallInBody, who: Who, services: Svc) -> CalledIn:
    """Ask somebody on call to come on duty, by the means that are configured and reach them."""
    async with services.database.unit(who.actor) as uow:
        facts = await booking_facts(uow, booking_id)
        demand(may_dispatch_booking(who, facts), hidden="booking_unknown")
        _, means = await services.scheduler.reach.call_in(
            uow, body.interpreter_id, country=facts.country, booking_id=booking_id
        )
        data = {"interpreter_id": body.interpreter_id, "means": [way.value for way in means]}
        services.audit.record(
            uow, "booking.called_in", booking_id, country=facts.country, purpose="coordination", data=data
        )
        await services.scheduler.rounds.tell(uow, booking_id)
    return CalledIn(interpreter_id=body.interpreter_id, means=[way.value for way in means])
