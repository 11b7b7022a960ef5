"""The demo: invented people and cases, made through the same services as everything else, and one sign-in link per role.

The past is told by a clock that the story moves: each request, answer, session and seal happens in the services, at its time.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from core.access import Actor, Country, Membership, Role
from core.clock import ManualClock, SystemClock
from core.db.outbox import OutboxRelay
from core.db.session import UnitOfWork
from core.errors import Conflict
from core.events.memory_bus import InProcessBus
from core.settings import Settings
from records.case_write import NewCase, NewLanguage, SexWishInput
from records.entry_kinds import EntryKind
from records.lifecycle import EndReason, Outcome, PauseReason
from records.session_views import stamp
from records.sites import put_site
from records.stages import Stage
from scheduler.bookings import NewBooking
from scheduler.models import Booking, Interpreter, Offer
from scheduler.pool import regional
from signaling import demo_briefings as briefings
from signaling.auth import tokens
from signaling.auth.models import User
from signaling.auth.tokens import TokenKind
from signaling.bootstrap import Services, build
from signaling.demo_aids import tell_terms
from signaling.demo_bookings import tell_bookings
from signaling.demo_calendar import tell_calendars
from signaling.demo_data import (
    CASES,
    INTERPRETERS,
    SITES,
    STAFF,
    DemoCase,
    DemoTalk,
    profile_of,
)
from signaling.demo_demand import tell_demand
from signaling.demo_desk import tell_desk
from signaling.demo_duty import tell_duty
from signaling.demo_phone import tell_phone_talk, tell_phones
from signaling.demo_plans import tell_plans
from signaling.demo_pool import tell_pool
from signaling.demo_ring import tell_ring
from signaling.demo_rosters import tell_rosters

log = logging.getLogger(__name__)
_STORY_BEGINS = timedelta(days=14)
_LINK_LIFE = timedelta(hours=12)
_BRIEFING = -1
"""Stands for the group briefing among the numbers of cases."""


@dataclass(frozen=True)
class SignInLink:
    """A link that signs in with one click, as long as the demo runs."""

    title: str
    url: str


async def prepare_demo(settings: Settings) -> list[SignInLink]:
    """Fill an empty database and make the sign-in links, one per role and country."""
    await seed_if_empty(settings)
    services = build(settings)
    try:
        return await make_links(services)
    finally:
        await services.close()


async def demo_link(settings: Settings, code: str) -> str:
    """A link for one of the demo's people. Raises ``NotFound('user_unknown')`` where there is no demo."""
    services = build(settings)
    try:
        async with services.database.unit(Actor.system()) as uow:
            account = await services.accounts.by_code(uow, code)
            issued = await tokens.issue(uow, TokenKind.DEMO, ttl=timedelta(minutes=5), user_id=account.user_id)
        return f"{settings.public_url}/demo/sign-in/{issued.secret}"
    finally:
        await services.close()


async def make_links(services: Services) -> list[SignInLink]:
    """Links for the demo's people who are there; old ones keep working until they expire."""
    wanted = {one.code: one.title for one in STAFF} | {one.code: one.link for one in INTERPRETERS if one.link}
    links = []
    async with services.database.unit(Actor.system()) as uow:
        rows = await uow.session.execute(select(User.code, User.id).where(User.code.in_(wanted)))
        known = {row.code: row.id for row in rows}
        for code, title in wanted.items():
            if code in known:
                issued = await tokens.issue(uow, TokenKind.DEMO, ttl=_LINK_LIFE, user_id=known[code])
                links.append(SignInLink(title, f"{services.settings.public_url}/demo/sign-in/{issued.secret}"))
    return links


async def seed_if_empty(settings: Settings) -> bool:
    """Fill the database unless it has accounts already; says whether it did."""
    now = SystemClock().now()
    clock = ManualClock(now - _STORY_BEGINS)
    services = build(settings, clock=clock)
    try:
        async with services.database.read(Actor.system()) as unit:
            if await services.accounts.any_exists(unit):
                return False
        await _Story(services, clock, now).tell()
        return True
    finally:
        await services.close()


@dataclass
class _OpenCase:
    """A case of the story that goes on."""

    plan: DemoCase
    officer: Actor
    case_id: str
    step_ids: list[str]


