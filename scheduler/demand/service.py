"""Cover of a country as screens and rosters ask for it: forecast, need, plan and gaps in one grid, and who could fill a gap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypedDict
from zoneinfo import ZoneInfo

from core.db.session import ReadUnit
from core.errors import Invalid
from records.stages import Level, Mode, Stage
from scheduler.calendars.availability import Availability
from scheduler.demand import glm
from scheduler.demand.cover import Cell, cells, pooling
from scheduler.demand.cover_rules import CoverRules, load_rules
from scheduler.demand.forecast import Model, Told
from scheduler.demand.forecasts import Forecast, Forecasts
from scheduler.demand.planned import CalendarDuties, Duties, DutySource, Person, open_to, people, per_slot
from scheduler.demand.slots import SLOT, ZONES, slot_start, slots_between
from scheduler.eligibility import NeedContext, Refusal, failed_rules
from scheduler.languages import LanguageTable, PersonLanguage
from scheduler.need import Need
from scheduler.queries import candidates_for, match_rules

LONGEST = timedelta(days=15)


class RowView(TypedDict):
    """One line of the grid, column by column."""

    key: str
    languages: list[str]
    kind: str
    core: bool
    report_in: int
    expected: list[float]
    high: list[float]
    """Upper end of the forecast's 90 % band."""
    needed: list[int]
    planned: list[int]
    on_call: list[int]
    women: list[int]
    short: list[int]
    why: list[str]
    """Reason codes joined by a space; empty where nothing is short."""


class ForecastView(TypedDict):
    """Where the expected numbers come from."""

    model: str
    made_at: datetime
    scores: list[dict[str, Any]]
    level2_installed: bool


class HomeView(TypedDict):
    """The people of one country of the region who may work for the country of the grid (R-5)."""

    country: str
    people: int
    """With valid papers and a language of the table."""
    open: bool
    """Whether they may: the own country, or another one whose gate is open now (T-2)."""


class CoverView(TypedDict):
    """The whole grid."""

    country: str
    zone: str
    starts: list[datetime]
    rows: list[RowView]
    forecast: ForecastView | None
    multiplier: float
    plan: str
    """``roster`` or ``calendar``."""
    gaps: int
    """Cells that are short."""
    apart: int
    together: int
    """People in the busiest half-hour, if everybody spoke one language or all of them."""
    homes: list[HomeView]
    """Where the people of the grid come from, the own country first."""


class FillView(TypedDict):
    """Somebody who might close a gap."""

    interpreter_id: str
    code: str
    country: str
    woman: bool
    fits: bool
    refusals: list[dict[str, Any]]


@dataclass(frozen=True)
class CoverNeed:
    """What one line needs in one half-hour: for rosters."""

    key: str
    languages: tuple[str, ...]
    starts_at: datetime
    needed: int
    """May be 0 where only a woman is wanted."""
    woman: bool
    """R-3."""


