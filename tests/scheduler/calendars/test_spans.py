"""The algebra of spans against plain sets of minutes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.calendars.spans import Interval, holds, intersect, minutes, subtract, union, within

START = datetime(2026, 3, 29, tzinfo=UTC)


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def span(first: int, last: int) -> Interval:
    return Interval(at(first), at(last))


spans = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 15)).map(lambda pair: span(pair[0], pair[0] + pair[1])), max_size=6
)


def as_set(intervals: list[Interval]) -> set[int]:
    first = [int((one.starts_at - START).total_seconds() // 60) for one in intervals]
    return {m for start, one in zip(first, intervals, strict=True) for m in range(start, start + one.minutes)}


def apart(intervals: list[Interval]) -> bool:
    return all(one.ends_at < other.starts_at for one, other in pairwise(intervals))


@settings(max_examples=150, deadline=None)
@given(spans, spans, spans)
def test_the_algebra_is_that_of_sets(one: list[Interval], other: list[Interval], third: list[Interval]) -> None:
    assert as_set(union(one, other)) == as_set(one) | as_set(other)
    assert as_set(intersect(one, other)) == as_set(one) & as_set(other)
    assert as_set(subtract(one, other, third)) == as_set(one) - as_set(other) - as_set(third)
    for result in (union(one, other), intersect(one, other), subtract(one, other, third)):
        assert apart(result)
    assert minutes(one) == len(as_set(one))


@settings(max_examples=100, deadline=None)
@given(spans, st.integers(0, 40), st.integers(1, 15))
def test_holding_and_cutting_agree_with_sets(one: list[Interval], first: int, length: int) -> None:
    wanted = set(range(first, first + length))
    assert holds(one, at(first), at(first + length)) == (wanted <= as_set(one))
    assert as_set(within(one, at(first), at(first + length))) == wanted & as_set(one)


def test_ends_are_not_inside() -> None:
    assert subtract([span(0, 10)], [span(10, 20)]) == [span(0, 10)]
    assert intersect([span(0, 10)], [span(10, 20)]) == []
    assert not span(0, 10).meets(at(10), at(11))
    assert union([span(0, 10)], [span(10, 20)]) == [span(0, 20)]


def test_an_interval_is_in_utc_and_never_empty() -> None:
    with pytest.raises(ValueError):
        Interval(at(1), at(1))
    with pytest.raises(ValueError):
        Interval(at(0).astimezone(timezone(timedelta(hours=1))), at(1))
    assert Interval.of(at(2), at(1)) is None
    assert Interval.of(at(0).astimezone(timezone(timedelta(hours=1))), at(60)) == span(0, 60)
