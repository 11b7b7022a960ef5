"""Profiles with their checks, the list, and the transfer gates."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

import pytest

from core.access import Country, Membership, Role
from core.clock import ManualClock
from core.db.session import Database
from core.errors import Conflict, Invalid, NotFound
from scheduler.pool import regional
from scheduler.pool_write import ProfileInput
from tests.scheduler.world import COORDINATOR, SYSTEM, World, pair, staff


@pytest.fixture
async def world(database: Database, clock: ManualClock) -> World:
    return await World(database, clock).begin()


async def _update(world: World, person: str, version: int, **values: object) -> int:
    async with world.database.unit(COORDINATOR) as uow:
        changed = await world.services.pool.update(uow, person, version=version, values=cast(ProfileInput, values))
    return changed["version"]


async def test_a_profile_shows_what_is_missing_or_runs_out(world: World, clock: ManualClock) -> None:
    (person,) = await world.interpreters(
        1, nda_expires=clock.now() + timedelta(days=20), conduct_expires=None, vetting_result="fail"
    )
    async with world.database.read(COORDINATOR) as unit:
        shown = await world.services.pool.get(unit, person)
    states = {row["kind"]: row["state"] for row in shown["validity"]}
    assert states == {"vetting": "missing", "nda": "soon", "conduct": "missing"}
    assert shown["warnings"] == 3
    assert "communities_declared" not in shown
    assert "country_of_origin" not in shown


async def test_changes_need_the_newest_version(world: World) -> None:
    (person,) = await world.interpreters(1)
    newest = await _update(world, person, 1, level="L2")
    assert newest == 2
    with pytest.raises(Conflict, match="changed_meanwhile"):
        await _update(world, person, 1, level="L1")
    assert await _update(world, person, 2, pairs=[pair("arb", "bos")]) >= 2
    async with world.database.read(COORDINATOR) as unit:
        shown = await world.services.pool.get(unit, person)
    assert [(row["from_lang"], row["to_lang"]) for row in shown["pairs"]] == [("arb", "srp")]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"level": "L9"}, "value_unknown"),
        ({"sex": "unknown"}, "value_unknown"),
        ({"time_zone": "Europe/Nowhere"}, "value_unknown"),
        ({"pairs": []}, "field_missing"),
        ({"pairs": [{**pair("qqq", "srp")}]}, "language_unknown"),
        ({"pairs": [{**pair("pbt", "srp"), "level_to": "B2"}]}, "pair_level_too_low"),
        ({"own_asylum_case": "open"}, "open_asylum_case"),
        ({"max_minutes_day": 1000}, "value_unknown"),
        ({"training": [{"code": "MAGIC"}]}, "value_unknown"),
    ],
)
async def test_wrong_profiles_are_refused(world: World, values: dict[str, object], code: str) -> None:
    (person,) = await world.interpreters(1)
    with pytest.raises(Invalid, match=code):
        await _update(world, person, 1, **values)


async def test_codes_and_accounts_are_unique(world: World) -> None:
    await world.interpreters(1)
    with pytest.raises(Conflict, match="code_taken"):
        await world.interpreters(1, code="I-0001")
    with pytest.raises(Conflict, match="account_taken"):
        await world.interpreters(1, user_id="user_i1")


async def test_the_list_is_searched_by_code_language_and_presence(world: World) -> None:
    (first,) = await world.interpreters(1)
    (second,) = await world.interpreters(1, available=False, pairs=[pair("apc", "srp")])
    async with world.database.read(COORDINATOR) as unit:
        pool = world.services.pool
        assert [row["id"] for row in (await pool.list(unit))["items"]] == [first, second]
        assert [row["id"] for row in (await pool.list(unit, q="0002"))["items"]] == [second]
        assert [row["id"] for row in (await pool.list(unit, language="ajp"))["items"]] == [second]
        assert [row["id"] for row in (await pool.list(unit, presence="available"))["items"]] == [first]
        assert (await pool.list(unit, q="%"))["total"] == 0
        assert await pool.of_user(unit, "user_i1") == first
        with pytest.raises(NotFound, match="interpreter_unknown"):
            await pool.get(unit, "interpreter_nobody")


async def test_gates_open_and_close(world: World, clock: ManualClock) -> None:
    async with world.database.unit(SYSTEM) as uow:
        assert await world.services.transfer.gates(uow) == []
        opened = await world.services.transfer.open_gate(
            uow,
            from_country="RS",
            to_country="MK",
            basis="agreement",
            reference="X/1",
            valid_from=clock.now(),
            valid_to=None,
            stages=["asylum"],
        )
    assert opened["open"]
    clock.advance(60)
    async with world.database.unit(SYSTEM) as uow:
        closed = await world.services.transfer.close_gate(uow, opened["id"])
    assert (closed["open"], closed["valid_to"]) == (False, clock.now())
    with pytest.raises(Invalid, match="value_unknown"):
        async with world.database.unit(SYSTEM) as uow:
            await world.services.transfer.open_gate(
                uow,
                from_country="RS",
                to_country="RS",
                basis="agreement",
                reference="X/1",
                valid_from=clock.now(),
                valid_to=None,
                stages=["asylum"],
            )


async def test_an_interpreter_of_one_country_answers_for_the_other_as_a_regional_actor(
    world: World, clock: ManualClock
) -> None:
    (person,) = await world.interpreters(1, base_country="MK", time_zone="Europe/Skopje")
    async with world.database.unit(SYSTEM) as uow:
        await world.services.transfer.open_gate(
            uow,
            from_country="RS",
            to_country="MK",
            basis="agreement",
            reference="X/1",
            valid_from=clock.now(),
            valid_to=None,
            stages=["registration"],
        )
    _, step_id = await world.case(step="RS-REG-20")
    booking = await world.request(step_id)
    (ring,) = await world.offers(booking)
    actor = regional(staff("I-0001", Role.INTERPRETER, Country.MK))
    assert actor.memberships == frozenset({Membership(Role.INTERPRETER, Country.MK)})
    async with world.database.unit(actor) as uow:
        answer = await world.services.offers.accept(uow, ring.id, interpreter_id=person, round_no=ring.round)
    (assignment,) = await world.assignments(booking)
    assert (assignment.made_by, answer["booking_id"]) == ("user_I-0001", booking)
