"""Independent judge of rosters: which hard rules a roster breaks, what it costs, and why a person may not take a cell.

Written against the meaning of :mod:`scheduler.rosters.problem` alone. It imports no solver and shares no arithmetic with the
engine, because it re-scores everything before it is stored or reported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from scheduler.rosters.problem import Cover, Person, Problem, Roster, Rule, Threshold, Wish

Row = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Breach:
    """One broken hard rule. ``day`` is where it shows (the first day of a run or week; -1 for the whole period)."""

    rule: Rule
    person: str
    day: int
    found: int = 0
    limit: int = 0
    reason: str = ""
    """For a barred cell why (leave, R-8, ...); otherwise the domain rule behind it (R-4, contract)."""


@dataclass(frozen=True, slots=True)
class Score:
    """What a roster costs, by part, and how well it covers. Only comparable between rosters of one problem."""

    under: float
    over: float
    wishes: float
    people: float
    """Short and long hours, nights and weekends beyond their soft limits."""
    wanted: int
    """Person-units of cover wanted without a group (half-hours, or shifts in benchmarks)."""
    covered: int
    fairness: float
    """The smallest worked / target minutes of anybody with a target; 1 if nobody has one."""

    @property
    def total(self) -> float:
        """The cost that engines minimise."""
        return self.under + self.over + self.wishes + self.people

    @property
    def coverage(self) -> float:
        """Share of the wanted cover that is there, 0..1."""
        return self.covered / self.wanted if self.wanted else 1.0


@dataclass(frozen=True, slots=True)
class Gap:
    """A cover that is short of people."""

    cover: Cover
    missing: int


def breaches(problem: Problem, roster: Roster) -> list[Breach]:
    """Every broken hard rule of a roster; empty means that it may be stored."""
    found: list[Breach] = []
    for stranger in roster.keys() - problem.person.keys():
        found.append(Breach(Rule.SHAPE, stranger, -1))
    for person in problem.people:
        row = roster.get(person.id)
        if row is None or len(row) != problem.days:
            found.append(Breach(Rule.SHAPE, person.id, -1, 0 if row is None else len(row), problem.days))
        else:
            found += row_breaches(problem, person, row)
    return found


def row_breaches(problem: Problem, person: Person, row: Row) -> list[Breach]:
    """Every hard rule that one person's row breaks."""
    unknown = [Breach(Rule.SHAPE, person.id, day) for day, kind in enumerate(row) if kind and kind not in problem.kind]
    if unknown:
        return unknown
    return [
        *_cells(person, row),
        *_rest(problem, person, row),
        *_runs(problem, person, row),
        *_totals(problem, person, row),
    ]


def _cells(person: Person, row: Row) -> Iterator[Breach]:
    for day, kind in enumerate(row):
        if kind is None:
            continue
        if kind not in person.kinds:
            yield Breach(Rule.NOT_ABLE, person.id, day, reason="contract")
        for bar in person.bars:
            if bar.day == day and bar.kind in (None, kind):
                yield Breach(Rule.BARRED, person.id, day, reason=bar.rule)
    for pin in person.pins:
        if row[pin.day] != pin.kind:
            yield Breach(Rule.PINNED, person.id, pin.day, reason="pinned")


def _rest(problem: Problem, person: Person, row: Row) -> Iterator[Breach]:
    before = person.history.kind if person.history else None
    for day, (first, then) in enumerate(pairwise((before, *row))):
        if first and then and (first, then) in problem.successions:
            yield Breach(Rule.REST, person.id, day, reason=Rule.REST.source)


def _runs(problem: Problem, person: Person, row: Row) -> Iterator[Breach]:
    """Worked and free runs. A run that touches an end whose other side is unknown has no minimum."""
    days: list[bool] = [kind is not None for kind in row]
    offset = 0
    if person.history:
        offset = person.history.run
        days = [person.history.kind is not None] * offset + days
    start = 0
    for end in range(1, len(days) + 1):
        if end < len(days) and days[end] == days[start]:
            continue
        length, at = end - start, max(0, start - offset)
        if days[start] and length > person.max_run and end > offset:
            yield Breach(Rule.MAX_RUN, person.id, at, length, person.max_run, Rule.MAX_RUN.source)
        minimum, rule = (person.min_run, Rule.MIN_RUN) if days[start] else (person.min_days_off, Rule.MIN_DAYS_OFF)
        cut = (start == 0 and person.history is None) or end == len(days)
        if length < minimum and not cut:
            yield Breach(rule, person.id, at, length, minimum, rule.source)
        start = end


