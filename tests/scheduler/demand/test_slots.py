"""Half-hours on ordinary days and on both switch days of both zones."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from scheduler.demand.slots import ZONES, day_slots, slot_start, slots_between, week_slot


def test_where_an_instant_falls() -> None:
    at = datetime(2026, 11, 23, 7, 44, 59, tzinfo=UTC)
    assert slot_start(at) == datetime(2026, 11, 23, 7, 30, tzinfo=UTC)
    assert week_slot(at, "Europe/Belgrade") == 8 * 2 + 1
    assert week_slot(datetime(2026, 11, 22, 23, 0, tzinfo=UTC), "Europe/Skopje") == 0


@pytest.mark.parametrize("zone", ZONES.values())
@pytest.mark.parametrize(
    ("day", "count"), [(date(2026, 3, 29), 46), (date(2026, 10, 25), 50), (date(2026, 11, 22), 48)]
)
def test_days_of_23_24_and_25_hours(zone: str, day: date, count: int) -> None:
    slots = day_slots(day, zone)
    assert len(slots) == count
    assert len({*slots}) == count
    places = [week_slot(at, zone) for at in slots]
    assert set(places) <= set(range(6 * 48, 7 * 48))
    assert (6 * 48 + 4 in places) is (count != 46), "02:00 does not exist on the day of the spring switch"
    assert places.count(6 * 48 + 4) == {46: 0, 48: 1, 50: 2}[count]


def test_between() -> None:
    start = datetime(2026, 11, 22, 8, 10, tzinfo=UTC)
    assert slots_between(start, start + timedelta(minutes=50)) == [datetime(2026, 11, 22, 8, 30, tzinfo=UTC)]
    assert slots_between(start, start) == []
