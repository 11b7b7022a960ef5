"""Group briefings: starting one, its posts and their links, who has the word, and what posts say of their groups."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field

from core.access import Country, Role
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, Invalid
from records.sites import site_by_code
from scheduler.briefings.models import Briefing, Understood
from scheduler.briefings.posts import MOST_POSTS
from scheduler.briefings.service import MOST_GROUPS, MOST_PEOPLE, NewBriefing
from scheduler.briefings.views import BriefingView, recent, view
from scheduler.pool import regional
from scheduler.surge.rule import Switch
from signaling.api.calls import JoinAnswer, join_answer
from signaling.api.routing import guarded_router
from signaling.api.shapes import Code, In, Key, Language, Out
from signaling.api.shown import shown
from signaling.auth.principal import Principal
from signaling.bootstrap import Services
from signaling.deps import Svc, Who
from signaling.policy import BriefingFacts, demand, may_see_briefing, may_start_briefing, may_steer_briefing

router: APIRouter = guarded_router("briefings")
Secret = Annotated[str, Field(min_length=16, max_length=128)]


class NewBriefingBody(In):
    """A briefing; who sends this leads it."""

    step_code: Code
    language: Language
    posts: Annotated[list[Code], Field(min_length=1, max_length=MOST_POSTS)]
    """Sites of the posts that are to listen."""
    site: Code | None = None
    """From where it is led; none: the own desk."""
    minutes: Annotated[int, Field(ge=1, le=120)] | None = None


class PostBody(In):
    """One more post."""

    site: Code


class WordBody(In):
    """Who may speak besides leader and interpreter; none: no post."""

    post_id: Key | None


class ListenBody(In):
    """The secret of a post's link."""

    token: Secret


class ToldBody(In):
    """What a post says of one of its groups."""

    token: Secret
    group: Annotated[int, Field(ge=1, le=MOST_GROUPS)]
    people: Annotated[int, Field(ge=1, le=MOST_PEOPLE)]
    answer: Understood


class AskBody(In):
    """What a post asks for."""

    token: Secret
    kind: Literal["repeat", "question"]


class PostLink(Out):
    """The link of a post; it is shown once, and a new one makes it worthless."""

    url: str


class Listen(Out):
    """What a post's page shows and, once the room is there, what it needs to come in."""

    state: Literal["waiting", "open", "over"]
    post_id: str
    code: str
    word: bool
    language: str
    join: JoinAnswer | None


class Briefings(Out):
    """What may be told to groups in a country now, and the briefings of the last week."""

    open: bool
    """Whether the surge state opens group briefings."""
    steps: list[str]
    most_posts: int
    items: list[shown(BriefingView)]  # type: ignore[valid-type]


@router.get("/api/briefings")
async def list_briefings(country: Country, who: Who, services: Svc) -> Briefings:
    """Coordinators see those of the country, interviewers those of the own authority."""
    coordinates = who.has(Role.COORDINATOR, country)
    demand(may_see_briefing(who, BriefingFacts(country.value, who.authority or "", "")))
    async with services.database.read(who.actor) as unit:
        surge = await services.foresight.surge.current(unit, country.value)
        items = await recent(unit, country.value, authority=None if coordinates else who.authority)
    steps = [step.code for step in services.catalogue.steps(country.value) if step.group_information]
    is_open = surge.is_on(Switch.GROUP_BRIEFING)
    return Briefings.model_validate({"open": is_open, "steps": steps, "most_posts": MOST_POSTS, "items": items})


@router.post("/api/briefings", status_code=201, response_model=shown(BriefingView))
async def start_briefing(body: NewBriefingBody, who: Who, services: Svc) -> BriefingView:
    """Ask for an interpreter for a briefing; the first round rings at once."""
    code = body.site or who.actor.site
    if code is None:
        raise Invalid("site_unknown", {"site": ""})
    async with services.database.unit(regional(who.actor)) as uow:
        site = await site_by_code(uow, code)
        demand(may_start_briefing(who, site.country, site.authority), refused="not_allowed", hidden="site_unknown")
        new = NewBriefing(
            step_code=body.step_code,
            language=body.language,
            officer_language=who.officer_language,
            site=site.code,
            posts=body.posts,
            minutes=body.minutes,
        )
        briefing = await services.scheduler.briefings.start(uow, new)
        data: dict[str, str | int] = {
            "step": briefing.step_code,
            "language": briefing.language,
            "posts": len(body.posts),
        }
        _record(services, uow, "briefing.started", briefing, data)
        return await view(uow, briefing)


