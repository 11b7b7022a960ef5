"""The audit trail: written with the change or not at all, chained per country, read by country."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from core.access import Actor, Country, Role
from core.clock import ManualClock
from core.db.session import Database
from records.audit import AuditTrail
from records.chain import Break, Fault
from tests.scheduler.world import OFFICER, SYSTEM, World, staff

AUDITOR = staff("A-0001", Role.AUDITOR)


@pytest.fixture
async def world(database: Database, clock: ManualClock) -> World:
    return await World(database, clock).begin()


async def _record(world: World, subject: str, actor: Actor = OFFICER, country: str = "RS") -> None:
    async with world.database.unit(actor) as uow:
        AuditTrail().record(uow, "case.viewed", subject, country=country, purpose="case_work", data={"n": 1})


async def test_entries_tell_who_did_what(world: World) -> None:
    await _record(world, "case_1")
    await _record(world, "case_2")
    async with world.database.read(AUDITOR) as unit:
        page = await AuditTrail().page(unit, subject="case_1")
        by_actor = await AuditTrail().page(unit, actor="O-1183")
        nobody = await AuditTrail().page(unit, actor="O-9999")
    (line,) = page["items"]
    assert (line["seq"], line["actor_code"], line["action"], line["purpose"]) == (
        1,
        "O-1183",
        "case.viewed",
        "case_work",
    )
    assert [item["subject"] for item in by_actor["items"]] == ["case_2", "case_1"]
    assert nobody["total"] == 0


async def test_nothing_is_written_when_the_change_fails(world: World) -> None:
    async def fails() -> None:
        async with world.database.unit(OFFICER) as uow:
            AuditTrail().record(uow, "case.changed", "case_1", country="RS", purpose="case_work")
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await fails()
    async with world.database.read(AUDITOR) as unit:
        assert (await AuditTrail().page(unit))["total"] == 0


async def test_each_country_has_its_own_chain_and_reader(world: World) -> None:
    async with world.database.unit(SYSTEM) as uow:
        for country in ("RS", "MK", "RS"):
            AuditTrail().record(uow, "job.run", "job", country=country, purpose="operation")
    async with world.database.read(AUDITOR) as unit:
        lines = (await AuditTrail().page(unit))["items"]
    assert {line["country"] for line in lines} == {Country.RS}
    assert sorted(line["seq"] for line in lines) == [1, 2]
    async with world.database.read(SYSTEM) as unit:
        assert (await AuditTrail().page(unit))["total"] == 3
        for country in ("RS", "MK"):
            assert await AuditTrail().verify_chain(unit, country=country) is None


async def test_concurrent_writers_never_break_the_chain(world: World) -> None:
    await asyncio.gather(*[_record(world, f"case_{number}") for number in range(20)])
    async with world.database.read(SYSTEM) as unit:
        assert await AuditTrail().verify_chain(unit, country="RS") is None
        assert (await AuditTrail().page(unit))["total"] == 20


async def test_a_changed_entry_is_found(world: World) -> None:
    for number in range(3):
        await _record(world, f"case_{number}")
    drop = {
        "sqlite": "DROP TRIGGER audit_entries_no_update",
        "postgresql": "DROP TRIGGER audit_entries_grow_only ON audit_entries",
    }
    async with world.database.engine.begin() as connection:
        if world.database.dialect == "postgresql":
            await connection.execute(text("SELECT set_config('app.countries', 'RS', true)"))
        await connection.execute(text(drop[world.database.dialect]))
        await connection.execute(text("UPDATE audit_entries SET subject = 'case_9' WHERE seq = 2"))
    async with world.database.read(SYSTEM) as unit:
        assert await AuditTrail().verify_chain(unit, country="RS") == Break(2, Fault.CONTENT)
