"""Ladders as data: what a file may say, where a mistake is, and how they change."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.clock import ManualClock
from core.db.session import Database
from core.errors import Conflict
from records.procedure_source import CatalogueError
from scheduler.ring.policy import FILES, LadderPolicy, Policies, read_policy
from tests.scheduler.world import COORDINATOR, World

SHIPPED = FILES["RS"].read_text(encoding="utf-8")


def line_of(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), start=1) if part in line)


@pytest.mark.parametrize(
    ("old", "new", "reason", "at"),
    [
        ("aim_percent: 95", "aim_percent: 100", "aim_percent", "aim_percent"),
        ("kind: best, seconds: 20", "kind: best, seconds: 5", "shorter than its alert", None),
        ("kind: own", "kind: best", "twice", None),
        ("  - {kind: coordinator, seconds: 0}\n", "", "last rung must be the coordinator", None),
        ("least: 5, most: 8", "least: 9, most: 8", "least is larger", "kind: next"),
        ("kind: next", "kind: everybody", "rungs.2.kind", "kind: everybody"),
        ("partners: []", "partners: []\nwidth: 3", "width", "width: 3"),
        ("country: RS", "country: [", "expected", None),
    ],
)
def test_a_mistake_is_named_with_file_line_and_reason(
    tmp_path: Path, old: str, new: str, reason: str, at: str | None
) -> None:
    assert old in SHIPPED
    path = tmp_path / "rs.yaml"
    text = SHIPPED.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CatalogueError) as refused:
        read_policy(path)
    assert refused.value.file == "rs.yaml"
    assert reason in refused.value.reason
    if at is not None:
        assert refused.value.line == line_of(text, at)


def test_no_history_rings_three_as_the_rule_says() -> None:
    policy = read_policy(FILES["MK"])
    missing = 1 - policy.prior_percent / 100
    assert 1 - missing**3 >= policy.aim_percent / 100 > 1 - missing**2


async def test_a_change_counts_for_searches_that_begin_later(database: Database, clock: ManualClock) -> None:
    world = await World(database, clock).begin()
    await world.interpreters(4)
    before = await world.request()
    policies: Policies = world.services.policies
    async with database.read(COORDINATOR) as unit:
        policy, version = await policies.versioned(unit, "RS")
    assert version == 0
    changed = policy.model_dump(mode="json")
    changed["rungs"] = [{"kind": "best", "seconds": 30, "least": 1, "most": 1}, changed["rungs"][-1]]
    async with database.unit(COORDINATOR) as uow:
        assert await policies.change(uow, LadderPolicy.model_validate(changed), version=0) == 1
    async with database.unit(COORDINATOR) as uow:
        with pytest.raises(Conflict, match="changed_meanwhile"):
            await policies.change(uow, policy, version=0)
    after = await world.request()
    assert len(await world.offers(before)) == 3
    (offer,) = await world.offers(after)
    assert (offer.expires_at - offer.sent_at).total_seconds() == 30
    assert [rung["code"] for rung in await rungs(world, before)][:3] == ["own", "best", "next"]
    assert [rung["code"] for rung in await rungs(world, after)] == ["best", "coordinator", "partners"]


async def rungs(world: World, booking_id: str) -> list[dict[str, object]]:
    async with world.database.read(COORDINATOR) as unit:
        row = await world.services.bookings.get(unit, booking_id)
        return [dict(rung) for rung in (await world.services.booking_views.view(unit, row))["rungs"]]