class _Story:
    """Tells the demo's past from its beginning until now."""

    def __init__(self, services: Services, clock: ManualClock, now: datetime) -> None:
        self._services = services
        self._clock = clock
        self._now = now
        self._officers: dict[str, tuple[Actor, str]] = {}
        self._interpreters: dict[str, tuple[str, str]] = {}
        """Code: user id, interpreter id."""

    async def tell(self) -> None:
        """Everything, in the order of time."""
        await self._staff()
        await self._pool()
        await self._gates()
        acts: list[tuple[datetime, int, int]] = []
        for number, case in enumerate(CASES):
            acts.append((self._now - timedelta(days=case.days_ago), number, -1))
            for index, step in enumerate(case.steps):
                if step.talk is not None:
                    acts.append((self._now - timedelta(days=step.talk.days_ago), number, index))
        acts.append((self._now - timedelta(hours=30), _BRIEFING, 0))
        cases: dict[int, _OpenCase] = {}
        for at, number, index in sorted(acts):
            self._move_to(at)
            if number == _BRIEFING:
                _, interpreter_id = self._interpreters[briefings.INTERPRETER]
                await briefings.tell_briefing(self._services, self._officers, interpreter_id, self._wait)
                continue
            if index < 0:
                cases[number] = await self._open(CASES[number])
                await self._book(cases[number], 0)
            else:
                await self._hold(cases[number], index)
        self._move_to(self._now)
        await self._rest()
        await tell_calendars(self._services, self._now)
        await tell_bookings(self._services, self._now, self._officers)
        await tell_desk(self._services, self._officers)
        await tell_demand(self._services, self._now)
        await tell_phones(self._services, self._now, self._officers)
        await tell_ring(self._services)
        await tell_rosters(self._services, self._now)
        await tell_plans(self._services, self._now, self._officers["C-07"][0], "RS")
        await tell_pool(self._services, self._now, self._officers)
        await tell_duty(self._services, self._now, self._officers["C-07"][0])
        # What happened in the story is no news for anybody.
        await OutboxRelay(self._services.database, InProcessBus()).relay()

    def _move_to(self, at: datetime) -> None:
        self._wait(max(0.0, (at - self._clock.now()).total_seconds()))

    def _wait(self, seconds: float) -> None:
        self._clock.advance(seconds)

    async def _staff(self) -> None:
        services = self._services
        async with services.database.unit(Actor.system()) as uow:
            for code, (country, authority, names) in SITES.items():
                await put_site(uow, code, country=country, authority=authority, names=names)
            for one in STAFF:
                membership = Membership(one.role, one.country)
                account = await services.accounts.create(
                    uow,
                    code=one.code,
                    memberships=[membership],
                    site=one.site,
                    locale="en",
                    officer_language=one.officer_language,
                )
                actor = Actor(account.user_id, one.code, frozenset({membership}), one.site)
                self._officers[one.code] = (actor, one.officer_language)

    async def _pool(self) -> None:
        services = self._services
        async with services.database.unit(Actor.system()) as uow:
            for one in INTERPRETERS:
                country = Country(one.country)
                account = await services.accounts.create(
                    uow, code=one.code, memberships=[Membership(Role.INTERPRETER, country)], locale="en"
                )
                made = await services.scheduler.pool.create(uow, profile_of(one, account.user_id, self._now))
                self._interpreters[one.code] = (account.user_id, made["id"])

    async def _gates(self) -> None:
        """Both directions are open in the demo, under a paper that says of itself that it is invented."""
        async with self._services.database.unit(Actor.system()) as uow:
            for here, there in (("RS", "MK"), ("MK", "RS")):
                await self._services.scheduler.transfer.open_gate(
                    uow,
                    from_country=here,
                    to_country=there,
                    basis="Invented for the demo; there is no such agreement",
                    reference="DEMO-0000",
                    valid_from=uow.now,
                    valid_to=None,
                    stages=[stage.value for stage in Stage],
                )

    async def _open(self, plan: DemoCase) -> _OpenCase:
        officer, _ = self._officers[plan.officer]
        codes = [language.split(":") for language in plan.languages.split()]
        new = NewCase(
            country=(officer.site or "")[:2],
            site=officer.site or "",
            age_group=plan.age_group,
            first_step=plan.steps[0].code,
            languages=[
                NewLanguage(code, source, plan.region_note if i == 0 else None)
                for i, (code, source) in enumerate(codes)
            ],
            literacy=plan.literacy,
            uam=plan.uam,
            interp_sex=SexWishInput(plan.wish, plan.must, asked=True),
            needs=plan.needs,
            country_of_origin=plan.origin,
            emergency=plan.emergency,
        )
        async with self._services.database.unit(officer) as uow:
            case = await self._services.cases.open(uow, new)
            self._note(country=case["country"], uow=uow, action="case.opened", subject=case["id"])
        return _OpenCase(plan, officer, case["id"], [step["id"] for step in case["steps"]])

    async def _plan_next(self, case: _OpenCase, index: int) -> None:
        """The step after ``index``, if the story has one; with its appointment, if it has one."""
        if index + 1 >= len(case.plan.steps):
            return
        self._wait(600)
        async with self._services.database.unit(case.officer) as uow:
            detail = await self._services.cases.plan_step(uow, case.case_id, code=case.plan.steps[index + 1].code)
        case.step_ids = [step["id"] for step in detail["steps"]]
        await self._book(case, index + 1)

    async def _book(self, case: _OpenCase, index: int) -> None:
        """The appointment of a step, and the answer of the interpreter who takes it."""
        step = case.plan.steps[index]
        if step.appointment_in_days is None:
            return
        starts_at = _on_the_hour(self._now + timedelta(days=step.appointment_in_days))
        self._wait(1200)
        booking_id = await self._request(case, index, starts_at)
        if step.taken:
            self._wait(1500)
            await self._accept(booking_id, None)

    async def _request(self, case: _OpenCase, index: int, starts_at: datetime | None) -> str:
        _, officer_language = self._officers[case.plan.officer]
        new = NewBooking(
            step_id=case.step_ids[index],
            kind="now" if starts_at is None else "appointment",
            language=case.plan.languages.split(":")[0],
            officer_language=officer_language,
            starts_at=starts_at,
        )
        async with self._services.database.unit(regional(case.officer)) as uow:
            booking = await self._services.scheduler.bookings.request(uow, new)
            self._note(country=booking.country, uow=uow, action="booking.requested", subject=booking.id)
            return booking.id

    async def _accept(self, booking_id: str, code: str | None) -> str:
        """The best offer is accepted, or that of interpreter ``code``; returns the session."""
        async with self._services.database.unit(Actor.system()) as uow:
            offers = await uow.session.execute(
                select(Offer.id, Offer.interpreter_id, Offer.round, Interpreter.code)
                .join(Interpreter, Interpreter.id == Offer.interpreter_id)
                .join(Booking, Booking.id == Offer.booking_id)
                .where(Offer.booking_id == booking_id, Offer.round == Booking.round)
                .order_by(Offer.score.desc(), Offer.id)
            )
            found = [row for row in offers if code in (None, row.code)]
            if not found:
                raise Conflict("demo_story_broken", {"interpreter": code or "anybody"})
            answer = await self._services.scheduler.offers.accept(
                uow, found[0].id, interpreter_id=found[0].interpreter_id, round_no=found[0].round
            )
            if answer["session_id"] is None:
                raise Conflict("demo_story_broken", {"interpreter": code or "anybody"})
            return answer["session_id"]

    async def _hold(self, case: _OpenCase, index: int) -> None:
        """A session as it was: request, ring, talk, end, seal."""
        talk = case.plan.steps[index].talk
        assert talk is not None
        services, (_, interpreter_id) = self._services, self._interpreters[talk.by]
        async with services.database.unit(Actor.system()) as uow:
            await services.scheduler.presence.set_wanted(uow, interpreter_id, wanted="available")
        booking_id = await self._request(case, index, None)
        self._wait(9)
        session_id = await self._accept(booking_id, talk.by)
        self._wait(14)
        async with services.database.unit(Actor.system()) as uow:
            await services.session_log.arrive(uow, session_id, part="officer", code=case.plan.officer)
            await services.session_log.arrive(uow, session_id, part="interpreter", code=talk.by)
            await services.scheduler.conduct.arrived(uow, session_id)
        self._wait(4)
        async with services.database.unit(Actor.system()) as uow:
            await services.scheduler.conduct.start(uow, session_id)
        await self._talk(session_id, talk)
        await tell_terms(services, session_id, officer=case.plan.officer, interpreter=talk.by)
        async with services.database.unit(Actor.system()) as uow:
            await services.session_log.add_speaking(uow, session_id, talk.minutes * 42_000)
            await services.scheduler.conduct.finish(
                uow, session_id, outcome=Outcome(talk.outcome), reason=EndReason(talk.reason), by="officer"
            )
            await services.session_log.seal(uow, session_id)
            await services.scheduler.presence.set_wanted(uow, interpreter_id, wanted="away")
        await self._plan_next(case, index)

    async def _talk(self, session_id: str, talk: DemoTalk) -> None:
        """What happened while they talked."""
        services = self._services
        self._wait(90)
        if talk.confirmed is not None:
            async with services.database.unit(Actor.system()) as uow:
                await services.session_log.confirm_language(uow, session_id, code=talk.confirmed)
        self._wait(talk.minutes * 30)
        if talk.by_phone:
            await tell_phone_talk(services, session_id, talk.by, self._wait)
        if talk.line_lost_s:
            facts: dict[str, str | int] = {"part": "interpreter", "code": talk.by, "from": stamp(self._clock.now())}
            self._wait(talk.line_lost_s)
            async with services.database.unit(Actor.system()) as uow:
                await services.session_log.append(uow, session_id, EntryKind.LINE_LOST, facts)
                back = {**facts, "seconds": talk.line_lost_s}
                await services.session_log.append(uow, session_id, EntryKind.LINE_BACK, back)
        if talk.break_min:
            async with services.database.unit(Actor.system()) as uow:
                await services.session_log.pause(uow, session_id, reason=PauseReason.BREAK)
            self._wait(talk.break_min * 60)
            async with services.database.unit(Actor.system()) as uow:
                await services.session_log.resume(uow, session_id)
        self._wait(max(0, talk.minutes * 30 - 90))

    async def _rest(self) -> None:
        """Interpreters with a link want to be rung as soon as their page is open."""
        services = self._services
        async with services.database.unit(Actor.system()) as uow:
            for one in INTERPRETERS:
                if one.link:
                    _, interpreter_id = self._interpreters[one.code]
                    await services.scheduler.presence.set_wanted(uow, interpreter_id, wanted="available")

    def _note(self, *, uow: UnitOfWork, country: str, action: str, subject: str) -> None:
        self._services.audit.record(uow, action, subject, country=country, purpose="casework")


def _on_the_hour(at: datetime) -> datetime:
    """A believable time for an appointment: nine o'clock in the morning there."""
    return at.replace(hour=8, minute=0, second=0, microsecond=0)
