"""The desk-language model: interpreters, contracts, leave, wishes and demand by language and half-hour become a roster problem.

Each shift stands for one language, which makes the problem small; who is on shift may still serve any of their languages, so
:func:`allocate` afterwards can only add cover. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType

from scheduler.rosters.problem import (
    DAY,
    Bar,
    Cover,
    History,
    Person,
    Pin,
    Problem,
    Roster,
    ShiftKind,
    Threshold,
    Wish,
)

SLOT = 30
"""Minutes of one unit of demand."""
WOMEN = "women"


@dataclass(frozen=True, slots=True)
class Template:
    """A shift without a language: minutes after midnight and length."""

    id: str
    start: int
    minutes: int
    night: bool = False
    counts: int | None = None
    """Minutes of contract time, if other than those on the clock (on call, R-6)."""


TEMPLATES = (
    Template("E", 6 * 60, 480),
    Template("D", 9 * 60, 480),
    Template("S", 8 * 60, 240),
    Template("L", 14 * 60, 480),
    Template("M", 18 * 60, 360),
    Template("N", 0, 360, night=True),
)
"""Shifts of a desk that keeps R-4 (a night block of at most six hours)."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """An interpreter as the desk sees one. ``contract_minutes`` for the period, before leave is taken off."""

    id: str
    languages: frozenset[str]
    contract_minutes: int
    woman: bool = False
    leave: frozenset[int] = frozenset()
    bars: tuple[Bar, ...] = ()
    pins: tuple[Pin, ...] = ()
    history: History | None = None


@dataclass(frozen=True, slots=True)
class DeskWish:
    """To work (any language, on this template if given) or not to work on a day."""

    person: str
    day: int
    template: str | None
    weight: float
    on: bool


@dataclass(frozen=True, slots=True)
class DeskRules:
    """Limits and weights; the defaults are R-3, R-4 and the usual contract."""

    max_run: int = 5
    min_rest: int = 660
    min_days_off: int = 2
    max_week_minutes: int = 44 * 60
    max_weekends: int = 3
    night_block: int = 360
    overtime: float = 0.1
    """Share of the contract that may be worked beyond it."""
    under: float = 10.0
    """For each person missing in a half-hour."""
    under_woman: float = 5.0
    """For each half-hour in which no woman is there for a core language (R-3)."""
    short_hour: float = 6.0
    """For each hour below the contract."""
    unfair_hour: float = 24.0
    """More for each hour below ``fair`` of it."""
    fair: float = 0.9
    nights: Threshold = field(default=Threshold(5, 30.0))
    weekends: Threshold = field(default=Threshold(2, 40.0))


Demand = Mapping[tuple[str, int, int], int]
"""People wanted by (language, day, minute of the day at which the half-hour begins)."""
Women = Collection[tuple[str, int, int]]
"""Such half-hours in which one of them has to be a woman (R-3)."""
Cut = Mapping[tuple[int, str], int]
"""Minutes of the clock by which the shift of a (day, template) ends earlier than usual: a night of seven hours (R-4)."""


def kind_id(template: str, language: str) -> str:
    """The shift kind of a template at the desk of a language."""
    return f"{template}:{language}"


def desk_problem(
    *, days: int, first_weekday: int, speakers: Sequence[Speaker], demand: Demand, women: Women = (),
    wishes: Iterable[DeskWish] = (), rules: DeskRules, templates: Sequence[Template] = TEMPLATES,
    cut: Cut = MappingProxyType({}),
) -> Problem:  # fmt: skip
    """The roster problem. Raises ValueError if a night template is longer than R-4 allows."""
    for template in templates:
        if template.night and template.minutes > rules.night_block:
            raise ValueError(f"night shift {template.id} is longer than {rules.night_block} minutes (R-4)")
    languages = sorted({language for speaker in speakers for language in speaker.languages})
    kinds = tuple(
        ShiftKind(
            kind_id(template.id, language),
            template.minutes if template.counts is None else template.counts,
            template.start,
            template.night,
            language,
        )
        for template in templates
        for language in languages
    )
    return Problem(
        days=days,
        kinds=kinds,
        people=tuple(_person(speaker, days, kinds, rules) for speaker in speakers),
        covers=tuple(_covers(demand, women, partial(serving, templates, cut=cut), set(languages), rules)),
        wishes=tuple(_wishes(wishes, {speaker.id: speaker for speaker in speakers}, templates)),
        min_rest=rules.min_rest,
        first_weekday=first_weekday,
    )


def _person(speaker: Speaker, days: int, kinds: Sequence[ShiftKind], rules: DeskRules) -> Person:
    target = speaker.contract_minutes * (days - len(speaker.leave)) // days
    return Person(
        id=speaker.id,
        kinds=frozenset(kind.id for kind in kinds if kind.language in speaker.languages),
        max_minutes=int(target * (1 + rules.overtime)),
        max_run=rules.max_run,
        min_days_off=rules.min_days_off,
        max_weekends=rules.max_weekends,
        max_week_minutes=rules.max_week_minutes,
        bars=(*(Bar(day) for day in sorted(speaker.leave)), *speaker.bars),
        pins=speaker.pins,
        history=speaker.history,
        groups=frozenset({WOMEN}) if speaker.woman else frozenset(),
        target_minutes=target,
        short=(Threshold(target, rules.short_hour), Threshold(int(target * rules.fair), rules.unfair_hour)),
        nights=(rules.nights,),
        weekends=(rules.weekends,),
    )


def _covers(
    demand: Demand,
    women: Women,
    serving: Callable[[int, int], list[tuple[int, str]]],
    languages: set[str],
    rules: DeskRules,
) -> Iterable[Cover]:
    wanted: list[tuple[tuple[str, int, int], int, str | None, float]] = [
        (cell, count, None, rules.under) for cell, count in sorted(demand.items()) if count > 0
    ]
    wanted += [(cell, 1, WOMEN, rules.under_woman) for cell in sorted(women) if cell[0] in languages]
    for (language, day, minute), count, group, weight in wanted:
        cells = tuple((at, kind_id(template, language)) for at, template in serving(day, minute))
        name = f"{group or 'all'} {language} {day} {minute}"
        yield Cover(
            name, cells if language in languages else (), count, weight, 0.0, group, day, minute, SLOT, language
        )


def serving(
    templates: Sequence[Template], day: int, minute: int, *, cut: Cut = MappingProxyType({})
) -> list[tuple[int, str]]:
    """(day, template) of the shifts that hold a half-hour; a night of the day before may. None before day 0."""
    found: list[tuple[int, str]] = []
    for template in templates:
        for at, clock in ((day, minute), (day - 1, minute + DAY)):
            end = template.start + template.minutes - cut.get((at, template.id), 0)
            if at >= 0 and template.start <= clock and clock + SLOT <= end:
                found.append((at, template.id))
    return found


def _wishes(
    wishes: Iterable[DeskWish], speakers: Mapping[str, Speaker], templates: Sequence[Template]
) -> Iterable[Wish]:
    for wish in wishes:
        if wish.template is None:
            yield Wish(wish.person, wish.day, None, wish.weight, wish.on)
        elif not wish.on:
            for language in sorted(speakers[wish.person].languages):
                yield Wish(wish.person, wish.day, kind_id(wish.template, language), wish.weight, on=False)
        else:
            # working this template in any language: every other template, and a free day, miss the wish
            yield Wish(wish.person, wish.day, None, wish.weight, on=True)
            for other in templates:
                for language in sorted(speakers[wish.person].languages) if other.id != wish.template else ():
                    yield Wish(wish.person, wish.day, kind_id(other.id, language), wish.weight, on=False)


@dataclass(frozen=True, slots=True)
class Allocation:
    """Who serves which language in each half-hour once everybody on shift may serve any of their languages."""

    serves: Mapping[tuple[int, int], Mapping[str, str]]
    """(day, minute) -> person -> language, where that is wanted."""
    covered: int
    wanted: int


def allocate(problem: Problem, roster: Roster, speakers: Sequence[Speaker], demand: Demand) -> Allocation:
    """Give the people on shift to languages half-hour by half-hour: a matching of greatest size that begins at the desks."""
    on_shift: dict[tuple[int, int], list[tuple[str, str]]] = defaultdict(list)
    for speaker in speakers:
        for day, name in enumerate(roster[speaker.id]):
            kind = problem.kind[name] if name else None
            if kind is not None and kind.start is not None and kind.language is not None:
                for at in range(kind.start, kind.start + kind.minutes, SLOT):
                    on_shift[day + at // DAY, at % DAY].append((speaker.id, kind.language))
    speaks = {speaker.id: speaker.languages for speaker in speakers}
    wanted: dict[tuple[int, int], dict[str, int]] = defaultdict(dict)
    for (language, day, minute), count in demand.items():
        if count > 0:
            wanted[day, minute][language] = count
    serves = {when: _match(on_shift[when], speaks, need) for when, need in wanted.items()}
    covered = sum(len(match) for match in serves.values())
    return Allocation(serves, covered, sum(sum(need.values()) for need in wanted.values()))


def _match(
    there: Sequence[tuple[str, str]], speaks: Mapping[str, frozenset[str]], need: Mapping[str, int]
) -> dict[str, str]:
    """Person -> language, as many as possible; who is at a wanted desk keeps it unless a move frees somebody else's."""
    serves: dict[str, str] = {}
    taken: dict[str, int] = defaultdict(int)
    for person, desk in there:
        if taken[desk] < need.get(desk, 0):
            serves[person] = desk
            taken[desk] += 1

    def place(person: str, seen: set[str]) -> bool:
        for language in sorted(speaks[person]):
            if language in seen or language not in need:
                continue
            seen.add(language)
            if taken[language] < need[language]:
                taken[language] += 1
                serves[person] = language
                return True
            for other in [name for name, served in serves.items() if served == language]:
                del serves[other]
                taken[language] -= 1
                if place(other, seen):
                    taken[language] += 1
                    serves[person] = language
                    return True
                serves[other] = language
                taken[language] += 1
        return False

    for person, _ in there:
        if person not in serves:
            place(person, set())
    return serves
