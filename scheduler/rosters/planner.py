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
from scheduler.rosters.models import Shift, ShiftWish
from scheduler.rosters.problem import Bar, Cover, History, Person, Pin, Problem, ShiftKind, Threshold, Wish
from scheduler.rosters.shifts import TIMES, instants, kind_id, kinds_for, parts, too_close

CONTRACT_HOURS = {"staff": 160, "contract": 120, "roster": 80, "volunteer": 20}
"""Hours of four weeks by engagement (policy; overtime up to a tenth)."""
HALF_HOUR = 30
_UNDER, _WOMAN, _SHORT_HOUR, _NIGHT, _WEEKEND = 10.0, 5.0, 6.0, 30.0, 40.0
_CHUNK = timedelta(days=14)
_LOOK_BACK = timedelta(days=8)
WOMEN = "women"


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
        lines = sorted({need.key for need in needs} | {key for person in mine.values() for key in person.rows})
        kinds = kinds_for(lines)
        history = await self._history(unit, list(mine), period)
        members = [
            _person(row, mine[row.id].rows, mine[row.id].woman, kinds, stated.get(row.id), history.get(row.id), period)
            for row in sorted(rows, key=lambda row: row.code)
        ]
        return Problem(
            days=period.days,
            kinds=kinds,
            people=tuple(members),
            covers=tuple(_covers(needs, period)),
            wishes=tuple(await self._wishes(unit, members, period)),
            forbidden=too_close(kinds),
            first_weekday=period.starts_on.weekday(),
        )

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

    async def _wishes(self, unit: ReadUnit, members: Sequence[Person], period: Period) -> list[Wish]:
        rows = await unit.session.execute(
            select(ShiftWish.interpreter_id, ShiftWish.day, ShiftWish.work, ShiftWish.time, ShiftWish.weight).where(
                ShiftWish.interpreter_id.in_([person.id for person in members]),
                ShiftWish.day >= period.starts_on,
                ShiftWish.day < period.day(period.days),
            )
        )
        able = {person.id: sorted(person.kinds) for person in members}
        found: list[Wish] = []
        for row in rows:
            number = (row.day - period.starts_on).days
            if row.work or row.time is None:
                found.append(Wish(row.interpreter_id, number, None, row.weight, row.work))
            else:
                same = [kind for kind in able[row.interpreter_id] if parts(kind)[0].word == row.time]
                found += [Wish(row.interpreter_id, number, kind, row.weight, False) for kind in same]
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


def _person(
    row: Interpreter,
    lines: frozenset[str],
    woman: bool,
    kinds: Sequence[ShiftKind],
    stated: Stated | None,
    history: History | None,
    period: Period,
) -> Person:
    target = CONTRACT_HOURS.get(row.engagement, 80) * 60 * period.days // 28
    able = frozenset(kind.id for kind in kinds if kind.language in lines)
    return Person(
        id=row.id,
        kinds=able,
        max_minutes=target * 11 // 10,
        max_run=5,
        max_weekends=3,
        max_week_minutes=44 * 60,
        bars=tuple(_bars(row, able, stated, period)),
        history=history,
        groups=frozenset({WOMEN}) if woman else frozenset(),
        target_minutes=target,
        short=(Threshold(target, _SHORT_HOUR),),
        nights=(Threshold(5, _NIGHT),),
        weekends=(Threshold(2, _WEEKEND),),
    )


def _bars(row: Interpreter, able: frozenset[str], stated: Stated | None, period: Period) -> Iterable[Bar]:
    """Leave, stated hours and expired papers (R-8), by day and kind."""
    until = min(
        (end for end in (row.vetting_expires, row.nda_expires, row.conduct_expires) if end is not None),
        default=None,
    )
    hours = stated.bookable if stated is not None else None
    away = stated.away if stated is not None else []
    for number in range(period.days):
        day = period.day(number)
        begins = {one.code: instants(day, kind_id(one.code, ""), period.zone) for one in TIMES}
        if until is not None and until <= begins["E"][0]:
            yield Bar(number, None, "R-8")
            continue
        for kind in sorted(able):
            when, _ = parts(kind)
            span = Interval(*begins[when.code])
            if any(leave.starts_at < span.ends_at and span.starts_at < leave.ends_at for leave in away):
                yield Bar(number, kind, "leave")
            elif hours is not None and not when.on_call and not _inside(span, hours):
                yield Bar(number, kind, "availability")


def _inside(span: Interval, hours: Sequence[Interval]) -> bool:
    return any(one.starts_at <= span.starts_at and span.ends_at <= one.ends_at for one in hours)


def _covers(needs: Iterable[CoverNeed], period: Period) -> Iterable[Cover]:
    zone = ZoneInfo(period.zone)
    for need in needs:
        local = need.starts_at.astimezone(zone)
        day = (local.date() - period.starts_on).days
        minute = local.hour * 60 + local.minute
        cells = _cells(need.key, day, minute, period.days)
        about = {"day": day, "minute": minute, "minutes": HALF_HOUR, "language": need.key}
        name = f"{need.key}:{day}:{minute}:{local.fold}"
        yield Cover(name, cells, need.needed, _UNDER, **about)  # type: ignore[arg-type]
        if need.woman:
            yield Cover(f"{name}:w", cells, 1, _WOMAN, group=WOMEN, **about)  # type: ignore[arg-type]


def _cells(line: str, day: int, minute: int, days: int) -> tuple[tuple[int, str], ...]:
    """Shifts at the desk of a line that hold the half-hour: of the day itself, and nights of the day before."""
    found = []
    for begun, at in ((day, minute), (day - 1, minute + 24 * 60)):
        if 0 <= begun < days:
            found += [
                (begun, kind_id(one.code, line)) for one in TIMES if one.start <= at and at + HALF_HOUR <= one.end
            ]
    return tuple(found)
