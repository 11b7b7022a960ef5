"""Appointments at a chosen time: free slots, holds, moves, notice, relay and series."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from pydantic import Field

from core.db.session import UnitOfWork
from core.errors import NotFound
from records.models import ProcedureStep
from scheduler.booking.appointments import HOLD_FOR, SlotsAsked
from scheduler.booking.slots import Slot
from scheduler.bookings import NewBooking
from scheduler.legs import Way
from scheduler.models import Booking
from scheduler.notice import Notice
from scheduler.pool import regional
from signaling.api.booking_models import BookingView, Minutes, WayWord
from signaling.api.bookings import change_booking
from signaling.api.routing import guarded_router
from signaling.api.shapes import Code, In, Instant, InstantIn, Key, Language, Out
from signaling.bootstrap import Services
from signaling.deps import IdempotencyKey, Svc, Who
from signaling.facts import booking_facts, case_facts
from signaling.policy import (
    demand,
    may_change_case,
    may_dispatch_booking,
    may_read_booking,
    may_steer_booking,
)

router: APIRouter = guarded_router("appointments")
_ZONE = {"RS": "Europe/Belgrade", "MK": "Europe/Skopje"}


class SlotOut(Out):
    """A time at which an appointment can begin. Nothing about who could do it but how many, and "few" below three."""

    starts_at: Instant
    ends_at: Instant
    free: int
    few: bool
    sure: bool
    """Agreed at once when booked; otherwise interpreters are asked."""
    same: bool
    """The interpreter of the earlier steps could do it (M-6)."""
    pivot: str | None


class DayOut(Out):
    """The slots of one local day."""

    day: date
    slots: list[SlotOut]
    reason: str | None
    """On a day without any slot the rule that keeps most people from it."""


class SlotList(Out):
    """Free slots by day."""

    zone: str
    minutes: int
    """Planned length; for a relay 1.7 times what was asked."""
    days: list[DayOut]


class HoldBody(In):
    """Keep a slot for a while."""

    case_id: Key
    step_id: Key
    language: Language
    starts_at: InstantIn
    minutes: Minutes | None = None
    zone: Annotated[str, Field(max_length=40)] | None = None
    way: WayWord = "direct"
    hold_min: Annotated[int, Field(ge=1, le=1440)] = int(HOLD_FOR.total_seconds() // 60)


class RescheduleBody(In):
    """Another time."""

    starts_at: InstantIn
    minutes: Minutes | None = None
    ask: bool = False
    """Ask the interpreter, where the time cannot be agreed at once; the old one stands until they say yes."""


class NoticeOut(Out):
    """What giving the appointment up now would mean."""

    applies: bool
    """False while nobody has agreed to it."""
    code: Code | None
    hours: int | None
    percent: int | None
    """Share of the planned time that is paid."""
    until: Instant | None
    """From when on the next stricter class applies."""


class DecideBody(In):
    """The coordinator's word on a relay."""

    approve: bool


