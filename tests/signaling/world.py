"""A small world in one house: desks and people of both countries, a pool, and a case with everything that hangs on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from core.access import Actor, Country, Membership, Role
from scheduler.models import Assignment, Offer
from scheduler.pool_write import PairInput, ProfileInput
from tests.signaling.house import Browser, House

RS, MK = Country.RS, Country.MK
PEOPLE: dict[str, tuple[Role, Country, str | None]] = {
    "O-RS": (Role.INTERVIEWER, RS, "RS-PRESEVO"),
    "O-RS2": (Role.INTERVIEWER, RS, "RS-BEOGRAD"),
    "O-MK": (Role.INTERVIEWER, MK, "MK-VINOJUG"),
    "I-RS": (Role.INTERPRETER, RS, None),
    "I-MK": (Role.INTERPRETER, MK, None),
    "C-RS": (Role.COORDINATOR, RS, None),
    "C-MK": (Role.COORDINATOR, MK, None),
    "A-RS": (Role.ADMINISTRATOR, RS, None),
    "A-MK": (Role.ADMINISTRATOR, MK, None),
    "U-RS": (Role.AUDITOR, RS, None),
    "U-MK": (Role.AUDITOR, MK, None),
}
NEW_CASE: dict[str, Any] = {
    "country": "RS",
    "site": "RS-PRESEVO",
    "languages": [{"code": "pes", "source": "self_declared"}],
    "literacy": "can_read",
    "age_group": "18-64",
    "uam": "no",
    "interp_sex": {"wish": "none", "must": False, "asked": True},
    "needs": ["EXTRA_BREAKS"],
    "country_of_origin": "IR",
    "track": "regular",
    "first_step": "RS-ID-10",
    "ext_ref": "KU-123/26",
}


@dataclass
class World:
    """Who is there, and the ids of one case's things."""

    house: House
    users: dict[str, str]
    interpreters: dict[str, str]
    browsers: dict[str, Browser]

    async def browser(self, code: str) -> Browser:
        """The browser of somebody, signed in once."""
        if code not in self.browsers:
            self.browsers[code] = await self.house.signed_in(code)
        return self.browsers[code]

    async def available(self, *codes: str) -> None:
        """These interpreters can be rung."""
        async with self.house.services.database.unit(Actor.system()) as uow:
            for code in codes:
                await self.house.services.scheduler.presence.set_wanted(
                    uow, self.interpreters[code], wanted="available"
                )

    async def open_case(self, code: str = "O-RS", **changes: Any) -> dict[str, Any]:
        """A case, opened through the interface."""
        answer = await (await self.browser(code)).post("/api/cases", NEW_CASE | changes)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def book(self, case: dict[str, Any], code: str = "O-RS", **changes: Any) -> dict[str, Any]:
        """An interpreter is asked for, now."""
        body = {"case_id": case["id"], "step_id": case["current_step_id"], "kind": "now", "language": "pes"} | changes
        answer = await (await self.browser(code)).post("/api/bookings", body)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def offer_of(self, booking_id: str, code: str = "I-RS") -> tuple[str, int]:
        """The newest offer of a booking to somebody: id and round."""
        async with self.house.services.database.read(Actor.system()) as unit:
            row = (
                await unit.session.execute(
                    select(Offer.id, Offer.round)
                    .where(Offer.booking_id == booking_id, Offer.interpreter_id == self.interpreters[code])
                    .order_by(Offer.round.desc())
                )
            ).first()
        assert row is not None, "nobody was asked"
        return row.id, row.round

    async def accept(self, booking_id: str, code: str = "I-RS") -> dict[str, Any]:
        """The interpreter takes the booking."""
        offer_id, number = await self.offer_of(booking_id, code)
        browser = await self.browser(code)
        answer = await browser.post(f"/api/offers/{offer_id}/accept", {"round": number, "no_conflict": True})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def assignment_of(self, booking_id: str) -> str:
        """The assignment of a booking."""
        async with self.house.services.database.read(Actor.system()) as unit:
            found = await unit.session.scalar(select(Assignment.id).where(Assignment.booking_id == booking_id))
        assert found is not None
        return found


async def make_world(house: House) -> World:
    """Everybody of ``PEOPLE``; both interpreters speak Farsi with officers of both countries."""
    services = house.services
    users: dict[str, str] = {}
    interpreters: dict[str, str] = {}
    secret = await services.hasher.hash("a long enough secret")
    async with services.database.unit(Actor.system()) as uow:
        for code, (role, country, site) in PEOPLE.items():
            account = await services.accounts.create(
                uow, code=code, memberships=[Membership(role, country)], password_hash=secret, site=site
            )
            users[code] = account.user_id
            if role is Role.INTERPRETER:
                later = uow.now + timedelta(days=300)
                made = await services.scheduler.pool.create(
                    uow,
                    ProfileInput(
                        code=code,
                        user_id=account.user_id,
                        nominated_by=country.value,
                        engagement="contract",
                        base_country=country.value,
                        time_zone="Europe/Belgrade",
                        location_status="approved_home",
                        sex="woman" if country is RS else "man",
                        level="L3",
                        pairs=[
                            PairInput(
                                from_lang="pes",
                                to_lang=officer,
                                level_from="native",
                                level_to="C1",
                                modes=["consecutive"],
                                verified_by="test",
                            )
                            for officer in ("srp", "mkd")
                        ],
                        officer_languages=["srp", "mkd"],
                        training=[{"code": "EUAA-INT-ASYLUM", "date": "2025-01-10", "expires": "2030-01-10"}],
                        vetting_result="pass",
                        vetting_expires=later,
                        nda_version="1",
                        nda_expires=later,
                        conduct_version="1",
                        conduct_expires=later,
                        country_of_origin="IR",
                        communities_declared=["secret-community"],
                    ),
                )
                interpreters[code] = made["id"]
    return World(house, users, interpreters, {})