def _totals(problem: Problem, person: Person, row: Row) -> Iterator[Breach]:
    worked = minutes_of(problem, row)
    if worked > person.max_minutes:
        yield Breach(Rule.MAX_MINUTES, person.id, -1, worked, person.max_minutes, "contract")
    if worked < person.min_minutes:
        yield Breach(Rule.MIN_MINUTES, person.id, -1, worked, person.min_minutes, "contract")
    counts = Counter(kind for kind in row if kind)
    for kind, limit in person.max_of.items():
        if counts[kind] > limit:
            yield Breach(Rule.MAX_OF_KIND, person.id, -1, counts[kind], limit, kind)
    worked_weekends = weekends_of(problem, row)
    if person.max_weekends is not None and worked_weekends > person.max_weekends:
        yield Breach(Rule.MAX_WEEKENDS, person.id, -1, worked_weekends, person.max_weekends, "contract")
    if person.max_week_minutes is not None:
        weeks: Counter[int] = Counter()
        for day, worked_kind in enumerate(row):
            weeks[problem.week(day)] += problem.kind[worked_kind].minutes if worked_kind else 0
        for week, minutes in sorted(weeks.items()):
            if minutes > person.max_week_minutes:
                first = max(0, week * 7 - problem.first_weekday)
                yield Breach(
                    Rule.WEEK_MINUTES, person.id, first, minutes, person.max_week_minutes, Rule.WEEK_MINUTES.source
                )


def minutes_of(problem: Problem, row: Row) -> int:
    """Worked minutes of a row."""
    return sum(problem.kind[kind].minutes for kind in row if kind)


def weekends_of(problem: Problem, row: Row) -> int:
    """Weekends with work on Saturday or Sunday."""
    return sum(any(row[day] is not None for day in weekend) for weekend in problem.weekends)


def nights_of(problem: Problem, row: Row) -> int:
    """Night shifts of a row."""
    return sum(problem.kind[kind].night for kind in row if kind)


def person_cost(problem: Problem, person: Person, row: Row) -> float:
    """What the person's soft limits cost, without wishes."""
    minutes = minutes_of(problem, row)
    cost = sum(limit.weight * max(0, limit.at - minutes) / 60 for limit in person.short)
    cost += sum(limit.weight * max(0, minutes - limit.at) / 60 for limit in person.long)
    cost += _beyond(person.nights, nights_of(problem, row))
    return cost + _beyond(person.weekends, weekends_of(problem, row))


def _beyond(limits: Iterable[Threshold], value: int) -> float:
    return sum(limit.weight * max(0, value - limit.at) for limit in limits)


def granted(wish: Wish, row: Row) -> bool:
    """Whether a row fulfils a wish of its person."""
    worked = row[wish.day]
    matches = worked is not None if wish.kind is None else worked == wish.kind
    return matches == wish.on


def present(problem: Problem, roster: Roster) -> list[int]:
    """How many people each cover has, in the order of ``problem.covers``."""
    everybody: Counter[tuple[int, str]] = Counter()
    grouped: Counter[tuple[str, int, str]] = Counter()
    for person in problem.people:
        for day, kind in enumerate(roster[person.id]):
            if kind is not None:
                everybody[day, kind] += 1
                for group in person.groups:
                    grouped[group, day, kind] += 1
    return [
        sum(everybody[cell] if cover.group is None else grouped[cover.group, *cell] for cell in cover.cells)
        for cover in problem.covers
    ]


def score(problem: Problem, roster: Roster) -> Score:
    """The cost of a roster by the soft rules. The roster must have the right shape; hard rules are not looked at."""
    under = over = 0.0
    wanted = covered = 0
    for cover, there in zip(problem.covers, present(problem, roster), strict=True):
        under += cover.under * max(0, cover.required - there)
        over += cover.over * max(0, there - cover.required)
        if cover.group is None:
            wanted += cover.required
            covered += min(there, cover.required)
    wishes = sum(wish.weight for wish in problem.wishes if not granted(wish, roster[wish.person]))
    people = sum(person_cost(problem, person, roster[person.id]) for person in problem.people)
    shares = [minutes_of(problem, roster[p.id]) / p.target_minutes for p in problem.people if p.target_minutes > 0]
    return Score(under, over, wishes, people, wanted, covered, min(shares, default=1.0))


def gaps(problem: Problem, roster: Roster) -> list[Gap]:
    """Every cover that is short of people, among them R-3 gaps (``cover.group`` women)."""
    return [
        Gap(cover, cover.required - there)
        for cover, there in zip(problem.covers, present(problem, roster), strict=True)
        if there < cover.required
    ]


def explain(problem: Problem, roster: Roster, person: str, day: int, kind: str | None) -> list[Breach]:
    """Why this person may not have this kind (None: be free) on this day, the rest of the roster as it is; empty: may.

    Tells the rules that the change would newly break, or break worse; for swaps and for dragging.
    """
    who, row = problem.person[person], roster[person]
    before = row_breaches(problem, who, row)
    after = row_breaches(problem, who, replaced(row, day, kind))
    had, has = _excess(before), _excess(after)
    return [breach for breach in after if breach not in before and has[breach.rule] > had[breach.rule]]


def _excess(found: Iterable[Breach]) -> Counter[Rule]:
    """By how much each rule is broken in all."""
    excess: Counter[Rule] = Counter()
    for breach in found:
        excess[breach.rule] += max(1, abs(breach.found - breach.limit))
    return excess


def replaced(row: Sequence[str | None], day: int, kind: str | None) -> Row:
    """A row with one cell changed."""
    return (*row[:day], kind, *row[day + 1 :])