@router.get("/api/briefings/{briefing_id}", response_model=shown(BriefingView))
async def read_briefing(briefing_id: Key, who: Who, services: Svc) -> BriefingView:
    """One briefing as it is now."""
    async with services.database.read(who.actor) as unit:
        briefing = await services.scheduler.briefings.get(unit, briefing_id)
        demand(may_see_briefing(who, _facts(briefing)), hidden="briefing_unknown")
        return await view(unit, briefing)


@router.post("/api/briefings/{briefing_id}/posts", status_code=201, response_model=shown(BriefingView))
async def add_post(briefing_id: Key, body: PostBody, who: Who, services: Svc) -> BriefingView:
    """One more post that is to listen."""
    async with services.database.unit(who.actor) as uow:
        briefing = await _steered(services, uow, who, briefing_id)
        await services.scheduler.briefings.add_post(uow, briefing_id, body.site)
        _record(services, uow, "briefing.post_added", briefing, {"site": body.site})
        return await view(uow, briefing)


@router.post("/api/briefings/{briefing_id}/posts/{post_id}/link")
async def link_post(briefing_id: Key, post_id: Key, who: Who, services: Svc) -> PostLink:
    """A new link for a post; the secret stays in the fragment and reaches no server log."""
    async with services.database.unit(who.actor) as uow:
        briefing = await _steered(services, uow, who, briefing_id)
        secret = await services.scheduler.briefings.new_link(uow, briefing_id, post_id)
        _record(services, uow, "briefing.post_linked", briefing, {"post": post_id})
    return PostLink(url=f"{services.settings.public_url}/listen#{secret}")


@router.post("/api/briefings/{briefing_id}/word", response_model=shown(BriefingView))
async def give_word(briefing_id: Key, body: WordBody, who: Who, services: Svc) -> BriefingView:
    """Let one post speak and nobody else; none: all only listen."""
    async with services.database.read(who.actor) as unit:
        await _steered(services, unit, who, briefing_id)
    await services.live.briefings.give_word(briefing_id, body.post_id)
    return await read_briefing(briefing_id, who, services)


@router.post("/api/briefings/{briefing_id}/join")
async def join_briefing(briefing_id: Key, who: Who, services: Svc) -> JoinAnswer:
    """A grant for who leads it, once an interpreter was found. The interpreter joins as any session."""
    async with services.database.read(who.actor) as unit:
        briefing = await services.scheduler.briefings.get(unit, briefing_id)
        demand(may_see_briefing(who, _facts(briefing)), hidden="briefing_unknown")
        booking = await services.scheduler.briefings.booking_of(unit, briefing_id)
    if booking.session_id is None:
        raise Conflict("briefing_not_begun")
    return join_answer(await services.admission.join(who, booking.session_id))


@router.post("/api/briefings/{briefing_id}/end", response_model=shown(BriefingView))
async def end_briefing(briefing_id: Key, who: Who, services: Svc) -> BriefingView:
    """End it for everybody and seal its record, or stop looking."""
    async with services.database.unit(who.actor) as uow:
        briefing = await _steered(services, uow, who, briefing_id)
        _record(services, uow, "briefing.ended", briefing)
    await services.live.briefings.end(briefing_id)
    return await read_briefing(briefing_id, who, services)


@router.post("/api/listen")
async def listen(body: ListenBody, services: Svc) -> Listen:
    """What a post's link opens now. The link stays good while the briefing runs; the newest page takes the place."""
    found = await services.live.briefings.listen(body.token)
    return Listen(
        state=found.state,
        post_id=found.post_id,
        code=found.code,
        word=found.word,
        language=found.language,
        join=None if found.join is None else join_answer(found.join),
    )


@router.post("/api/listen/told", status_code=204)
async def tell_group(body: ToldBody, services: Svc) -> None:
    """A post says of one of its groups whether it heard and understood. Saying it again corrects it."""
    await services.live.briefings.told(body.token, group=body.group, people=body.people, answer=body.answer)


@router.post("/api/listen/ask", status_code=204)
async def ask(body: AskBody, services: Svc) -> None:
    """A post asks to hear it again, or has a question."""
    await services.live.briefings.ask(body.token, body.kind)


async def _steered(services: Services, unit: ReadUnit, who: Principal, briefing_id: str) -> Briefing:
    briefing = await services.scheduler.briefings.get(unit, briefing_id)
    demand(may_steer_briefing(who, _facts(briefing)), hidden="briefing_unknown")
    return briefing


def _facts(briefing: Briefing) -> BriefingFacts:
    return BriefingFacts(briefing.country, briefing.authority, briefing.led_by)


def _record(
    services: Services, uow: UnitOfWork, action: str, briefing: Briefing, data: dict[str, str | int] | None = None
) -> None:
    services.audit.record(uow, action, briefing.id, country=briefing.country, purpose="information", data=data or {})
