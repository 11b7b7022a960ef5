"""The quality loop: ratings by all sides, reviews, complaints, and the care for interpreters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypedDict

from fastapi import APIRouter
from pydantic import Field

from core.access import Actor, Country, Role
from scheduler.pool import regional
from scheduler.pool_life.care import CareView, TalkView
from scheduler.pool_life.complaints import Advice, ComplaintView
from scheduler.pool_life.draws import DrawView
from scheduler.pool_life.grievance import ComplaintMove, Ground, Measure, Source
from scheduler.pool_life.quality import Answer, ErrorKind, FoundError, ReviewCause, Severity, Side
from scheduler.pool_life.ratings import Given, OwnQuality
from scheduler.pool_life.reviews import DueView, ReviewView
from signaling.api.interpreter import own_profile
from signaling.api.routing import guarded_router
from signaling.api.shapes import Code, In, Key
from signaling.api.shown import shown
from signaling.auth.tokens import TokenKind, redeem
from signaling.deps import Svc, Who
from signaling.facts import case_facts, session_facts
from signaling.policy import (
    Part,
    demand,
    may_change_interpreter,
    may_complain,
    may_read_case,
    may_see_board,
    part_in,
)

router: APIRouter = guarded_router("quality")


class QualityPage(TypedDict):
    """What a coordinator has to see to."""

    due: Sequence[DueView]
    draws: Sequence[DrawView]
    reviews: Sequence[ReviewView]
    complaints: Sequence[ComplaintView]
    talks: list[TalkView]


class OwnPage(TypedDict):
    """What an interpreter reads about their own work."""

    quality: OwnQuality
    reviews: Sequence[ReviewView]
    care: CareView


class AdviceList(TypedDict):
    """Interviews of a case that should be held again."""

    items: Sequence[Advice]


class Made(TypedDict):
    """Something new."""

    id: str


class GivenList(TypedDict):
    """Which sides have rated whom in a session: for its officer everybody who interpreted, for an interpreter the own row."""

    interpreters: list[Given]


class RatingBody(In):
    """One answer, and codes from the closed list of the side."""

    answer: Answer
    codes: Annotated[tuple[Code, ...], Field(max_length=6)] = ()
    interpreter_code: Code | None = None
    """Whom the officer means, where several interpreted."""


class GuestRatingBody(In):
    """The person's answer from the tablet: one of three faces."""

    token: Annotated[str, Field(min_length=20, max_length=80)]
    answer: Answer


class ReviewBody(In):
    """Ask for a review."""

    interpreter_id: Key
    country: Country
    method: Code
    cause: ReviewCause | None = None
    session_id: Key | None = None


class ErrorBody(In):
    """Errors of one kind and severity."""

    kind: ErrorKind
    severity: Severity
    count: Annotated[int, Field(ge=1, le=999)]


class ResultBody(In):
    """The result of a review."""

    minutes: Annotated[int, Field(ge=1, le=480)]
    errors: Annotated[list[ErrorBody], Field(max_length=40)]


class ComplaintBody(In):
    """A complaint about the interpreting of a session."""

    session_id: Key
    source: Source
    ground: Ground
    interpreter_code: Code | None = None
    """Whom it is about, where several interpreted; interpreters complain for themselves."""


class ComplaintMoveBody(In):
    """What happens to a complaint."""

    move: ComplaintMove
    measures: Annotated[tuple[Measure, ...], Field(max_length=5)] = ()


class TalkBody(In):
    """Whether a talk is wanted."""

    wanted: bool


@router.post("/api/sessions/{session_id}/rating", status_code=204)
async def rate(session_id: Key, body: RatingBody, who: Who, services: Svc) -> None:
    """The officer says how it went with each who interpreted, each of these how the conditions were; once."""
    async with services.database.unit(regional(who.actor) if who.interpreter_id else who.actor) as uow:
        part = part_in(who, await session_facts(uow, session_id))
        demand(may_complain(who, part), hidden="session_unknown")
        side = Side.OFFICER if part is Part.OFFICER else Side.INTERPRETER
        own = who.interpreter_id if part is Part.INTERPRETER else None
        await services.scheduler.pool_life.ratings.rate(
            uow, session_id, side, body.answer, body.codes, interpreter_id=own, code=body.interpreter_code
        )


@router.get("/api/sessions/{session_id}/rating", response_model=shown(GivenList))
async def read_rating(session_id: Key, who: Who, services: Svc) -> GivenList:
    """Which sides have answered; never what."""
    async with services.database.read(regional(who.actor) if who.interpreter_id else who.actor) as unit:
        part = part_in(who, await session_facts(unit, session_id))
        demand(may_complain(who, part), hidden="session_unknown")
        own = who.interpreter_id if part is Part.INTERPRETER else None
        return GivenList(
            interpreters=await services.scheduler.pool_life.ratings.given(unit, session_id, interpreter_id=own)
        )


@router.post("/api/guest/rating", status_code=204)
async def rate_as_guest(body: GuestRatingBody, services: Svc) -> None:
    """The person's face, given from the tablet with a secret that works once."""
    async with services.database.unit(Actor.system()) as uow:
        used = await redeem(uow, TokenKind.RATING, body.token)
        await services.scheduler.pool_life.ratings.rate(uow, used.session_id or "", Side.PERSON, body.answer)


@router.get("/api/quality", response_model=shown(QualityPage))
async def read_quality(who: Who, services: Svc) -> QualityPage:
    """Reviews that are due, asked for and done, complaints by deadline, talks that are wanted."""
    house = services.scheduler.pool_life
    async with services.database.read(who.actor) as unit:
        return QualityPage(
            due=await house.reviews.due(unit),
            draws=await house.draws.list(unit),
            reviews=await house.reviews.list(unit),
            complaints=await house.complaints.list(unit),
            talks=await house.care.waiting(unit),
        )


