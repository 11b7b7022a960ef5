"""Every question that the queue asks the database about who fits: candidates for a need, with the rules of the moment.

Reads only. Whole pools are read in a handful of statements, whatever their size; the rules are in ``eligibility``, and what
people have to do is in ``workloads``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, or_, select

from core.db.session import ReadUnit
from records.stages import Level, Mode, Stage
from scheduler.breaks import DAY_MINUTES, Work, fits
from scheduler.calendars.availability import Stated, on_duty, stated_hours
from scheduler.calendars.spans import subtract, union
from scheduler.eligibility import BRIDGE, NeedContext
from scheduler.languages import LanguageTable
from scheduler.models import CaseBar, Interpreter, InterpreterPair, Presence, TransferInstrument
from scheduler.need import (
    AsylumCase,
    Candidate,
    LocationStatus,
    MatchRules,
    Need,
    Sex,
    TransferGate,
)
from scheduler.need import Presence as PresenceState
from scheduler.ranking import block_minutes
from scheduler.workloads import WorkLoad, presence_state, workloads

_CHILD, _TRAUMA = ("CHILD",), ("GBV-TRAUMA", "TRAUMA")
_COLUMNS = (
    Interpreter.id,
    Interpreter.code,
    Interpreter.active,
    Interpreter.level,
    Interpreter.vetting_result,
    Interpreter.vetting_expires,
    Interpreter.nda_expires,
    Interpreter.conduct_expires,
    Interpreter.sex,
    Interpreter.base_country,
    Interpreter.country_of_origin,
    Interpreter.region_of_language,
    Interpreter.communities_declared,
    Interpreter.location_status,
    Interpreter.time_zone,
    Interpreter.engagement,
    Interpreter.own_asylum_case,
    Interpreter.training,
    Interpreter.no_children,
    Interpreter.sworn,
    Interpreter.max_minutes_day,
    Interpreter.max_block_min,
    Interpreter.on_call,
    Interpreter.quality,
    Interpreter.offers_count,
    Interpreter.accepts_count,
    Interpreter.last_live_at,
    Interpreter.user_id,
)


async def transfer_gates(unit: ReadUnit) -> list[TransferGate]:
    """All transfer instruments that are not over."""
    rows = await unit.session.scalars(
        select(TransferInstrument)
        .where(or_(TransferInstrument.valid_to.is_(None), TransferInstrument.valid_to > unit.now))
        .order_by(TransferInstrument.id)
    )
    return [
        TransferGate(
            id=row.id,
            from_country=row.from_country,
            to_country=row.to_country,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
            stages=frozenset(Stage(stage) for stage in row.stages),
            reference=row.reference,
        )
        for row in rows
    ]


async def match_rules(unit: ReadUnit, table: LanguageTable, *, own_pool_only: bool = False) -> MatchRules:
    """What matching needs besides need and candidates, as it stands now; a step of the own pool knows no open gate."""
    return MatchRules(languages=table, gates=() if own_pool_only else await transfer_gates(unit))


async def candidates_for(
    unit: ReadUnit, need: Need, rules: MatchRules, *, reachable_only: bool = False
) -> list[Candidate]:
    """Everybody of the pool who connects the languages of a need, with all facts that matching looks at.

    ``reachable_only`` leaves out who is not on line now. For an appointment everybody can be asked, so that presence
    counts as available.
    """
    conditions = _connecting(need, rules)
    if reachable_only:
        conditions.append(and_(Presence.wanted == "available", Presence.seen_until > unit.now))
    return await _candidates(unit, conditions, at=need.at, need=need)


async def candidates_by_id(
    unit: ReadUnit, ids: Iterable[str], *, need: Need | None = None, without: str | None = None
) -> list[Candidate]:
    """The named interpreters with all their pairs; without a need, as they are now and barred from all their cases.

    ``without`` as in ``workloads``.
    """
    at = need.at if need is not None else unit.now
    return await _candidates(unit, [Interpreter.id.in_(sorted(set(ids)))], at=at, need=need, without=without)


async def people_for_plans(
    unit: ReadUnit, needs: Sequence[Need] | None, rules: MatchRules, cases: Iterable[str]
) -> list[Candidate]:
    """Everybody who connects the languages of one of these needs (none: everybody), with all their pairs and barred from which of
    ``cases``. What they have agreed and done is left out: a plan counts that itself."""
    active = [Interpreter.active.is_(True)]
    if needs is not None:
        spoken: set[str] = set()
        toward = {BRIDGE}
        for need in needs:
            context = NeedContext.build(need, rules)
            spoken |= set(context.options)
            toward |= context.officer
        connects = select(InterpreterPair.interpreter_id).where(
            InterpreterPair.from_lang.in_(sorted(spoken)), InterpreterPair.to_lang.in_(sorted(toward))
        )
        active.append(Interpreter.id.in_(connects))
    people = await _people(unit, active)
    barred: dict[str, set[str]] = defaultdict(set)
    for who, case_id in await unit.session.execute(
        select(CaseBar.interpreter_id, CaseBar.case_id).where(CaseBar.case_id.in_(sorted(set(cases))))
    ):
        barred[who].add(case_id)
    idle = WorkLoad()
    return [
        _candidate(found, idle, barred[who], unit.now, unit.now, anybody=True, on_call=False)
        for who, found in people.items()
    ]


@dataclass(frozen=True)
class PoolSpan:
    """Everybody who connects the languages of a need, with the facts of a whole span of time: asked for many of its moments."""

    people: Mapping[str, Sequence[Row[Any]]]
    loads: Mapping[str, WorkLoad]
    barred: Mapping[str, set[str]]
    stated: Mapping[str, Stated]
    now: datetime

    def at(self, need: Need) -> list[Candidate]:
        """The candidates for an appointment at ``need.at``, exactly as ``candidates_for`` would give them."""
        return [
            _fitted(
                _candidate(
                    rows, self.loads[who], self.barred[who], need.at, self.now, anybody=True, on_call=rows[0].on_call
                ),
                need,
                self.loads[who],
                self.stated,
            )
            for who, rows in self.people.items()
        ]


async def pool_between(
    unit: ReadUnit, need: Need, rules: MatchRules, start: datetime, end: datetime, *, without: str | None = None
) -> PoolSpan:
    """The pool for an appointment that begins between ``start`` and ``end``, in a fixed number of statements."""
    people = await _people(unit, _connecting(need, rules))
    ids = list(people)
    reach = end + timedelta(minutes=need.minutes)
    return PoolSpan(
        people,
        await workloads(unit, ids, start, reach, without=without),
        await _barred(unit, ids, need),
        await stated_hours(unit, ids, start, reach),
        unit.now,
    )


def _connecting(need: Need, rules: MatchRules) -> list[ColumnElement[bool]]:
    """Who of the pool connects the languages of a need, or one of them with the bridge language."""
    context = NeedContext.build(need, rules)
    connects = and_(
        InterpreterPair.from_lang.in_(sorted(context.options)),
        InterpreterPair.to_lang.in_(sorted({*context.officer, BRIDGE})),
    )
    return [connects, Interpreter.active.is_(True)]


async def _people(unit: ReadUnit, conditions: Sequence[ColumnElement[bool]]) -> dict[str, list[Row[Any]]]:
    """Profiles with presence, one row per working pair, by interpreter."""
    rows = (
        await unit.session.execute(
            select(
                *_COLUMNS,
                InterpreterPair.from_lang,
                InterpreterPair.to_lang,
                InterpreterPair.modes,
                Presence.wanted,
                Presence.since,
                Presence.seen_until,
            )
            .join(InterpreterPair, InterpreterPair.interpreter_id == Interpreter.id)
            .outerjoin(Presence, Presence.interpreter_id == Interpreter.id)
            .where(*conditions)
            .order_by(Interpreter.id)
        )
    ).all()
    people: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        people[row.id].append(row)
    return people


async def _barred(unit: ReadUnit, ids: Sequence[str], need: Need | None) -> dict[str, set[str]]:
    """Cases from which each is barred: the one of the need, or all."""
    bars = select(CaseBar.interpreter_id, CaseBar.case_id)
    bars = (
        bars.where(CaseBar.case_id == need.case_id) if need is not None else bars.where(CaseBar.interpreter_id.in_(ids))
    )
    barred: dict[str, set[str]] = defaultdict(set)
    for who, case_id in await unit.session.execute(bars):
        barred[who].add(case_id)
    return barred


async def _candidates(
    unit: ReadUnit,
    conditions: Sequence[ColumnElement[bool]],
    *,
    at: datetime,
    need: Need | None,
    without: str | None = None,
) -> list[Candidate]:
    people = await _people(unit, conditions)
    ids = list(people)
    loads = await workloads(unit, ids, at, without=without)
    barred = await _barred(unit, ids, need)
    anybody = need is not None and not need.on_demand
    duty = await on_duty(unit, at, [who for who, found in people.items() if found[0].on_call])
    made = [
        _candidate(found, loads[who], barred[who], at, unit.now, anybody, on_call=duty.calls(who, found[0].on_call))
        for who, found in people.items()
    ]
    if need is None:
        return made
    stated = await stated_hours(unit, ids, need.at, need.ends) if need.by_calendar else {}
    return [_fitted(one, need, loads[one.id], stated) for one in made]


def _fitted(one: Candidate, need: Need, load: WorkLoad, stated: Mapping[str, Stated]) -> Candidate:
    """The candidate with what depends on when this need begins and ends: stated hours, and breaks between neighbours (S-8)."""
    new = Work(need.at, need.ends, need.own_minutes, block_minutes(need, one))
    if not fits(new, load.planned):
        # Between the neighbours there is no room for the breaks that are owed: as good as engaged.
        one = replace(one, engagements=(*one.engagements, (need.at, need.ends)))
    if need.by_calendar and one.id in stated:
        own = stated[one.id]
        at_desk = any(span.holds(need.at, need.ends) for span in subtract(union(own.desk), own.away))
        one = replace(one, hours=_hours(own), at_desk=at_desk)
    return one


def _hours(stated: Stated) -> tuple[tuple[datetime, datetime], ...]:
    return tuple((span.starts_at, span.ends_at) for span in stated.bookable)


def _candidate(
    rows: Sequence[Row[Any]],
    load: WorkLoad,
    barred: set[str],
    at: datetime,
    now: datetime,
    anybody: bool,
    *,
    on_call: bool,
) -> Candidate:
    row = rows[0]
    presence = PresenceState.AVAILABLE if anybody else presence_state(row.wanted, row.seen_until, load, now)
    trained = {
        entry["code"] for entry in row.training if not entry.get("expires") or entry["expires"] >= at.date().isoformat()
    }
    return Candidate(
        id=row.id,
        code=row.code,
        pairs=frozenset((pair.from_lang, pair.to_lang) for pair in rows),
        level=Level(row.level),
        vetting_until=row.vetting_expires if row.vetting_result == "pass" else None,
        nda_until=row.nda_expires,
        conduct_until=row.conduct_expires,
        sex=Sex(row.sex) if row.sex in ("woman", "man") else Sex.UNDISCLOSED,
        base_country=row.base_country,
        location=LocationStatus(row.location_status),
        modes=frozenset({Mode.VIDEO, Mode.PHONE}) if _has_screen(rows) else frozenset({Mode.PHONE}),
        tokens=_tokens(row),
        barred_cases=frozenset(barred),
        own_asylum_case=AsylumCase(row.own_asylum_case),
        represents_party=row.engagement == "party",
        child_trained=any(code.startswith(_CHILD) for code in trained),
        trauma_trained=any(code.startswith(_TRAUMA) for code in trained),
        no_children=row.no_children,
        sworn_countries=_sworn(row.sworn, at.date()),
        minutes_today=load.minutes_on(at, row.time_zone),
        max_minutes_day=min(row.max_minutes_day, DAY_MINUTES),
        max_block=row.max_block_min,
        presence=presence,
        on_call=on_call,
        engagements=tuple(load.engagements),
        idle_since=row.last_live_at or row.since,
        accept_rate=round(100 * row.accepts_count / row.offers_count) if row.offers_count else 100,
        quality=row.quality,
        active=row.active,
    )


def _has_screen(rows: Sequence[Row[Any]]) -> bool:
    """Pairs may be for the phone alone; every other way of working can be done by video."""
    return any(set(row.modes) != {"phone"} for row in rows)


def _tokens(row: Row[Any]) -> frozenset[str]:
    """What an ``avoid`` wish can name: own code, origin, region and communities as stated."""
    tokens = {row.code, *row.communities_declared}
    if row.country_of_origin:
        tokens.add(f"origin:{row.country_of_origin}")
    if row.region_of_language:
        tokens.add(f"region:{row.region_of_language}")
    return frozenset(tokens)


def _sworn(sworn: dict[str, Any] | None, on: date) -> frozenset[str]:
    if not sworn or not sworn.get("country") or str(sworn.get("valid_from", "")) > on.isoformat():
        return frozenset()
    return frozenset({str(sworn["country"])})