@router.get("/api/slots")
async def list_slots(
    who: Who,
    services: Svc,
    case_id: Key,
    step_id: Key,
    language: Language,
    start: Annotated[InstantIn, Query(alias="from")],
    to: InstantIn,
    minutes: Annotated[int | None, Query(ge=5, le=480)] = None,
    way: WayWord = "direct",
    moving: Key | None = None,
) -> SlotList:
    """The times between ``from`` and ``to`` (at most 45 days) that can be booked for a step, by local day."""
    async with services.database.read(regional(who.actor)) as unit:
        facts = await case_facts(unit, case_id)
        demand(may_change_case(who, facts), hidden="case_unknown")
        await own_step(unit, case_id, step_id)
        if moving is not None:
            demand(may_steer_booking(who, await booking_facts(unit, moving)), hidden="booking_unknown")
        asked = SlotsAsked(step_id, language, who.officer_language, minutes, Way(way))
        search = await services.scheduler.appointments.search(unit, asked, start, to, moving=moving)
    # Counting may stand in a line: no connection to the database is held meanwhile.
    found = await services.scheduler.appointments.count(search, refused=True)
    zone = _ZONE[facts.country]
    planned = int((found[0].ends_at - found[0].starts_at).total_seconds() // 60) if found else minutes or 0
    return SlotList(zone=zone, minutes=planned, days=_by_day(found, zone))


@router.post("/api/holds", status_code=201)
async def hold_slot(body: HoldBody, who: Who, services: Svc, key: IdempotencyKey = None) -> BookingView:
    """Keep a slot for some minutes; nobody else can have it. It is free again by itself."""
    new = NewBooking(
        step_id=body.step_id,
        kind="appointment",
        language=body.language,
        officer_language=who.officer_language,
        starts_at=body.starts_at,
        minutes=body.minutes,
        zone=body.zone,
        way=body.way,
    )
    async with services.database.unit(regional(who.actor)) as uow:
        demand(may_change_case(who, await case_facts(uow, body.case_id)), hidden="case_unknown")
        await own_step(uow, body.case_id, body.step_id)
        span = timedelta(minutes=body.hold_min)
        booking = await services.scheduler.appointments.hold(uow, new, span=span, idempotency_key=key)
        services.audit.record(uow, "booking.held", booking.id, country=booking.country, purpose="casework")
        return await _view(services, uow, booking)


@router.post("/api/bookings/{booking_id}/confirm")
async def confirm_hold(booking_id: Key, who: Who, services: Svc) -> BookingView:
    """Make a held slot an agreed appointment."""

    return await change_booking(
        services,
        who,
        booking_id,
        may_steer_booking,
        "booking.confirmed",
        lambda uow: services.scheduler.appointments.confirm(uow, booking_id),
    )


@router.post("/api/bookings/{booking_id}/reschedule")
async def reschedule(booking_id: Key, body: RescheduleBody, who: Who, services: Svc) -> BookingView:
    """Another time; every rule is checked again, and if it cannot be had the old time stands."""

    data = {"starts_at": body.starts_at.isoformat()}
    if body.ask:
        return await change_booking(
            services,
            who,
            booking_id,
            may_steer_booking,
            "booking.time_asked",
            lambda uow: services.scheduler.proposals.ask(
                uow, booking_id, starts_at=body.starts_at, minutes=body.minutes
            ),
            data,
        )
    return await change_booking(
        services,
        who,
        booking_id,
        may_steer_booking,
        "booking.moved",
        lambda uow: services.scheduler.appointments.reschedule(
            uow, booking_id, starts_at=body.starts_at, minutes=body.minutes
        ),
        data,
    )


@router.post("/api/bookings/{booking_id}/reschedule/withdraw")
async def take_time_back(booking_id: Key, who: Who, services: Svc) -> BookingView:
    """The desk takes its question for another time back."""
    return await change_booking(
        services,
        who,
        booking_id,
        may_steer_booking,
        "booking.time_withdrawn",
        lambda uow: services.scheduler.proposals.withdraw(uow, booking_id),
    )


@router.get("/api/bookings/{booking_id}/notice")
async def read_notice(booking_id: Key, who: Who, services: Svc) -> NoticeOut:
    """Which class of notice a cancellation now would have, told before it is made."""
    async with services.database.read(who.actor) as unit:
        demand(may_read_booking(who, await booking_facts(unit, booking_id)), hidden="booking_unknown")
        notice = await services.scheduler.bookings.notice(unit, booking_id)
    return notice_out(notice)


@router.post("/api/bookings/{booking_id}/relay")
async def ask_for_relay(booking_id: Key, who: Who, services: Svc) -> BookingView:
    """Go on with two interpreters through a third language; beyond registration the coordinator is asked (M-9)."""

    return await change_booking(
        services,
        who,
        booking_id,
        may_steer_booking,
        "booking.relay_asked",
        lambda uow: services.scheduler.legs.ask(uow, booking_id),
    )


@router.post("/api/bookings/{booking_id}/relay/decide")
async def decide_relay(booking_id: Key, body: DecideBody, who: Who, services: Svc) -> BookingView:
    """Approve or refuse a relay. For coordinators; the code of who decided is in the record."""

    data = {"approve": body.approve}
    return await change_booking(
        services,
        who,
        booking_id,
        may_dispatch_booking,
        "booking.relay_decided",
        lambda uow: services.scheduler.legs.decide(uow, booking_id, approve=body.approve),
        data,
    )


def notice_out(notice: Notice | None) -> NoticeOut:
    """The shape of a class of notice; one that does not apply while nobody has agreed."""
    if notice is None:
        return NoticeOut(applies=False, code=None, hours=None, percent=None, until=None)
    return NoticeOut(applies=True, code=notice.code, hours=notice.hours, percent=notice.percent, until=notice.until)


async def own_step(unit: Any, case_id: str, step_id: str) -> None:
    """Raises ``NotFound('step_unknown')`` unless the step belongs to the case."""
    step = await unit.session.get(ProcedureStep, step_id)
    if step is None or step.case_id != case_id:
        raise NotFound("step_unknown")


async def _view(services: Services, uow: UnitOfWork, booking: Booking) -> BookingView:
    return BookingView.model_validate(await services.scheduler.booking_views.view(uow, booking))


def _by_day(found: list[Slot], zone: str) -> list[DayOut]:
    local = ZoneInfo(zone)
    days: dict[date, list[Slot]] = defaultdict(list)
    for slot in found:
        days[slot.starts_at.astimezone(local).date()].append(slot)
    return [
        DayOut(
            day=day,
            slots=[
                SlotOut(
                    starts_at=slot.starts_at,
                    ends_at=slot.ends_at,
                    free=slot.free,
                    few=slot.few,
                    sure=slot.sure,
                    same=slot.same,
                    pivot=slot.pivot,
                )
                for slot in slots
                if slot.is_free
            ],
            reason=_reason(slots),
        )
        for day, slots in sorted(days.items())
    ]


def _reason(slots: list[Slot]) -> str | None:
    """The rule that stands in the way most often, on a day without a free slot."""
    if any(slot.is_free for slot in slots):
        return None
    count: dict[str, int] = defaultdict(int)
    for slot in slots:
        count[next(iter(slot.refusals)).value] += 1
    return max(count, key=lambda rule: (count[rule], rule), default=None)
