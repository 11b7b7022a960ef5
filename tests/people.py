"""Desks, accounts and a small pool for whole-system tests. Everything else is done through the public API."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from core.access import Actor, Country, Role
from core.clock import SystemClock, new_id
from core.db.session import Database, UnitOfWork
from core.settings import AuthSettings
from records.models import Site
from scheduler.models import Interpreter, InterpreterPair, TransferInstrument
from scheduler.ring.policy import Policies
from signaling.auth.models import MembershipRow, User
from signaling.auth.passwords import PasswordHasher
from signaling.schema import CONFLICTS

PASSWORD = "correct horse battery staple"


@dataclass(frozen=True)
class Person:
    """Somebody who can sign in."""

    code: str
    password: str = PASSWORD


OFFICER = Person("O-1183")
OFFICER_MK = Person("O-2001")
COORDINATOR = Person("C-07")
ADMINISTRATOR = Person("A-01")
AUDITOR = Person("U-01")
SITES = (
    ("RS-PRESEVO", "RS", "RS-BP", {"en": "Border post Preševo", "sr-Cyrl": "Гранични прелаз Прешево"}),
    ("MK-VINOJUG", "MK", "MK-BP", {"en": "Transit centre Vinojug", "mk": "Транзитен центар Винојуг"}),
)
LANGUAGES = ("pes", "prs", "pbt", "apc", "acm")
RING_S = 180


def interpreter(number: int) -> Person:
    """The interpreter with that number."""
    return Person(f"I-{number:04d}")


async def populate(database_url: str, *, interpreters: int = 6, cheap_kib: int = 64) -> None:
    """Two sites, one officer in each country, one of each other role, and ``interpreters`` who speak all test languages."""
    database = Database.open(database_url, SystemClock(), conflicts=CONFLICTS)
    hasher = PasswordHasher(AuthSettings.model_validate({"argon2_memory_kib": cheap_kib}))
    try:
        secret = await hasher.hash(PASSWORD)
        async with database.unit(Actor.system()) as uow:
            for code, country, authority, names in SITES:
                uow.session.add(Site(code=code, country=country, authority=authority, names=names, active=True))
            _user(uow, OFFICER, secret, [(Role.INTERVIEWER, Country.RS)], site="RS-PRESEVO", authority="RS-BP")
            _user(
                uow,
                OFFICER_MK,
                secret,
                [(Role.INTERVIEWER, Country.MK)],
                site="MK-VINOJUG",
                authority="MK-BP",
                language="mkd",
            )
            for person, role in (
                (COORDINATOR, Role.COORDINATOR),
                (ADMINISTRATOR, Role.ADMINISTRATOR),
                (AUDITOR, Role.AUDITOR),
            ):
                _user(uow, person, secret, [(role, Country.RS)])
            await uow.flush()
            for number in range(1, interpreters + 1):
                _interpreter(uow, number, secret)
    finally:
        await database.close()


def fill(database_url: str, *, interpreters: int = 6) -> None:
    """``populate`` from code that runs no loop."""
    asyncio.run(populate(database_url, interpreters=interpreters))


def ring_long(database_url: str) -> None:
    """Rings of three minutes instead of twenty seconds in both countries: nobody is rung twice for a request, and a test whose
    pictures take long on a busy machine could not answer any more."""
    asyncio.run(_ring_long(database_url))


async def _ring_long(database_url: str) -> None:
    database = Database.open(database_url, SystemClock(), conflicts=CONFLICTS)
    policies = Policies.load()
    try:
        async with database.unit(Actor.system()) as uow:
            for country in Country:
                policy, version = await policies.versioned(uow, country.value)
                rungs = [row.model_copy(update={"seconds": row.seconds and RING_S}) for row in policy.rungs]
                await policies.change(uow, policy.model_copy(update={"rungs": rungs}), version=version)
    finally:
        await database.close()


async def open_gate(database_url: str) -> None:
    """An obviously fictional transfer instrument from Serbia to North Macedonia, for all stages."""
    database = Database.open(database_url, SystemClock(), conflicts=CONFLICTS)
    try:
        async with database.unit(Actor.system()) as uow:
            uow.session.add(
                TransferInstrument(
                    id=new_id("gate"), from_country="RS", to_country="MK", basis="test", reference="TEST-1",
                    valid_from=uow.now - timedelta(days=1), valid_to=None, created_by="test", created_at=uow.now,
                    stages=["identification", "registration", "vulnerability", "asylum", "return"],
                )
            )  # fmt: skip
    finally:
        await database.close()


def _user(
    uow: UnitOfWork,
    person: Person,
    secret: str,
    roles: list[tuple[Role, Country]],
    *,
    site: str | None = None,
    authority: str | None = None,
    language: str = "srp",
) -> str:
    user_id = new_id("user")
    uow.session.add(
        User(
            id=user_id, code=person.code, password_hash=secret, site=site, authority=authority, locale="en",
            officer_language=language, disabled=False, created_at=uow.now,
            memberships=[MembershipRow(user_id=user_id, role=role, country=country) for role, country in roles],
        )
    )  # fmt: skip
    return user_id


def _interpreter(uow: UnitOfWork, number: int, secret: str) -> None:
    """Odd numbers are women who work in Serbia, even ones men; every fifth works in North Macedonia."""
    person = interpreter(number)
    country = Country.MK if number % 5 == 0 else Country.RS
    user_id = _user(uow, person, secret, [(Role.INTERPRETER, country)])
    made = new_id("interp")
    later = uow.now + timedelta(days=300)
    uow.session.add(
        Interpreter(
            id=made, code=person.code, user_id=user_id, active=True, nominated_by=country.value, engagement="contract",
            base_country=country.value, time_zone="Europe/Belgrade", location_status="approved_home",
            sex="woman" if number % 2 else "man", level="L3", officer_languages=["srp", "mkd", "eng"],
            training=[{"code": code, "date": "2025-01-10", "expires": "2030-01-10"} for code in
                      ("EUAA-INT-ASYLUM", "UNHCR-SSM3", "CHILD", "GBV-TRAUMA", "REMOTE")],
            vetting_result="pass", vetting_expires=later, nda_version="1", nda_expires=later, conduct_version="1",
            conduct_expires=later, own_asylum_case="none", communities_declared=[], max_minutes_day=240, max_block_min=45,
            no_topics=[], no_children=False, reachable_by=["app"], on_call=True, quality=0, offers_count=0, accepts_count=0,
            joined_pool_at=uow.now - timedelta(days=100),
            pairs=[InterpreterPair(interpreter_id=made, from_lang=one, to_lang=to, level_from="native", level_to="C1",
                                   modes=["consecutive", "sight"], verified_by="test")
                   for one in LANGUAGES for to in ("srp", "mkd")],
        )
    )  # fmt: skip
