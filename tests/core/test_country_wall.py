"""Rows that belong to a case stay in its country, on both engines; interpreters work across through an open gate."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import DBAPIError

from core.access import Actor, Country, Role
from core.clock import ManualClock
from core.db.base import Base, CountryScoped
from core.db.scope import scoped_tables
from core.db.session import Database
from core.errors import Forbidden
from records.audit import AuditTrail
from scheduler.models import Assignment, Offer
from scheduler.pool import regional
from scheduler.workloads import workloads
from tests.scheduler.world import MK_OFFICER, OFFICER, SYSTEM, World, pair, staff

RS, MK = Actor.system([Country.RS]), Actor.system([Country.MK])
MK_STEP = "MK-ID-10"
OVER_THERE: dict[str, Any] = {"nominated_by": "MK", "base_country": "MK", "time_zone": "Europe/Skopje"}
OF_A_CASE = {
    "assignments", "audit_entries", "bookings", "case_languages", "cases", "offers", "outbox_events", "procedure_steps",
    "session_entries", "session_participants", "sessions",
}  # fmt: skip
"""Tables that a call fills; every one is walled in."""


def scoped_classes() -> dict[str, Any]:
    found = {mapper.local_table.name: mapper.class_ for mapper in Base.registry.mappers}  # type: ignore[attr-defined]
    return {name: one for name, one in found.items() if issubclass(one, CountryScoped)}


@pytest.fixture
async def world(database: Database, clock: ManualClock) -> World:
    """A call in each country, served from there."""
    made = await World(database, clock).begin()
    await made.interpreters(1)
    await made.talk(await made.request())
    await made.interpreters(1, **OVER_THERE, pairs=[pair("pbt", "srp")])
    _, step_id = await made.case(step=MK_STEP, actor=MK_OFFICER)
    await made.talk(await made.request(step_id, actor=MK_OFFICER))
    for actor, country in ((OFFICER, "RS"), (MK_OFFICER, "MK")):
        async with database.unit(actor) as uow:
            AuditTrail().record(uow, "case.viewed", f"case_{country}", country=country, purpose="test")
    return made


async def test_each_country_sees_and_writes_its_own_rows_only(world: World) -> None:
    classes = scoped_classes()
    assert set(classes) >= OF_A_CASE
    for name, one in classes.items():
        seen = {}
        for actor, country in ((RS, "RS"), (MK, "MK"), (SYSTEM, None)):
            async with world.database.read(actor) as unit:
                rows = list(await unit.session.scalars(select(one.country)))
            seen[country] = len(rows)
            assert country is None or set(rows) <= {country}, name
        assert seen["RS"] + seen["MK"] == seen[None], name
        if name in OF_A_CASE:
            assert min(seen.values()) > 0, name
    for one in (Offer, Assignment):
        async with world.database.unit(RS) as uow:
            changed: Any = await uow.session.execute(update(one).where(one.country == "MK").values(reason="x"))
            gone: Any = await uow.session.execute(delete(one).where(one.country == "MK"))
        assert (changed.rowcount, gone.rowcount) == (0, 0)
    with pytest.raises(Forbidden, match="country_not_yours"):
        async with world.database.unit(RS) as uow:
            AuditTrail().record(uow, "case.viewed", "case_1", country="MK", purpose="test")


async def test_raw_statements_meet_the_wall_of_postgresql(world: World) -> None:
    if world.database.dialect == "sqlite":
        async with world.database.read(RS) as unit:
            with pytest.raises(RuntimeError, match="bypasses the country filter"):
                await unit.session.execute(select(func.count()).select_from(Offer.__table__))
        return
    for table in sorted(table.name for table in scoped_tables()):
        async with world.database.unit(MK) as uow:
            found = (await uow.session.execute(text(f"SELECT DISTINCT country FROM {table}"))).scalars().all()
        assert set(found) <= {"MK"}, table
    with pytest.raises(DBAPIError, match="row-level security"):
        async with world.database.unit(MK) as uow:
            await uow.session.execute(text("UPDATE offers SET country = 'RS'"))


async def test_the_pool_is_busy_for_both_countries(world: World) -> None:
    """The look across tells when somebody is busy, and the scope is narrow again behind it, whatever happened in it."""
    [booked] = await world.interpreters(1, **OVER_THERE, pairs=[pair("pes", "srp")])
    _, step_id = await world.case(step=MK_STEP, language="pes", actor=MK_OFFICER)
    await world.talk(await world.request(step_id, language="pes", actor=MK_OFFICER))
    async with world.database.read(RS) as unit:
        assert (await workloads(unit, [booked], unit.now))[booked].is_live
        with pytest.raises(KeyError):  # noqa: PT012
            async with unit.across_countries():
                assert len(set(await unit.session.scalars(select(Assignment.country)))) == 2
                raise KeyError
        assert set(await unit.session.scalars(select(Assignment.country))) == {"RS"}
        if unit.dialect == "postgresql":
            raw = await unit.session.execute(text("SELECT DISTINCT country FROM assignments"))
            assert raw.scalars().all() == ["RS"]


async def test_an_interpreter_serves_the_other_country_through_the_gate(world: World) -> None:
    """She has no role there: her own offers and work reach her by ``regional``, and nothing of it reaches her colleagues."""
    [guest] = await world.interpreters(1, **OVER_THERE, pairs=[pair("arb", "srp")])
    async with world.database.unit(SYSTEM) as uow:
        await world.services.transfer.open_gate(
            uow, from_country="RS", to_country="MK", basis="agreement", reference="T-1", valid_from=uow.now,
            valid_to=uow.now + timedelta(days=30), stages=["identification", "registration"],
        )  # fmt: skip
    _, step_id = await world.case(step="RS-REG-20", language="arb")
    booking_id = await world.request(step_id, language="arb")
    [offer] = await world.offers(booking_id)
    assert (offer.interpreter_id, offer.country) == (guest, "RS")
    herself = staff("I-0003", Role.INTERPRETER, Country.MK)
    async with world.database.read(regional(herself)) as unit:
        home = await world.services.interpreter_views.home(unit, guest)
    assert home["ring"] is not None
    assert home["ring"]["id"] == offer.id
    async with world.database.unit(regional(herself)) as uow:
        answer = await world.services.offers.accept(uow, offer.id, interpreter_id=guest, round_no=offer.round)
    assert (await world.session(answer["session_id"])).country == "RS"
    for actor in (herself, MK_OFFICER):
        async with world.database.read(actor) as unit:
            assert await unit.session.get(Offer, offer.id) is None
            mine = select(Assignment.id).where(Assignment.interpreter_id == guest)
            assert (await unit.session.scalars(mine)).all() == []
    async with world.database.read(regional(herself)) as unit:
        day = unit.now - timedelta(hours=1), unit.now + timedelta(hours=1)
        own = await world.services.interpreter_views.assignments(unit, guest, start=day[0], end=day[1])
    assert [one["session_id"] for one in own] == [answer["session_id"]]
