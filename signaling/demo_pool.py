"""The demo's life of the pool: applications on their way, answers, a review, a complaint, rates and minutes in several states.

Everything goes through the real services, by the coordinators, officers and interpreters of the story; nothing is written past them.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from core.access import Actor
from records.models import Session
from scheduler.models import Interpreter
from scheduler.pool import regional
from scheduler.pool_life.grievance import ComplaintMove, Ground, Source
from scheduler.pool_life.membership import MemberMove
from scheduler.pool_life.pay import Currency, LineKind, LineState
from scheduler.pool_life.quality import Answer, ErrorKind, FoundError, ReviewCause, Severity, Side
from scheduler.pool_write import PairInput, ProfileInput
from signaling.bootstrap import Services

_WAY = (MemberMove.VET, MemberMove.TEST, MemberMove.TRAIN)
APPLICANTS = (
    ("I-0431", "RS", "woman", "prs", "srp", 0),
    ("I-0432", "RS", "man", "som", "srp", 2),
    ("I-0433", "RS", "woman", "kmr", "srp", 3),
    ("I-0513", "MK", "man", "ckb", "mkd", 1),
)
"""Code, country, sex, language, officers' language, steps behind them."""
_RATES = (
    ("RS", "contract", LineKind.SESSION, Currency.RSD, 180_000),
    ("RS", "contract", LineKind.LATE_CANCEL, Currency.RSD, 90_000),
    ("RS", "contract", LineKind.STANDBY, Currency.RSD, 45_000),
    ("RS", "contract", LineKind.CALL_IN, Currency.RSD, 220_000),
    ("RS", "contract", LineKind.WASTED, Currency.RSD, 90_000),
    ("RS", "roster", LineKind.SESSION, Currency.EUR, 1_600),
    ("RS", "roster", LineKind.STANDBY, Currency.EUR, 400),
    ("RS", "roster", LineKind.CALL_IN, Currency.EUR, 2_000),
    ("RS", "roster", LineKind.LATE_CANCEL, Currency.EUR, 800),
    ("RS", "roster", LineKind.WASTED, Currency.EUR, 800),
    ("MK", "contract", LineKind.SESSION, Currency.MKD, 90_000),
    ("MK", "contract", LineKind.LATE_CANCEL, Currency.MKD, 45_000),
)
_SUSPENDED = "I-0424"
_ANSWERS = (Answer.GOOD, Answer.GOOD, Answer.FAIR, Answer.GOOD, Answer.POOR)


async def tell_pool(services: Services, now: datetime, officers: dict[str, tuple[Actor, str]]) -> None:
    """Tell it; ``officers`` are the staff of the story by code."""
    coordinators = {"RS": officers["C-07"][0], "MK": officers["C-31"][0]}
    people = await _people(services)
    for code, country, sex, language, officer_language, steps in APPLICANTS:
        await _apply(services, now, coordinators[country], code, country, sex, language, officer_language, steps)
    async with services.database.unit(coordinators["RS"]) as uow:
        await services.scheduler.pool_life.members.move(uow, people[_SUSPENDED], MemberMove.SUSPEND, "papers")
    await _quality(services, coordinators["RS"], people)
    for country, engagement, kind, currency, minor in _RATES:
        async with services.database.unit(coordinators[country]) as uow:
            await services.scheduler.pool_life.timesheets.set_rate(
                uow,
                country=country,
                engagement=engagement,
                kind=kind,
                currency=currency,
                minor_per_hour=minor,
                valid_from=now - timedelta(days=60),
            )
    await _minutes(services, coordinators["RS"])


async def _people(services: Services) -> dict[str, str]:
    async with services.database.read(Actor.system()) as unit:
        rows = await unit.session.execute(select(Interpreter.code, Interpreter.id))
        return {row.code: row.id for row in rows}


async def _apply(
    services: Services,
    now: datetime,
    coordinator: Actor,
    code: str,
    country: str,
    sex: str,
    language: str,
    officer_language: str,
    steps: int,
) -> None:
    """An application, as far on its way as it is."""
    members = services.scheduler.pool_life.members
    pair = PairInput(
        from_lang=language,
        to_lang=officer_language,
        level_from="native",
        level_to="B2",
        modes=["consecutive"],
        verified_by="self",
    )
    values = ProfileInput(
        code=code,
        nominated_by=country,
        engagement="contract",
        base_country=country,
        time_zone="Europe/Belgrade" if country == "RS" else "Europe/Skopje",
        location_status="unapproved",
        sex=sex,
        pairs=[pair],
        officer_languages=[officer_language],
    )
    async with services.database.unit(coordinator) as uow:
        made = await members.apply(uow, values)
        for move in _WAY[:steps]:
            await members.move(uow, made, move)
        later = now + timedelta(days=730)
        if steps >= 1:
            await members.note_paper(uow, made, "conduct", issued_at=uow.now, expires_at=later, version="2026-1")
        if steps >= 2:
            await members.note_paper(
                uow, made, "vetting", issued_at=uow.now, expires_at=later, authority=f"{country}-MOI"
            )
            await members.note_paper(uow, made, "nda", issued_at=uow.now, expires_at=later, version="2026-1")
        if steps >= 3:
            await members.note_pair_test(uow, made, pair, at=uow.now, passed=True)