@router.post("/api/quality/reviews", status_code=201, response_model=shown(Made))
async def ask_review(body: ReviewBody, who: Who, services: Svc) -> Made:
    """Ask for a second linguist's look."""
    demand(may_see_board(who, body.country.value), refused="country_not_yours")
    async with services.database.unit(who.actor) as uow:
        made = await services.scheduler.pool_life.reviews.ask(
            uow,
            body.interpreter_id,
            country=body.country.value,
            method=body.method,
            cause=body.cause,
            session_id=body.session_id,
        )
        services.audit.record(uow, "review.asked", made, country=body.country.value, purpose="coordination")
    return Made(id=made)


@router.post("/api/quality/reviews/{review_id}/result", response_model=shown(ReviewView))
async def finish_review(review_id: Key, body: ResultBody, who: Who, services: Svc) -> ReviewView:
    """Put in the result; a review of another country is not found."""
    async with services.database.unit(who.actor) as uow:
        view = await services.scheduler.pool_life.reviews.finish(
            uow,
            review_id,
            minutes=body.minutes,
            errors=[FoundError(one.kind, one.severity, one.count) for one in body.errors],
        )
        services.audit.record(uow, "review.finished", review_id, country=view["country"], purpose="coordination")
    return view


@router.post("/api/complaints", status_code=201, response_model=shown(Made))
async def complain(body: ComplaintBody, who: Who, services: Svc) -> Made:
    """Bring a complaint: the officer for the person, lawyer or guardian, the interpreter, or a coordinator."""
    async with services.database.unit(regional(who.actor)) as uow:
        facts = await session_facts(uow, body.session_id)
        part = part_in(who, facts)
        demand(may_complain(who, part, facts.country), hidden="session_unknown")
        made = await services.scheduler.pool_life.complaints.file(
            uow,
            body.session_id,
            source=body.source,
            ground=body.ground,
            interpreter_id=who.interpreter_id if part is Part.INTERPRETER else None,
            code=body.interpreter_code,
        )
        # Whoever is complained about is offered nothing in this case any more (M-6), what is agreed for later included.
        await services.scheduler.bookings.case_changed(
            uow, await services.scheduler.pool_life.complaints.case_of(uow, made)
        )
        services.audit.record(uow, "complaint.filed", made, country=facts.country, purpose="complaint")
    return Made(id=made)


@router.post("/api/complaints/{complaint_id}/move", status_code=204)
async def move_complaint(complaint_id: Key, body: ComplaintMoveBody, who: Who, services: Svc) -> None:
    """Examine, decide or withdraw; coordinators of the country."""
    async with services.database.unit(who.actor) as uow:
        country = await services.scheduler.pool_life.complaints.country_of(uow, complaint_id)
        demand(may_see_board(who, country), refused="country_not_yours")
        await services.scheduler.pool_life.complaints.move(uow, complaint_id, body.move, body.measures)
        data = {"move": body.move.value, "measures": [measure.value for measure in body.measures]}
        services.audit.record(uow, "complaint.moved", complaint_id, country=country, purpose="complaint", data=data)


@router.get("/api/cases/{case_id}/advice", response_model=shown(AdviceList))
async def read_advice(case_id: Key, who: Who, services: Svc) -> AdviceList:
    """Interviews that should be held again with another interpreter, after an upheld complaint. The look is noted in the audit trail."""
    async with services.database.unit(who.actor) as unit:
        facts = await case_facts(unit, case_id)
        demand(may_read_case(who, facts), hidden="case_unknown")
        services.audit.record(unit, "case.advice_viewed", case_id, country=facts.country, purpose="casework")
        return AdviceList(items=await services.scheduler.pool_life.complaints.advice(unit, case_id))


@router.get("/api/interpreter/quality", response_model=shown(OwnPage))
async def read_own(who: Who, services: Svc) -> OwnPage:
    """The own number with what it rests on, own reviews, the own week."""
    interpreter_id, house = own_profile(who), services.scheduler.pool_life
    async with services.database.read(regional(who.actor)) as unit:
        return OwnPage(
            quality=await house.ratings.own(unit, interpreter_id),
            reviews=[view for view in await house.reviews.list(unit, interpreter_id=interpreter_id) if view["done_at"]],
            care=await house.care.own(unit, interpreter_id),
        )


@router.post("/api/interpreter/reviews/{review_id}/read", status_code=204)
async def read_review(review_id: Key, who: Who, services: Svc) -> None:
    """The interpreter has read a review."""
    async with services.database.unit(regional(who.actor)) as uow:
        await services.scheduler.pool_life.reviews.read(uow, review_id, own_profile(who))


@router.post("/api/interpreter/talks/{talk_id}", status_code=204)
async def answer_talk(talk_id: Key, body: TalkBody, who: Who, services: Svc) -> None:
    """Want the offered talk, or not."""
    async with services.database.unit(who.actor) as uow:
        await services.scheduler.pool_life.care.answer(uow, talk_id, own_profile(who), wanted=body.wanted)


@router.post("/api/pool/talks/{talk_id}/held", status_code=204)
async def talk_held(talk_id: Key, who: Who, services: Svc) -> None:
    """A wanted talk took place."""
    async with services.database.unit(who.actor) as uow:
        country = await services.scheduler.pool_life.care.country_of(uow, talk_id)
        demand(may_change_interpreter(who, country), refused="country_not_yours")
        await services.scheduler.pool_life.care.held(uow, talk_id)
        country = min(who.countries_as(Role.COORDINATOR)).value
        services.audit.record(uow, "talk.held", talk_id, country=country, purpose="care")
