"""The life of interpreters in the pool, for coordinators: applications, papers, tests, trainings, levels, the expiry watch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, TypedDict

from fastapi import APIRouter, Query
from pydantic import Field

from core.access import Role
from core.db.session import UnitOfWork
from records.stages import Level
from scheduler.pool import regional
from scheduler.pool_life.care import WeekView, week_view
from scheduler.pool_life.complaints import ComplaintView
from scheduler.pool_life.members import EvidenceView, MemberView
from scheduler.pool_life.membership import MemberMove
from scheduler.pool_life.papers import PapersView
from scheduler.pool_life.ratings import OwnQuality
from scheduler.pool_life.reviews import ReviewView
from signaling.api.interpreter import own_profile
from signaling.api.pool import PairBody, ProfileBody
from signaling.api.routing import guarded_router
from signaling.api.shapes import Code, DayIn, In, InstantIn, Key
from signaling.api.shown import shown
from signaling.auth.principal import Principal
from signaling.bootstrap import Services
from signaling.deps import Svc, Who
from signaling.facts import base_country
from signaling.policy import demand, may_change_interpreter

router: APIRouter = guarded_router("pool")


class MemberPage(TypedDict):
    """Everything about the membership of one interpreter."""

    member: MemberView
    papers: PapersView
    history: Sequence[EvidenceView]
    quality: OwnQuality
    reviews: Sequence[ReviewView]
    complaints: Sequence[ComplaintView]
    week: WeekView


class NoticeView(TypedDict):
    """Something that runs out or is missing (R-8)."""

    interpreter_id: str
    interpreter_code: str
    kind: str
    until: datetime | None
    urgency: str
    days_left: int | None


class WatchView(TypedDict):
    """The expiry watch."""

    items: list[NoticeView]


class Applied(TypedDict):
    """A new application."""

    id: str


class MoveBody(In):
    """A move of a membership; refusing, suspending and leaving have a reason."""

    move: MemberMove
    reason: Code | None = None


class PaperBody(In):
    """A vetting, an undertaking of confidentiality or the code of conduct."""

    kind: Literal["vetting", "nda", "conduct"]
    issued_at: InstantIn
    expires_at: InstantIn | None = None
    version: Annotated[str, Field(max_length=16)] | None = None
    authority: Annotated[str, Field(max_length=40)] | None = None
    passed: bool = True


class PairTestBody(In):
    """The test of a working pair."""

    pair: PairBody
    at: InstantIn
    passed: bool


class TrainingDone(In):
    """A finished training."""

    code: Code
    on: DayIn
    expires: DayIn | None = None


class LevelBody(In):
    """An accreditation level."""

    level: Level


@router.post("/api/pool/applications", status_code=201, response_model=shown(Applied))
async def apply(body: ProfileBody, who: Who, services: Svc) -> Applied:
    """Take somebody's application; they are not matched before they are admitted."""
    demand(may_change_interpreter(who, body.base_country or ""), refused="country_not_yours")
    async with services.database.unit(who.actor) as uow:
        made = await services.scheduler.pool_life.members.apply(uow, body.told())
        await _record(services, uow, "member.applied", made)
    return Applied(id=made)


@router.get("/api/pool/members/{interpreter_id}", response_model=shown(MemberPage))
async def read_member(interpreter_id: Key, who: Who, services: Svc) -> MemberPage:
    """Stage, level with what is missing, papers, quality, complaints and the load of the week. The look is noted."""
    house = services.scheduler.pool_life
    async with services.database.unit(who.actor) as uow:
        page = MemberPage(
            member=await house.members.view(uow, interpreter_id),
            papers=await house.papers.papers(uow, interpreter_id),
            history=await house.members.history(uow, interpreter_id),
            quality=await house.ratings.own(uow, interpreter_id),
            reviews=await house.reviews.list(uow, interpreter_id=interpreter_id),
            complaints=await house.complaints.list(uow, interpreter_id=interpreter_id),
            week=week_view((await house.care.weeks(uow, [interpreter_id]))[interpreter_id]),
        )
        services.audit.record(
            uow,
            "member.viewed",
            interpreter_id,
            country=min(who.countries_as(Role.COORDINATOR)).value,
            purpose="coordination",
        )
    return page


@router.post("/api/pool/members/{interpreter_id}/move", response_model=shown(MemberView))
async def move_member(interpreter_id: Key, body: MoveBody, who: Who, services: Svc) -> MemberView:
    """Admit, suspend, let go and so on; 409 ``accreditation_gaps`` when something is missing for an admission."""
    async with services.database.unit(who.actor) as uow:
        await _mine(uow, who, interpreter_id)
        await services.scheduler.pool_life.members.move(uow, interpreter_id, body.move, body.reason)
        await _record(services, uow, "member.moved", interpreter_id, {"move": body.move.value})
        return await services.scheduler.pool_life.members.view(uow, interpreter_id)


