"""From what a case says to the class of its request (M-10): each sign is really read, in both countries."""

from __future__ import annotations

from typing import Any

import pytest

from core.clock import ManualClock
from core.db.session import Database
from records.case_write import NewCase, NewLanguage, SexWishInput
from scheduler.needs import priority_of
from tests.scheduler.world import MK_OFFICER, OFFICER, World

SIGNS: list[tuple[str, dict[str, Any], bool, str]] = [
    ("ID-10", {}, False, "P2"),
    ("REG-10", {}, False, "P3"),
    ("VUL-50", {}, False, "P5"),
    ("ID-10", {}, True, "P4"),
    ("REG-10", {"needs": ["URGENT_MEDICAL"]}, False, "P1"),
    ("REG-10", {"uam": "suspected"}, False, "P1"),
    ("REG-10", {"needs": ["TRAUMA_TRAINED_INTERPRETER"]}, False, "P1"),
    ("REG-10", {"interp_sex": SexWishInput("woman", must=True, asked=True)}, False, "P1"),
    # The step itself is about a sign of trafficking: nobody has to mark a need as well.
    ("VUL-40", {}, False, "P1"),
    ("VUL-40", {}, True, "P1"),
]


@pytest.mark.parametrize("country", ["RS", "MK"])
async def test_signs_of_a_case_reach_the_queue(database: Database, clock: ManualClock, country: str) -> None:
    world = await World(database, clock).begin()
    actor = OFFICER if country == "RS" else MK_OFFICER
    for step, facts, booked, expected in SIGNS:
        values: dict[str, Any] = {"interp_sex": SexWishInput(asked=True), **facts}
        new = NewCase(
            country=country,
            site=str(actor.site),
            age_group="18-64",
            first_step=f"{country}-{step}",
            languages=[NewLanguage("pbt", "self_declared")],
            **values,
        )
        async with database.unit(actor) as uow:
            step_id = (await world.cases.open(uow, new))["steps"][0]["id"]
            found = await world.cases.step_facts(uow, step_id)
        assert priority_of(found, now=clock.now(), booked=booked) == expected, (step, facts, booked)