async def _quality(services: Services, coordinator: Actor, people: dict[str, str]) -> None:
    """Answers of officers and persons, one hard week, a review that is done and one that is open, a complaint."""
    house = services.scheduler.pool_life
    held = await _held(services)
    async with services.database.unit(Actor.system()) as uow:
        recent = [session for session in held if session.ended_at and uow.now - session.ended_at < timedelta(days=7)]
        for number, session in enumerate(recent):
            answer = _ANSWERS[number % len(_ANSWERS)]
            await house.ratings.rate(uow, session.id, Side.OFFICER, answer)
            if number % 2 == 0:
                await house.ratings.rate(uow, session.id, Side.PERSON, Answer.GOOD)
        hardest = next(session for session in recent if session.interpreter_id == people["I-0413"])
        await house.ratings.rate(uow, hardest.id, Side.INTERPRETER, Answer.FAIR, ["hard_to_bear", "no_breaks"])
        own = next(session for session in recent if session.interpreter_id == people["I-0417"])
        await house.ratings.rate(uow, own.id, Side.INTERPRETER, Answer.FAIR, ["hard_to_bear"])
        await house.care.offer_talks(uow)
        talk = (await house.care.own(uow, people["I-0413"]))["talk"]
        if talk is not None:
            await house.care.answer(uow, talk["id"], people["I-0413"], wanted=True)
    async with services.database.unit(coordinator) as uow:
        done = await house.reviews.ask(
            uow, people["I-0417"], country="RS", method="mock", cause=ReviewCause.TWICE_A_YEAR
        )
        found = [
            FoundError(ErrorKind.OMISSION, Severity.MINOR, 3),
            FoundError(ErrorKind.NUMBER, Severity.MAJOR, 1),
            FoundError(ErrorKind.TERM, Severity.MINOR, 2),
        ]
        await house.reviews.finish(uow, done, minutes=45, errors=found)
        await house.reviews.ask(uow, people["I-0402"], country="RS", method="observed", cause=ReviewCause.TWICE_A_YEAR)
        ours = [session for session in held if session.country == "RS"]
        complaint = await house.complaints.file(uow, ours[0].id, source=Source.LAWYER, ground=Ground.LEFT_OUT)
        await house.complaints.move(uow, complaint, ComplaintMove.EXAMINE)
        await house.complaints.file(uow, ours[-1].id, source=Source.PERSON, ground=Ground.CONDITIONS)


async def _held(services: Services) -> list[Session]:
    async with services.database.read(Actor.system()) as unit:
        rows = await unit.session.scalars(
            select(Session)
            .where(Session.ended_at.is_not(None), Session.interpreter_id.is_not(None), Session.case_id.is_not(None))
            .order_by(Session.ended_at)
        )
        return list(rows.all())


async def _minutes(services: Services, coordinator: Actor) -> None:
    """Lines of the finished work: paid, with accounting, confirmed, disputed, and some that still wait for a word."""
    sheets = services.scheduler.pool_life.timesheets
    async with services.database.unit(Actor.system()) as uow:
        await sheets.collect(uow)
        lines = list(reversed(await sheets.lines(uow)))
    ours = [line for line in lines if line["country"] == "RS"]
    for number, line in enumerate(ours[:-1]):
        async with services.database.unit(Actor.system()) as uow:
            theirs = line["minutes"] + (12 if number == 3 else 0)
            await sheets.confirm(uow, line["id"], as_interpreter=True, minutes=theirs)
            await sheets.confirm(uow, line["id"], as_interpreter=False, minutes=line["minutes"])
        if number == 1:
            async with services.database.unit(coordinator) as uow:
                made = await sheets.export(uow, "RS")
                await sheets.paid(uow, made.batch)
        elif number == 2:
            async with services.database.unit(coordinator) as uow:
                await sheets.export(uow, "RS")
    for line in lines:
        if line["country"] == "MK" and line["state"] == LineState.OPEN.value:
            async with services.database.unit(regional(Actor.system())) as uow:
                await sheets.confirm(uow, line["id"], as_interpreter=True, minutes=line["minutes"])
