"""Cover: the minimum table, the forecast's need, women, people who stand in several lines, and duties cut into half-hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scheduler.demand.cover import Planned, Why, cells, needed, pooling
from scheduler.demand.cover_rules import load_rules
from scheduler.demand.planned import Duty, Person, per_slot

RULES = load_rules()["RS"]
NOON, NIGHT = 24, 4
QUIET = {row.key: 0.0 for row in RULES.rows}


def person(number: int, *rows: str, woman: bool = False, on_call: bool = False) -> Planned:
    return Planned(f"i{number}", frozenset(rows), woman, on_call)


def test_the_table_of_minimum_cover() -> None:
    assert {row.key for row in RULES.rows if row.woman} == {"apc", "acm", "prs", "pes", "pbt"}
    found = cells(RULES, NIGHT, QUIET, [])
    assert found["apc"].needed == 1
    assert found["pbt"].needed == 0, "Pashto from 06 to 24 (R-2)"
    assert cells(RULES, NOON, QUIET, [])["pbt"].needed == 1
    assert RULES.row_of("haz") is RULES.row_of("prs")
    assert RULES.row_of("som") is None
    assert set(load_rules()) == {"RS", "MK"}


def test_the_forecast_asks_for_more_than_the_minimum() -> None:
    row = RULES.row_of("apc")
    assert row is not None
    assert needed(RULES, row, NOON, 0.0) == (1, Why.MINIMUM)
    people, why = needed(RULES, row, NOON, 4.0)
    assert (people, why) == (7, Why.FORECAST), "8 an hour at 25 minutes"
    kurdish = RULES.row_of("kmr")
    assert kurdish is not None
    assert needed(RULES, kurdish, NOON, 1.0)[0] < needed(RULES, row, NOON, 1.0)[0], "within an hour, not a minute"


def test_a_gap_says_why() -> None:
    found = cells(RULES, NOON, {**QUIET, "apc": 1.0}, [person(1, "apc"), person(2, "pes", woman=True)])
    assert found["apc"].why == (Why.FORECAST, Why.WOMAN)
    assert found["pes"].why == ()
    assert found["prs"].why == (Why.MINIMUM, Why.WOMAN)
    only_men = cells(RULES, NOON, QUIET, [person(1, "prs"), person(2, "prs")])["prs"]
    assert (only_men.short, only_men.why) == (1, (Why.WOMAN,))


def test_a_woman_is_wanted_at_all_times_also_when_nobody_else_is() -> None:
    """R-3 has no hours: at night nobody has to be there for Pashto (R-2), but a woman is on call."""
    night = cells(RULES, NIGHT, QUIET, [person(1, "pbt")])["pbt"]
    assert (night.needed, night.short, night.why) == (0, 1, (Why.WOMAN,))
    assert cells(RULES, NIGHT, QUIET, [person(1, "pbt", woman=True, on_call=True)])["pbt"].why == ()
    assert cells(RULES, NIGHT, QUIET, [])["kmr"].why == (Why.MINIMUM,), "not a core language"


def test_one_person_is_not_counted_for_two_lines_at_once() -> None:
    rates = {**QUIET, "apc": 0.5, "acm": 0.5}
    both = [person(n, "apc", "acm", woman=True) for n in range(2)]
    found = cells(RULES, NOON, rates, both)
    assert found["apc"].planned == found["apc"].needed == 2
    assert found["apc"].why == (Why.SHARED,), "each line has two by count; together they need three"
    assert cells(RULES, NOON, rates, [*both, person(9, "apc", "acm")])["apc"].why == ()


def test_what_several_languages_are_worth() -> None:
    found = pooling(RULES, {str(n): 1.0 for n in range(8)})
    assert (found.apart, found.together) == (24, 11)
    assert pooling(RULES, QUIET).apart == 0


def test_duties_in_half_hours() -> None:
    start = datetime(2026, 11, 22, 8, tzinfo=UTC)
    starts = [start + timedelta(minutes=30 * n) for n in range(4)]
    pool = {who: Person(who, who, "RS", False, frozenset({"apc", "kmr"}), frozenset()) for who in ("a", "b", "c")}
    duties = [
        Duty("a", start + timedelta(minutes=10), start + timedelta(minutes=90), on_call=False),
        Duty("b", start, start + timedelta(hours=9), on_call=True, report_in=60),
        Duty("a", start, start + timedelta(hours=2), on_call=True, report_in=10),
        Duty("x", start, start + timedelta(hours=2), on_call=False),
    ]
    found = per_slot(duties, pool, starts, RULES)
    assert [sorted(one.interpreter_id for one in slot) for slot in found] == [["a", "b"]] * 4
    first, second = ({one.interpreter_id: one for one in slot} for slot in found[:2])
    assert first["a"].on_call, "only part of the half-hour is at the desk"
    assert not second["a"].on_call
    assert first["b"].rows == {"kmr"}, "an hour to report is too long for a line that answers at once"


@pytest.mark.parametrize("half_hour", range(0, 48, 7))
def test_every_row_has_a_cell(half_hour: int) -> None:
    assert set(cells(RULES, half_hour, QUIET, [])) == {row.key for row in RULES.rows}