class CoverService:
    """Joins forecast, rules and plan."""

    def __init__(
        self, table: LanguageTable, forecasts: Forecasts, availability: Availability, sources: Sequence[DutySource] = ()
    ) -> None:
        self._table = table
        self._forecasts = forecasts
        self._availability = availability
        self._sources = (*sources, CalendarDuties())
        self._rules = load_rules()

    def rules(self, country: str) -> CoverRules:
        """The minimum cover table of a country."""
        return self._rules[country]

    async def needs(
        self, unit: ReadUnit, country: str, *, start: datetime, end: datetime, multiplier: float = 1.0
    ) -> list[CoverNeed]:
        """People needed per line and half-hour, by forecast and minimum table, whatever is planned."""
        rules = self._rules[country]
        starts = _starts(start, end)
        expected, _, _ = await self._expected(unit, country, rules, starts, multiplier)
        found: list[CoverNeed] = []
        for at, rates in zip(starts, expected, strict=True):
            half_hour = _half_hour(at, country)
            for key, cell in cells(rules, half_hour, rates, []).items():
                row = next(one for one in rules.rows if one.key == key)
                if cell.needed or row.woman:
                    found.append(CoverNeed(key, row.languages, at, cell.needed, row.woman))
        return found

    async def grid(
        self, unit: ReadUnit, country: str, *, start: datetime, end: datetime, multiplier: float = 1.0
    ) -> CoverView:
        """The coverage grid of [start, end). Raises ``Invalid('span_wrong')`` for more than 15 days or none."""
        rules = self._rules[country]
        starts = _starts(start, end)
        expected, high, forecast = await self._expected(unit, country, rules, starts, multiplier)
        duties = await self._duties(unit, start, end)
        pool = await people(unit, country, rules, self._table)
        planned = per_slot(duties.items, pool, starts, rules)
        columns = [
            _over(found) if at + SLOT <= unit.now else found
            for at, found in (
                (at, cells(rules, _half_hour(at, country), rates, who))
                for at, rates, who in zip(starts, expected, planned, strict=True)
            )
        ]
        rows = [
            _row(rules, number, [column[row.key] for column in columns], high) for number, row in enumerate(rules.rows)
        ]
        busiest = max(expected, key=lambda rates: sum(rates.values()), default={})
        pooled = pooling(rules, busiest)
        return CoverView(
            country=country,
            zone=ZONES[country],
            starts=starts,
            rows=rows,
            forecast=None if forecast is None else _forecast_view(forecast),
            multiplier=multiplier,
            plan=duties.source,
            gaps=sum(1 for row in rows for short in row["short"] if short),
            apart=pooled.apart,
            together=pooled.together,
            homes=_homes(country, await open_to(unit, country), pool.values()),
        )

    async def fill(self, unit: ReadUnit, country: str, *, key: str, at: datetime, until: datetime) -> list[FillView]:
        """Who speaks the line's languages and is not planned then: first who may, then who may not, with the rules.

        Raises ``Invalid('value_unknown')`` (field), ``Invalid('span_wrong')``.
        """
        rules = self._rules[country]
        row = next((one for one in rules.rows if one.key == key), None)
        if row is None:
            raise Invalid("value_unknown", {"field": "key"})
        starts = _starts(at, until)
        duties = await self._duties(unit, starts[0], until)
        pool = await people(unit, country, rules, self._table)
        there = {one.interpreter_id for slot in per_slot(duties.items, pool, starts[:1], rules) for one in slot}
        need = Need(
            case_id="",
            country=country,
            stage=Stage.IDENTIFICATION,
            step_code="",
            languages=tuple(PersonLanguage(code) for code in row.languages),
            officer_languages=frozenset(rules.officer_languages),
            min_level=Level.L1,
            now=unit.now,
            at=max(unit.now, starts[0]),
            minutes=max(1, int((until - starts[0]).total_seconds() // 60)) if until > starts[0] else 30,
            on_demand=False,
            mode=Mode.VIDEO,
        )
        match = await match_rules(unit, self._table)
        context = NeedContext.build(need, match)
        women = {person.id for person in pool.values() if person.woman}
        found: list[FillView] = []
        for one in await candidates_for(unit, need, match):
            if one.id in there:
                continue
            refusals = [context.refusal(rule) for rule in failed_rules(context, one)]
            stated = await self._availability.refusal(unit, one.id, need.at, need.ends)
            if stated is not None and all(known.rule is not stated.rule for known in refusals):
                refusals.append(stated)
            found.append(_fill(one.id, one.code, one.base_country, one.id in women, refusals))
        return sorted(found, key=lambda one: (not one["fits"], len(one["refusals"]), one["code"]))

    async def _expected(
        self, unit: ReadUnit, country: str, rules: CoverRules, starts: Sequence[datetime], multiplier: float
    ) -> tuple[list[dict[str, float]], dict[str, list[float]], Forecast | None]:
        """Requests per half-hour and line, the upper end of the band per line, and the forecast they come from."""
        forecast = await self._forecasts.latest(unit, country)
        high: dict[str, list[float]] = {row.key: [0.0] * len(starts) for row in rules.rows}
        expected: list[dict[str, float]] = [{row.key: 0.0 for row in rules.rows} for _ in starts]
        if forecast is None or not starts:
            return expected, high, forecast
        _, found = forecast.tell(starts[0], starts[-1] + SLOT)
        for number, language in enumerate(found.languages):
            row = rules.row_of(self._table.canonical(language)) or rules.row_of(language)
            if row is not None:
                _add(expected, high[row.key], row.key, found, number, multiplier)
        return expected, high, forecast

    async def _duties(self, unit: ReadUnit, start: datetime, end: datetime) -> Duties:
        for source in self._sources:
            found = await source.duties(unit, start=start, end=end)
            if found is not None:
                return found
        return Duties((), "calendar")


def _add(
    expected: list[dict[str, float]], high: list[float], key: str, found: Told, number: int, multiplier: float
) -> None:
    for slot, mean in enumerate(found.means[:, number]):
        expected[slot][key] += float(mean) * multiplier
        high[slot] += float(found.quantiles[slot, number, -1]) * multiplier


def _homes(country: str, others: set[str], pool: Iterable[Person]) -> list[HomeView]:
    there = Counter(person.country for person in pool if person.rows or person.relay_rows)
    known = sorted(ZONES, key=lambda code: (code != country, code))
    return [HomeView(country=code, people=there[code], open=code == country or code in others) for code in known]


def _starts(start: datetime, end: datetime) -> list[datetime]:
    if not timedelta(0) < end - start <= LONGEST:
        raise Invalid("span_wrong", {"days": LONGEST.days})
    return slots_between(slot_start(start), end)


def _over(column: dict[str, Cell]) -> dict[str, Cell]:
    """A half-hour that is over has no gaps: nobody can close them."""
    return {key: replace(cell, short=0, why=()) for key, cell in column.items()}


def _half_hour(at: datetime, country: str) -> int:
    local = at.astimezone(ZoneInfo(ZONES[country]))
    return local.hour * 2 + local.minute // 30


def _row(rules: CoverRules, number: int, column: Sequence[Cell], high: dict[str, list[float]]) -> RowView:
    row = rules.rows[number]
    return RowView(
        key=row.key,
        languages=list(row.languages),
        kind=row.kind,
        core=row.woman,
        report_in=row.report_in,
        expected=[round(cell.expected, 3) for cell in column],
        high=[round(value, 2) for value in high[row.key]],
        needed=[cell.needed for cell in column],
        planned=[cell.planned for cell in column],
        on_call=[cell.on_call for cell in column],
        women=[cell.women for cell in column],
        short=[cell.short for cell in column],
        why=[" ".join(cell.why) for cell in column],
    )


def _forecast_view(forecast: Forecast) -> ForecastView:
    return ForecastView(
        model=Model(forecast.model).value,
        made_at=forecast.made_at,
        scores=[dict(one) for one in forecast.scores],
        level2_installed=glm.available(),
    )


def _fill(who: str, code: str, country: str, woman: bool, refusals: Sequence[Refusal]) -> FillView:
    return FillView(
        interpreter_id=who,
        code=code,
        country=country,
        woman=woman,
        fits=not refusals,
        refusals=[
            {"rule": one.rule.value, "code": one.rule.name.lower(), "params": dict(one.params)} for one in refusals
        ],
    )
