"""The roster problem as data: successions, weekends, differences, JSON, and the desk-language model with its allocation."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.rosters import checker
from scheduler.rosters.desk import (
    WOMEN,
    DeskRules,
    DeskWish,
    Speaker,
    Template,
    _match,
    allocate,
    desk_problem,
    kind_id,
    serving,
)
from scheduler.rosters.engine.messages import problem_from_json, problem_to_json
from scheduler.rosters.problem import Bar, Change, Person, Problem, ShiftKind, diff

EARLY, LATE, NIGHT = (
    ShiftKind("E", 480, 360),
    ShiftKind("L", 480, 840),
    ShiftKind("N", 480, 1320, night=True),
)


def test_rest_between_shifts_forbids_successions() -> None:
    problem = Problem(7, (EARLY, LATE, NIGHT), (), (), min_rest=660)
    assert problem.successions == {("L", "E"), ("N", "E"), ("N", "L")}


def test_weekends_and_weeks_follow_the_first_weekday() -> None:
    problem = Problem(9, (), (), (), first_weekday=6)
    assert problem.weekends == ((0,), (6, 7))
    assert [problem.week(day) for day in (0, 1, 7, 8)] == [0, 1, 1, 2]


def test_differences_are_told_cell_by_cell() -> None:
    assert diff({"a": ("E", None), "b": ("L", "L")}, {"a": ("E", "L"), "c": (None, "E")}) == [
        Change("a", 1, None, "L"),
        Change("b", 0, "L", None),
        Change("b", 1, "L", None),
        Change("c", 1, None, "E"),
    ]


RULES = DeskRules()
SHIFTS = (Template("E", 360, 480), Template("N", 1320, 360, night=True))


def desk(
    speakers: list[Speaker], demand: dict[tuple[str, int, int], int], wishes: tuple[DeskWish, ...] = ()
) -> Problem:
    return desk_problem(
        days=7, first_weekday=0, speakers=speakers, demand=demand, wishes=wishes, rules=RULES, templates=SHIFTS
    )


def test_a_problem_survives_json() -> None:
    speakers = [Speaker("a", frozenset({"ara"}), 2400, woman=True, leave=frozenset({3}), bars=(Bar(5, None, "R-8"),))]
    problem = desk(speakers, {("ara", 1, 420): 2}, (DeskWish("a", 1, "E", 2.0, on=True),))
    assert problem_from_json(problem_to_json(problem)) == problem


def test_half_hours_are_served_by_shifts_of_the_day_and_nights_of_the_day_before() -> None:
    assert serving(SHIFTS, 2, 390) == [(2, "E")]
    assert serving(SHIFTS, 2, 1410) == [(2, "N")]
    assert serving(SHIFTS, 2, 210) == [(1, "N")]
    assert serving(SHIFTS, 2, 240) == []
    assert serving(SHIFTS, 0, 60) == []


def test_leave_lowers_the_target_and_bars_the_day() -> None:
    person = desk([Speaker("a", frozenset({"ara"}), 7 * 480, leave=frozenset({0, 1}))], {}).people[0]
    assert person.target_minutes == 5 * 480
    assert {bar.day for bar in person.bars} == {0, 1}


def test_women_are_wanted_where_it_is_said() -> None:
    problem = desk_problem(
        days=7,
        first_weekday=0,
        speakers=[Speaker("a", frozenset({"ara", "fra"}), 2400, woman=True)],
        demand={("ara", 0, 420): 2},
        women={("ara", 0, 420), ("ara", 1, 0), ("som", 1, 0)},
        rules=RULES,
        templates=SHIFTS,
    )
    found = {(cover.language, cover.day, cover.minute) for cover in problem.covers if cover.group == WOMEN}
    assert found == {("ara", 0, 420), ("ara", 1, 0)}, "nobody speaks the third, so no draft can have a woman for it"
    assert len(problem.covers) == 3


def test_a_night_that_ends_earlier_does_not_serve_its_last_hour() -> None:
    cut = {(1, "N"): 60}
    assert serving(SHIFTS, 2, 150, cut=cut) == [(1, "N")]
    assert serving(SHIFTS, 2, 180, cut=cut) == []
    assert serving(SHIFTS, 3, 180, cut=cut) == [(2, "N")]


def test_a_night_longer_than_the_block_is_refused() -> None:
    with pytest.raises(ValueError, match="R-4"):
        desk_problem(
            days=7,
            first_weekday=0,
            speakers=[],
            demand={},
            rules=RULES,
            templates=(Template("N", 1320, 480, night=True),),
        )


def test_a_wish_for_a_template_is_met_in_any_language_and_missed_otherwise() -> None:
    problem = desk([Speaker("a", frozenset({"ara", "fra"}), 2400)], {}, (DeskWish("a", 0, "E", 2.0, on=True),))

    def cost(kind: str | None) -> float:
        return checker.score(problem, {"a": (kind, *[None] * 6)}).wishes

    assert cost(kind_id("E", "fra")) == cost(kind_id("E", "ara")) == 0
    assert cost(kind_id("N", "fra")) == cost(None) == 2.0


def test_allocation_moves_people_between_their_languages() -> None:
    speakers = [Speaker("a", frozenset({"ara", "fra"}), 2400), Speaker("b", frozenset({"fra"}), 2400)]
    problem = desk(speakers, demand := {("ara", 0, 420): 1, ("fra", 0, 420): 1})
    roster = {"a": (kind_id("E", "fra"), *[None] * 6), "b": (kind_id("E", "fra"), *[None] * 6)}
    assert checker.score(problem, roster).covered == 1
    found = allocate(problem, roster, speakers, demand)
    assert (found.covered, found.wanted) == (2, 2)
    assert found.serves[0, 420] == {"a": "ara", "b": "fra"}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sets(st.sampled_from("xyz"), min_size=1), max_size=6),
    st.dictionaries(st.sampled_from("xyz"), st.integers(1, 3)),
)
def test_the_allocation_is_the_largest_there_is(people: list[set[str]], need: dict[str, int]) -> None:
    there = [(f"p{number}", min(languages)) for number, languages in enumerate(people)]
    speaks = {f"p{number}": frozenset(languages) for number, languages in enumerate(people)}
    serves = _match(there, speaks, need)
    assert all(language in speaks[person] for person, language in serves.items())
    assert all(list(serves.values()).count(language) <= need.get(language, 0) for language in "xyz")

    def most(left: list[set[str]], open_need: dict[str, int]) -> int:
        if not left:
            return 0
        first, rest = left[0], left[1:]
        best = most(rest, open_need)
        for language in first:
            if open_need.get(language, 0) > 0:
                best = max(best, 1 + most(rest, {**open_need, language: open_need[language] - 1}))
        return best

    assert len(serves) == most(people, need)


def person(**changes: object) -> Person:
    fields: dict[str, object] = {"id": "a", "kinds": frozenset({"E", "L", "N"}), "max_minutes": 10_000, **changes}
    return Person(**fields)  # type: ignore[arg-type]


def test_nothing_is_wanted_of_an_empty_problem() -> None:
    problem = Problem(7, (EARLY,), (person(),), ())
    assert checker.score(problem, {"a": (None,) * 7}).coverage == 1.0
