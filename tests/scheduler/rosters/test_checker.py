"""The independent judge: each hard rule broken alone, the cost of each soft one, and why a person may not take a cell."""

from __future__ import annotations

import pytest

from scheduler.rosters.checker import breaches, explain, gaps, score
from scheduler.rosters.problem import Bar, Cover, History, Person, Pin, Problem, Rule, ShiftKind, Threshold, Wish

KINDS = (ShiftKind("E", 480, 360), ShiftKind("L", 480, 840), ShiftKind("N", 360, 1320, night=True))
SOUND = "EEE--LL-EEE---"


def row(text: str) -> tuple[str | None, ...]:
    return tuple(None if letter == "-" else letter for letter in text)


def problem(**changes: object) -> Problem:
    fields: dict[str, object] = {
        "id": "a", "kinds": frozenset({"E", "L", "N"}), "max_minutes": 10_000, "max_run": 5, "min_run": 2,
        "min_days_off": 1, **changes,
    }  # fmt: skip
    return Problem(14, KINDS, (Person(**fields),), (), min_rest=660)  # type: ignore[arg-type]


def found(text: str, **changes: object) -> list[tuple[Rule, int]]:
    return [(breach.rule, breach.day) for breach in breaches(problem(**changes), {"a": row(text)})]


def test_a_sound_roster_breaks_nothing() -> None:
    assert found(SOUND) == []


@pytest.mark.parametrize(
    ("text", "changes", "expected"),
    [
        ("EEE", {}, (Rule.SHAPE, -1)),
        ("EEX--LL-EEE---", {}, (Rule.SHAPE, 2)),
        (SOUND, {"kinds": frozenset({"E"})}, (Rule.NOT_ABLE, 5)),
        (SOUND, {"bars": (Bar(1),)}, (Rule.BARRED, 1)),
        (SOUND, {"bars": (Bar(5, "L", "R-8"),)}, (Rule.BARRED, 5)),
        (SOUND, {"pins": (Pin(0, "L"),)}, (Rule.PINNED, 0)),
        (SOUND, {"pins": (Pin(0, None),)}, (Rule.PINNED, 0)),
        ("EEL--LE-EEE---", {}, (Rule.REST, 6)),
        ("EEEEEE--------", {}, (Rule.MAX_RUN, 0)),
        ("--E-----------", {}, (Rule.MIN_RUN, 2)),
        ("EE-EE---------", {"min_days_off": 2}, (Rule.MIN_DAYS_OFF, 2)),
        (SOUND, {"max_minutes": 3839}, (Rule.MAX_MINUTES, -1)),
        (SOUND, {"min_minutes": 3841}, (Rule.MIN_MINUTES, -1)),
        (SOUND, {"max_week_minutes": 2399}, (Rule.WEEK_MINUTES, 0)),
        (SOUND, {"max_of": {"L": 1}}, (Rule.MAX_OF_KIND, -1)),
        (SOUND, {"max_weekends": 0}, (Rule.MAX_WEEKENDS, -1)),
        (SOUND, {"history": History("N", 2)}, (Rule.REST, 0)),
        (SOUND, {"history": History("E", 3)}, (Rule.MAX_RUN, 0)),
        (SOUND, {"history": History(None, 1), "min_days_off": 2}, (Rule.MIN_DAYS_OFF, 0)),
        ("---EE---------", {"history": History("E", 1)}, (Rule.MIN_RUN, 0)),
    ],
)
def test_each_rule_is_caught(text: str, changes: dict[str, object], expected: tuple[Rule, int]) -> None:
    assert expected in found(text, **changes)


def test_runs_at_the_ends_are_not_cut_by_the_minima_without_history() -> None:
    assert found("E--EE--------E", min_days_off=2) == []
    assert found("-EE----------E", min_days_off=2) == []
    assert found("-EE-----------", min_days_off=2, history=History(None, 1)) == []


def test_a_stranger_is_caught() -> None:
    assert breaches(problem(), {"a": row(SOUND), "b": row(SOUND)})[0].rule is Rule.SHAPE


def test_every_soft_rule_has_its_price() -> None:
    who = Person(
        "a", frozenset({"E", "N"}), 10_000, target_minutes=960, groups=frozenset({"women"}), short=(Threshold(1440, 6.0),),
        long=(Threshold(600, 1.0),), nights=(Threshold(0, 30.0),), weekends=(Threshold(0, 40.0),),
    )  # fmt: skip
    covers = (
        Cover("1", ((0, "E"),), 2, 100.0, 1.0),
        Cover("2", ((5, "N"),), 0, 100.0, 1.0),
        Cover("3", ((1, "E"),), 1, 5.0, 0.0, group="women"),
    )
    wishes = (Wish("a", 0, "E", 2.0, on=False), Wish("a", 1, None, 3.0, on=True), Wish("a", 2, None, 9.0, on=False))
    world = Problem(7, KINDS, (who,), covers, wishes)
    judged = score(world, {"a": row("E----N-")})
    assert (judged.under, judged.over, judged.wishes) == (105.0, 1.0, 5.0)
    assert judged.people == 6.0 * 10 + 1.0 * 4 + 30.0 + 40.0
    assert judged.total == 105 + 1 + 5 + 134
    assert (judged.wanted, judged.covered, judged.fairness) == (2, 1, 840 / 960)
    assert [(gap.cover.id, gap.missing) for gap in gaps(world, {"a": row("E----N-")})] == [("1", 1), ("3", 1)]


def test_why_not_names_only_what_the_change_would_break() -> None:
    world, roster = problem(bars=(Bar(3, None, "leave"),)), {"a": row("EEE--LLEEEE---")}
    assert {breach.rule for breach in breaches(world, roster)} == {Rule.REST, Rule.MAX_RUN}
    assert [(b.rule, b.reason) for b in explain(world, roster, "a", 3, "E")] == [(Rule.BARRED, "leave")]
    assert {b.rule for b in explain(world, roster, "a", 4, "L")} == {Rule.MAX_RUN}
    assert explain(world, roster, "a", 7, None) == []
    assert [(b.rule, b.reason) for b in explain(problem(), {"a": row(SOUND)}, "a", 7, "E")] == [
        (Rule.REST, "R-4"),
        (Rule.MAX_RUN, "R-4"),
    ]
