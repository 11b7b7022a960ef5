"""The main ways through the interface once more on PostgreSQL and Redis, where locks, row security and limits are others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.clock import ManualClock
from core.errors import TooMany
from core.settings import LimitSettings
from signaling.doors import Limit
from signaling.health import check_bus, clock_difference
from signaling.rate_limits import RateLimits
from tests.signaling import test_api_bookings, test_api_cases, test_api_doors
from tests.signaling.house import open_house, settings_for
from tests.signaling.world import World, make_world

pytestmark = pytest.mark.services


@pytest.fixture
async def split(postgres_url: str, redis_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[World]:
    """People of both countries in a server on PostgreSQL and Redis."""
    async with open_house(settings_for(postgres_url, tmp_path, bus_url=redis_url), clock) as house:
        yield await make_world(house)


async def test_interpreter_now(split: World) -> None:
    await test_api_bookings.test_interpreter_now(split)


async def test_the_record_by_role(split: World) -> None:
    await test_api_bookings.test_the_record_of_a_session_by_role(split)


async def test_an_appointment(split: World) -> None:
    await test_api_bookings.test_an_appointment_is_booked_accepted_and_given_back(split)


async def test_two_changes_at_once(split: World) -> None:
    await test_api_cases.test_two_changes_at_once_have_one_winner(split)


async def test_two_clicks_at_once(split: World) -> None:
    await test_api_bookings.test_two_clicks_at_once_make_one_request(split)


async def test_the_wrong_country(split: World) -> None:
    await test_api_doors.test_the_wrong_country_is_refused(split)


async def test_many_accept_at_once(split: World) -> None:
    await split.available("I-RS")
    booking = await split.book(await split.open_case())
    offer_id, number = await split.offer_of(booking["id"])
    browser = await split.browser("I-RS")
    answers = await asyncio.gather(
        *(browser.post(f"/api/offers/{offer_id}/accept", {"round": number, "no_conflict": True}) for _ in range(8))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["session_id"] for answer in answers}) == 1


async def test_health(split: World) -> None:
    services = split.house.services
    await check_bus(services.bus)
    assert abs(await clock_difference(services.database)) < 1
    ready = await split.house.browser().get("/readyz")
    assert {check["name"]: check["ok"] for check in ready.json()["checks"]} == {
        "database": True,
        "bus": True,
        "media": True,
        "clock": True,
    }


async def test_limits_are_shared(postgres_url: str, redis_url: str, tmp_path: Path, clock: ManualClock) -> None:
    """Two processes count together: what one has seen, the other refuses."""
    settings = settings_for(postgres_url, tmp_path, bus_url=redis_url)
    settings = settings.model_copy(update={"limits": LimitSettings.model_validate({"requests_per_minute": 30})})
    async with open_house(settings, clock) as first:
        statuses = [(await first.browser().get("/api/config")).status_code for _ in range(30)]
        assert set(statuses) == {200}
        other = RateLimits(settings.limits, settings.bus_url)
        with pytest.raises(TooMany):
            await other.count(Limit.NORMAL, "address:127.0.0.1")
