"""The audit trail: written with the change or not at all, chained per country, read by country."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from core.access import Actor, Country, Role
from core.clock import ManualClock
from core.db.session import Database
from records.audit import AuditTrail, AuditWish
from records.audit_kinds import AREAS, AuditKind, kind_of, told
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
        page = await AuditTrail().page(unit, AuditWish(subjects=["case_1"]))
        by_actor = await AuditTrail().page(unit, AuditWish(actor="O-1183"))
        nobody = await AuditTrail().page(unit, AuditWish(actor="O-9999"))
    (line,) = page["items"]
    assert (line["seq"], line["actor_code"], line["action"], line["purpose"]) == (
        1,
        "O-1183",
        "case.viewed",
        "case_work",
    )
    assert [item["subject"] for item in by_actor["items"]] == ["case_2", "case_1"]
    assert nobody["total"] == 0


async def test_what_is_looked_for_is_found_by_kind_time_and_country(world: World) -> None:
    began = world.clock.now()
    async with world.database.unit(SYSTEM) as uow:
        for action, country in (("case.viewed", "RS"), ("step.held_elsewhere", "RS"), ("user.signed_in", "MK")):
            AuditTrail().record(uow, action, "x", country=country, purpose="test")
    world.clock.advance(300)
    await _record(world, "case_1")
    trail = AuditTrail()
    async with world.database.read(SYSTEM) as unit:
        for wish, actions in (
            (AuditWish(kind=AuditKind.CASES), ["case.viewed", "step.held_elsewhere", "case.viewed"]),
            (AuditWish(kind=AuditKind.ACCOUNTS), ["user.signed_in"]),
            (AuditWish(country="MK"), ["user.signed_in"]),
            (AuditWish(since=world.clock.now()), ["case.viewed"]),
            (AuditWish(until=began), []),
        ):
            page = await trail.page(unit, wish)
            assert [line["action"] for line in page["items"]] == actions, wish
            assert page["total"] == len(actions)


def test_every_area_has_one_kind_and_persons_are_not_told_of() -> None:
    areas = [area for kind in AREAS.values() for area in kind]
    assert len(areas) == len(set(areas))
    assert kind_of("terms.viewed") is AuditKind.CASES
    assert kind_of("unheard.of") is None
    found = {"language": "pbt", "reason": "person_ill", "fields": ["interp_sex"], "ref": "phrase-3"}
    assert told("case.changed", found) == told("unheard.of", found) == {"fields": ["interp_sex"]}
    assert told("roster.dropped", {"reason": "error", "language": "pes"}) == {"reason": "error"}


async def test_a_trail_longer_than_a_piece_is_checked_to_its_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("records.audit._PIECE", 3)
    for number in range(8):
        await _record(world, f"case_{number}")
    async with world.database.read(SYSTEM) as unit:
        assert await AuditTrail().verify_chain(unit, country="RS") is None
    await _forge(world, 7)
    async with world.database.read(SYSTEM) as unit:
        assert await AuditTrail().verify_chain(unit, country="RS") == Break(7, Fault.CONTENT)


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
    await _forge(world, 2)
    async with world.database.read(SYSTEM) as unit:
        assert await AuditTrail().verify_chain(unit, country="RS") == Break(2, Fault.CONTENT)


async def _forge(world: World, seq: int) -> None:
    """Somebody with the database changes an entry."""
    drop = {
        "sqlite": "DROP TRIGGER audit_entries_no_update",
        "postgresql": "DROP TRIGGER audit_entries_grow_only ON audit_entries",
    }
    async with world.database.engine.begin() as connection:
        if world.database.dialect == "postgresql":
            await connection.execute(text("SELECT set_config('app.countries', 'RS', true)"))
        await connection.execute(text(drop[world.database.dialect]))
        await connection.execute(text("UPDATE audit_entries SET subject = 'case_9' WHERE seq = :seq"), {"seq": seq})
