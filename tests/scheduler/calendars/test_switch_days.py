"""Both days on which the clocks are switched, in both zones, for rules, exceptions and moved spans: the exact instants.

The same for imported calendars is in ``test_foreign``.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.calendars.expand import Block, Change, Rule, SpanKind, Stated, expand
from scheduler.calendars.localtime import exists, instant, local_moment
from scheduler.calendars.spans import Interval

ZONES = ("Europe/Belgrade", "Europe/Skopje")
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
"""Both are Sundays."""
both_zones = pytest.mark.parametrize("zone", ZONES)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}:00+00:00")


def spans_of(stated: Stated, day: date, kind: SpanKind = SpanKind.DESK) -> list[tuple[str, str]]:
    """What begins within two days around ``day``, as UTC times."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=2)
    found = expand(stated, start, start + timedelta(days=4))
    return [
        (span.interval.starts_at.strftime("%m-%dT%H:%M"), span.interval.ends_at.strftime("%m-%dT%H:%M"))
        for span in found
        if span.kind is kind and (day - timedelta(days=1)) <= span.interval.starts_at.date() <= day
    ]


def sunday(zone: str, from_time: str, to_time: str, weekday: int = 6) -> Rule:
    return Rule("rule_1", SpanKind.DESK, weekday, from_time, to_time, zone, date(2026, 1, 1))


@both_zones
@pytest.mark.parametrize(
    ("from_time", "to_time", "spring", "autumn"),
    [
        # Wall times of the day shift stay; instants move.
        ("09:00", "17:00", ("03-29T07:00", "03-29T15:00"), ("10-25T08:00", "10-25T16:00")),
        # Two hours on the wall: one in spring, three in autumn.
        ("02:00", "04:00", ("03-29T01:00", "03-29T02:00"), ("10-25T00:00", "10-25T03:00")),
        # 02:30 does not exist in spring: from the jump on. In autumn it is the first of the two.
        ("02:30", "06:00", ("03-29T01:00", "03-29T04:00"), ("10-25T00:30", "10-25T05:00")),
        ("00:00", "02:30", ("03-28T23:00", "03-29T01:00"), ("10-24T22:00", "10-25T00:30")),
        # All of it is jumped over; in autumn it comes once.
        ("02:15", "02:45", None, ("10-25T00:15", "10-25T00:45")),
        # The whole day has 23 and 25 hours.
        ("00:00", "00:00", ("03-28T23:00", "03-29T22:00"), ("10-24T22:00", "10-25T23:00")),
    ],
)
def test_rule(
    zone: str, from_time: str, to_time: str, spring: tuple[str, str] | None, autumn: tuple[str, str] | None
) -> None:
    stated = Stated(zone, [sunday(zone, from_time, to_time)])
    assert spans_of(stated, SPRING) == ([spring] if spring else [])
    assert spans_of(stated, AUTUMN) == ([autumn] if autumn else [])


@both_zones
def test_night_rule_into_the_switch(zone: str) -> None:
    stated = Stated(zone, [sunday(zone, "22:00", "06:00", weekday=5)])
    assert spans_of(stated, SPRING) == [("03-28T21:00", "03-29T04:00")]  # 7 hours
    assert spans_of(stated, AUTUMN) == [("10-24T20:00", "10-25T05:00")]  # 9 hours


@both_zones
def test_exceptions(zone: str) -> None:
    rule = sunday(zone, "09:00", "17:00")
    for day, extra in ((SPRING, ("03-29T01:00", "03-29T01:30")), (AUTUMN, ("10-25T00:30", "10-25T02:30"))):
        removed = Change("e1", "removed", SpanKind.DESK, day, zone)
        assert spans_of(Stated(zone, [rule], [removed]), day) == []
        added = Change("e2", "extra", SpanKind.DESK, day, zone, from_time="02:30", to_time="03:30")
        assert spans_of(Stated(zone, [rule], [removed, added]), day) == [extra]
    other = Change("e3", "removed", SpanKind.DESK, SPRING, zone, replaces="10:00")
    assert spans_of(Stated(zone, [rule], [other]), SPRING) == [("03-29T07:00", "03-29T15:00")]