@router.post("/api/pool/members/{interpreter_id}/papers", response_model=shown(MemberView))
async def note_paper(interpreter_id: Key, body: PaperBody, who: Who, services: Svc) -> MemberView:
    """Note a paper; the matcher goes by the newest from now on."""
    async with services.database.unit(who.actor) as uow:
        await _mine(uow, who, interpreter_id)
        await services.scheduler.pool_life.members.note_paper(
            uow,
            interpreter_id,
            body.kind,
            issued_at=body.issued_at,
            expires_at=body.expires_at,
            version=body.version,
            authority=body.authority,
            passed=body.passed,
        )
        await _record(services, uow, "member.paper", interpreter_id, {"kind": body.kind})
        return await services.scheduler.pool_life.members.view(uow, interpreter_id)


@router.post("/api/pool/members/{interpreter_id}/pair-tests", response_model=shown(MemberView))
async def note_pair_test(interpreter_id: Key, body: PairTestBody, who: Who, services: Svc) -> MemberView:
    """Note the test of a pair; a passed one puts the pair into the profile."""
    async with services.database.unit(who.actor) as uow:
        await _mine(uow, who, interpreter_id)
        pair = body.pair
        await services.scheduler.pool_life.members.note_pair_test(
            uow,
            interpreter_id,
            {
                "from_lang": pair.from_lang,
                "to_lang": pair.to_lang,
                "level_from": pair.level_from,
                "level_to": pair.level_to,
                "modes": list(pair.modes),
                "verified_by": "test",
            },
            at=body.at,
            passed=body.passed,
        )
        await _record(services, uow, "member.pair_test", interpreter_id, {"passed": body.passed})
        return await services.scheduler.pool_life.members.view(uow, interpreter_id)


@router.post("/api/pool/members/{interpreter_id}/trainings", response_model=shown(MemberView))
async def note_training(interpreter_id: Key, body: TrainingDone, who: Who, services: Svc) -> MemberView:
    """Note a finished training."""
    async with services.database.unit(who.actor) as uow:
        await _mine(uow, who, interpreter_id)
        await services.scheduler.pool_life.members.note_training(
            uow, interpreter_id, body.code, on=body.on, expires=body.expires
        )
        await _record(services, uow, "member.training", interpreter_id, {"code": body.code})
        return await services.scheduler.pool_life.members.view(uow, interpreter_id)


@router.post("/api/pool/members/{interpreter_id}/level", response_model=shown(MemberView))
async def grant_level(interpreter_id: Key, body: LevelBody, who: Who, services: Svc) -> MemberView:
    """Set the accreditation level; 409 ``accreditation_gaps`` says what is missing."""
    async with services.database.unit(who.actor) as uow:
        await _mine(uow, who, interpreter_id)
        await services.scheduler.pool_life.members.grant(uow, interpreter_id, body.level)
        await _record(services, uow, "member.level", interpreter_id, {"level": body.level.value})
        return await services.scheduler.pool_life.members.view(uow, interpreter_id)


@router.get("/api/interpreter/papers", response_model=shown(PapersView))
async def read_own_papers(who: Who, services: Svc) -> PapersView:
    """The interpreter's own level, papers and languages: what holds until when, and what is missing."""
    async with services.database.read(regional(who.actor)) as unit:
        return await services.scheduler.pool_life.papers.papers(unit, own_profile(who))


@router.get("/api/pool/watch", response_model=shown(WatchView))
async def watch(who: Who, services: Svc, limit: Annotated[int, Query(ge=1, le=500)] = 100) -> WatchView:
    """What runs out within 60 days, is over or is missing, the most urgent first."""
    async with services.database.read(who.actor) as unit:
        found = await services.scheduler.pool_life.members.watch(unit)
    return WatchView(
        items=[
            NoticeView(
                interpreter_id=notice.interpreter_id,
                interpreter_code=code,
                kind=notice.kind,
                until=notice.until,
                urgency=notice.urgency.value,
                days_left=notice.days_left,
            )
            for code, notice in found[:limit]
        ]
    )


async def _mine(uow: UnitOfWork, who: Principal, interpreter_id: str) -> None:
    demand(may_change_interpreter(who, await base_country(uow, interpreter_id)), refused="country_not_yours")


async def _record(
    services: Services, uow: UnitOfWork, action: str, subject: str, data: dict[str, str | bool] | None = None
) -> None:
    country = await base_country(uow, subject)
    services.audit.record(uow, action, subject, country=country, purpose="coordination", data=data)
