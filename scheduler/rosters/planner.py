"""Makes the roster problem of a period from what is known: people, papers, leave, wishes, the last days, and the cover that is needed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from core.db.session import ReadUnit
from scheduler.calendars.availability import Stated, stated_hours
from scheduler.calendars.spans import Interval
from scheduler.demand.planned import people
from scheduler.demand.service import CoverNeed, CoverService
from scheduler.languages import LanguageTable
from scheduler.models import Interpreter
from scheduler.rosters.desk import DeskRules, DeskWish, Speaker, desk_problem, kind_id
from scheduler.rosters.models import Shift, ShiftWish
from scheduler.rosters.problem import Bar, History, Person, Pin, Problem
from scheduler.rosters.shifts import TIMES, cut, instants, lost_minutes, too_close

CONTRACT_HOURS = {"staff": 160, "contract": 120, "roster": 80, "volunteer": 20}
"""Hours of four weeks by engagement (policy; overtime up to a tenth)."""
_CHUNK = timedelta(days=14)
_LOOK_BACK = timedelta(days=8)


@dataclass(frozen=True)
class Period:
    """Whole local days of a zone, beginning on a Monday."""

    starts_on: date
    days: int
    zone: str

    @property
    def start(self) -> datetime:
        """First instant."""
        return datetime.combine(self.starts_on, time.min, ZoneInfo(self.zone)).astimezone(UTC)

    @property
    def end(self) -> datetime:
        """First instant after it."""
        last = self.starts_on + timedelta(days=self.days)
        return datetime.combine(last, time.min, ZoneInfo(self.zone)).astimezone(UTC)

    def day(self, number: int) -> date:
        """The local date of a day of the period, counted from 0."""
        return self.starts_on + timedelta(days=number)


class RosterPlanner:
    """Reads; decides nothing."""

    def __init__(self, table: LanguageTable, cover: CoverService) -> None:
        self._table = table
        self._cover = cover

    async def problem(self, unit: ReadUnit, country: str, period: Period) -> Problem:
        """The problem of a period as things stand now."""
        pool = await people(unit, country, self._cover.rules(country), self._table)
        mine = {who: person for who, person in pool.items() if person.country == country and person.rows}
        rows = (await unit.session.scalars(select(Interpreter).where(Interpreter.id.in_(mine)))).all()
        stated = await stated_hours(unit, list(mine), period.start, period.end)
        needs = await self._needs(unit, country, period)
        history = await self._history(unit, list(mine), period)
        speakers = [
            _speaker(row, mine[row.id].rows, mine[row.id].woman, stated.get(row.id), history.get(row.id), period)
            for row in sorted(rows, key=lambda row: row.code)
        ]
        problem = desk_problem(
            days=period.days,
            first_weekday=period.starts_on.weekday(),
            speakers=speakers,
            demand=_demand(needs, period),
            women={_cell(need, period) for need in needs if need.woman},
            wishes=await self._wishes(unit, list(mine), period),
            rules=DeskRules(min_days_off=1),
            templates=TIMES,
            cut=_cut(period),
        )
        # On call the minutes of a kind are contract time, so rest is told from begin and end, in hours that really pass.
        lost = lost_minutes(period.starts_on, period.days, period.zone)
        return replace(problem, forbidden=too_close(problem.kinds, lost))

    async def _needs(self, unit: ReadUnit, country: str, period: Period) -> list[CoverNeed]:
        found: list[CoverNeed] = []
        start = period.start
        while start < period.end:
            end = min(start + _CHUNK, period.end)
            found += await self._cover.needs(unit, country, start=start, end=end)
            start = end
        return found

    async def _history(self, unit: ReadUnit, ids: Sequence[str], period: Period) -> dict[str, History]:
        """How the published shifts before the period end; who had none in a week was free."""
        first = period.starts_on - _LOOK_BACK
        async with unit.across_countries():
            rows = (
                await unit.session.execute(
                    select(Shift.interpreter_id, Shift.day, Shift.kind).where(
                        Shift.interpreter_id.in_(ids),
                        Shift.ended_version.is_(None),
                        Shift.day >= first,
                        Shift.day < period.starts_on,
                    )
                )
            ).all()
        worked: dict[str, dict[date, str]] = defaultdict(dict)
        for row in rows:
            worked[row.interpreter_id][row.day] = row.kind
        return {who: last_days(days, period.starts_on) for who, days in worked.items()}

    async def _wishes(self, unit: ReadUnit, ids: Sequence[str], period: Period) -> list[DeskWish]:
        rows = await unit.session.execute(
            select(ShiftWish.interpreter_id, ShiftWish.day, ShiftWish.work, ShiftWish.time, ShiftWish.weight).where(
                ShiftWish.interpreter_id.in_(ids),
                ShiftWish.day >= period.starts_on,
                ShiftWish.day < period.day(period.days),
            )
        )
        found: list[DeskWish] = []
        for row in rows:
            number = (row.day - period.starts_on).days
            same = [one.id for one in TIMES if one.word == row.time]
            if row.time is None or (row.work and len(same) != 1):
                # Of the two kinds of on call either will do: the day is what is wished.
                found.append(DeskWish(row.interpreter_id, number, None, row.weight, row.work))
            else:
                found += [DeskWish(row.interpreter_id, number, code, row.weight, row.work) for code in same]
        return found


def with_pins(problem: Problem, cells: Mapping[str, Sequence[str | None]], pins: Iterable[tuple[str, int]]) -> Problem:
    """The problem in which a search must leave some cells as they are."""
    from_pins: dict[str, list[int]] = defaultdict(list)
    for who, day in pins:
        from_pins[who].append(day)
    return replace(
        problem,
        people=tuple(_pinned(person, cells.get(person.id), from_pins.get(person.id, [])) for person in problem.people),
    )


def _pinned(person: Person, row: Sequence[str | None] | None, days: Sequence[int]) -> Person:
    if row is None or not days:
        return person
    return replace(person, pins=tuple(Pin(day, row[day]) for day in sorted(days) if day < len(row)))


def last_days(worked: Mapping[date, str], starts_on: date) -> History:
    """The run of worked (or free) days that ends on the day before ``starts_on``, at most a week of it."""
    day = starts_on - timedelta(days=1)
    kind, run = worked.get(day), 0
    while run < _LOOK_BACK.days and (day in worked) == (kind is not None):
        run += 1
        day -= timedelta(days=1)
    return History(kind, run)


def _speaker(
    row: Interpreter,
    lines: frozenset[str],
    woman: bool,
    stated: Stated | None,
    history: History | None,
    period: Period,
) -> Speaker:
    bars = list(_bars(row, lines, stated, period))
    closed = defaultdict(set)
    for bar in bars:
        closed[bar.day].add((bar.kind, bar.rule))
    away = {(kind_id(one.id, line), "leave") for one in TIMES for line in lines}
    leave = frozenset(day for day, found in closed.items() if found >= away)
    return Speaker(
        id=row.id,
        languages=lines,
        contract_minutes=CONTRACT_HOURS.get(row.engagement, 80) * 60 * period.days // 28,
        woman=woman,
        leave=leave,
        bars=tuple(bar for bar in bars if bar.day not in leave),
        history=history,
    )


def _bars(row: Interpreter, lines: frozenset[str], stated: Stated | None, period: Period) -> Iterable[Bar]:
    """Leave, stated hours and expired papers (R-8), by day and kind."""
    until = min(
        (end for end in (row.vetting_expires, row.nda_expires, row.conduct_expires) if end is not None),
        default=None,
    )
    hours = stated.bookable if stated is not None else None
    away = stated.away if stated is not None else []
    for number in range(period.days):
        for when in TIMES:
            span = Interval(*instants(period.day(number), kind_id(when.id, ""), period.zone))
            rule = None
            if until is not None and until < span.ends_at:
                rule = "R-8"
            elif any(leave.starts_at < span.ends_at and span.starts_at < leave.ends_at for leave in away):
                rule = "leave"
            elif hours is not None and not when.on_call and not _inside(span, hours):
                rule = "availability"
            if rule is not None:
                for line in sorted(lines):
                    yield Bar(number, kind_id(when.id, line), rule)


def _inside(span: Interval, hours: Sequence[Interval]) -> bool:
    return any(one.starts_at <= span.starts_at and span.ends_at <= one.ends_at for one in hours)


def _demand(needs: Iterable[CoverNeed], period: Period) -> dict[tuple[str, int, int], int]:
    """People wanted by line, day and minute. The hour that an autumn night has twice is planned once, for the larger need."""
    found: dict[tuple[str, int, int], int] = {}
    for need in needs:
        cell = _cell(need, period)
        found[cell] = max(need.needed, found.get(cell, 0))
    return found


def _cell(need: CoverNeed, period: Period) -> tuple[str, int, int]:
    """Line, day and minute by the clock."""
    local = need.starts_at.astimezone(ZoneInfo(period.zone))
    return need.key, (local.date() - period.starts_on).days, local.hour * 60 + local.minute


def _cut(period: Period) -> dict[tuple[int, str], int]:
    """Shifts of the period that end earlier by the clock than they do on other days."""
    every = {(day, one.id): cut(period.day(day), one, period.zone) for day in range(period.days) for one in TIMES}
    return {key: minutes for key, minutes in every.items() if minutes}