@both_zones
def test_moved(zone: str) -> None:
    rule = sunday(zone, "09:00", "17:00")
    for day, before, later in (
        (SPRING, ("03-28T08:00", "03-28T16:00"), ("03-29T01:00", "03-29T03:00")),
        (AUTUMN, ("10-24T07:00", "10-24T15:00"), ("10-25T00:30", "10-25T04:00")),
    ):
        day_before = Change("m1", "changed", SpanKind.DESK, day, zone, None, day - timedelta(days=1), "09:00", "17:00")
        assert spans_of(Stated(zone, [rule], [day_before]), day) == [before]
        into_the_switch = Change("m2", "changed", SpanKind.DESK, day, zone, "09:00", None, "02:30", "05:00")
        assert spans_of(Stated(zone, [rule], [into_the_switch]), day) == [later]


@both_zones
def test_absence_and_on_call_over_the_switch(zone: str) -> None:
    away = Block("a1", "2026-03-29T00:00", "2026-03-30T00:00", zone)
    duty = Block("w1", "2026-10-25T01:00", "2026-10-25T04:00", zone)
    stated = Stated(zone, absences=[away], windows=[duty])
    assert spans_of(stated, SPRING, SpanKind.LEAVE) == [("03-28T23:00", "03-29T22:00")]
    assert spans_of(stated, AUTUMN, SpanKind.ON_CALL) == [("10-24T23:00", "10-25T03:00")]  # 4 hours


@both_zones
@settings(max_examples=80, deadline=None)
@given(st.sampled_from([SPRING, AUTUMN]), st.integers(0, 6 * 60), st.integers(0, 6 * 60))
def test_order_on_the_wall_is_order_in_time(zone: str, day: date, one: int, other: int) -> None:
    """So spans that touch on the wall touch in time, and none overlaps that did not on the wall."""
    midnight = datetime.combine(day, datetime.min.time())
    first, second = (instant(midnight + timedelta(minutes=m), zone) for m in sorted((one, other)))
    assert first <= second
    wall = midnight + timedelta(minutes=one)
    if exists(wall, zone):
        assert instant(wall, zone) == wall.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)
    else:
        assert instant(wall, zone) == utc("03-29T01:00")


def test_days_without_a_pattern_are_open() -> None:
    rule = Rule("r", SpanKind.DESK, 0, "09:00", "12:00", "Europe/Belgrade", date(2026, 3, 30), date(2026, 4, 5))
    spans = expand(Stated("Europe/Belgrade", [rule]), utc("03-27T23:00"), utc("04-07T22:00"))
    assert [(s.kind, s.interval) for s in spans] == [
        (SpanKind.OPEN, Interval(utc("03-27T23:00"), utc("03-29T22:00"))),
        (SpanKind.DESK, Interval(utc("03-30T07:00"), utc("03-30T10:00"))),
        (SpanKind.OPEN, Interval(utc("04-05T22:00"), utc("04-07T22:00"))),
    ]


def test_holidays_are_skipped_where_asked() -> None:
    rule = Rule("r", SpanKind.DESK, 4, "09:00", "12:00", "Europe/Belgrade", date(2026, 1, 1), None, skip_holidays=True)
    stated = Stated("Europe/Belgrade", [rule], holidays=frozenset({date(2026, 4, 10)}))
    spans = expand(stated, utc("04-01T00:00"), utc("04-20T00:00"))
    assert [span.interval.starts_at for span in spans] == [utc("04-03T07:00"), utc("04-17T07:00")]


def test_local_moments_are_read_strictly() -> None:
    assert local_moment("2026-03-29T02:30") == datetime(2026, 3, 29, 2, 30)
    for wrong in ("2026-03-29", "2026-03-29 02:30", "2026-02-30T02:30", "2026-03-29T24:00", "2026-03-29T2:300"):
        with pytest.raises(ValueError):
            local_moment(wrong)
