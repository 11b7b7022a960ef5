"""Who is planned when: desk hours and on-call windows of the pool, by the lines of the cover table that they can serve. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import select

from core.db.session import ReadUnit
from scheduler.calendars.models import AvailabilitySpan
from scheduler.demand.cover import Planned
from scheduler.demand.cover_rules import CoverRules
from scheduler.demand.slots import SLOT
from scheduler.eligibility import BRIDGE
from scheduler.languages import LanguageTable
from scheduler.models import Interpreter, InterpreterPair
from scheduler.queries import transfer_gates


@dataclass(frozen=True)
class Duty:
    """A stretch of time in which somebody is planned to work."""

    interpreter_id: str
    starts_at: datetime
    ends_at: datetime
    on_call: bool
    report_in: int = 0
    """Minutes until somebody on call is there."""


@dataclass(frozen=True)
class Duties:
    """All stretches of a span of time."""

    items: tuple[Duty, ...]
    source: str
    """``roster`` when a published roster says so, ``calendar`` when only hours and on-call windows are known."""


class DutySource(Protocol):
    """Where planned work is read from; the published rosters stand before the calendars once there are any."""

    async def duties(self, unit: ReadUnit, *, start: datetime, end: datetime) -> Duties | None:
        """What is planned in [start, end); none when this source knows nothing of that time."""
        ...


class CalendarDuties:
    """Desk hours and on-call windows as the interpreters' calendars state them, less leave and time busy elsewhere."""

    async def duties(self, unit: ReadUnit, *, start: datetime, end: datetime) -> Duties | None:
        """Always an answer, maybe an empty one."""
        rows = await unit.session.execute(
            select(
                AvailabilitySpan.interpreter_id,
                AvailabilitySpan.kind,
                AvailabilitySpan.starts_at,
                AvailabilitySpan.ends_at,
                AvailabilitySpan.report_in_min,
            )
            .where(
                AvailabilitySpan.kind.in_(["desk", "on_call", "leave", "busy"]),
                AvailabilitySpan.starts_at < end,
                AvailabilitySpan.ends_at > start,
            )
            .order_by(AvailabilitySpan.interpreter_id, AvailabilitySpan.starts_at, AvailabilitySpan.id)
        )
        work: list[Duty] = []
        away: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
        for row in rows:
            if row.kind in ("leave", "busy"):
                away[row.interpreter_id].append((row.starts_at, row.ends_at))
            else:
                called = row.kind == "on_call"
                work.append(Duty(row.interpreter_id, row.starts_at, row.ends_at, called, row.report_in_min or 0))
        return Duties(tuple(piece for duty in work for piece in _without(duty, away[duty.interpreter_id])), "calendar")


@dataclass(frozen=True)
class Person:
    """What the cover table needs to know of somebody in the pool."""

    id: str
    code: str
    country: str
    woman: bool
    rows: frozenset[str]
    relay_rows: frozenset[str]
    """Lines that the person could serve only through the bridge language (M-9)."""


async def open_to(unit: ReadUnit, country: str) -> set[str]:
    """Other countries whose interpreters may work for ``country`` now in any stage: an open gate (T-2)."""
    return {
        gate.to_country
        for gate in await transfer_gates(unit)
        if gate.from_country == country
        and gate.valid_from <= unit.now
        and (gate.valid_to is None or gate.valid_to > unit.now)
    }


async def people(
    unit: ReadUnit, country: str, rules: CoverRules, table: LanguageTable, *, ids: Sequence[str] | None = None
) -> dict[str, Person]:
    """Active interpreters who may work for ``country`` (own ones, and others while a gate is open) with valid papers."""
    open_from = await open_to(unit, country)
    wanted = (
        select(
            Interpreter.id,
            Interpreter.code,
            Interpreter.base_country,
            Interpreter.sex,
            InterpreterPair.from_lang,
            InterpreterPair.to_lang,
        )
        .join(InterpreterPair, InterpreterPair.interpreter_id == Interpreter.id)
        .where(
            Interpreter.active.is_(True),
            Interpreter.level != "L0",
            Interpreter.base_country.in_({country, *open_from}),
            Interpreter.vetting_result == "pass",
            Interpreter.vetting_expires > unit.now,
            Interpreter.nda_expires > unit.now,
            Interpreter.conduct_expires > unit.now,
        )
    )
    if ids is not None:
        wanted = wanted.where(Interpreter.id.in_(ids))
    officer = {table.officer(code) for code in rules.officer_languages}
    pairs: dict[str, tuple[str, str, bool]] = {}
    direct: dict[str, set[str]] = defaultdict(set)
    relay: dict[str, set[str]] = defaultdict(set)
    for row in await unit.session.execute(wanted):
        pairs[row.id] = (row.code, row.base_country, row.sex == "woman")
        line = rules.row_of(table.canonical(row.from_lang)) or rules.row_of(row.from_lang)
        if line is None:
            continue
        toward = table.officer(row.to_lang)
        if toward in officer:
            direct[row.id].add(line.key)
        elif toward == BRIDGE:
            relay[row.id].add(line.key)
    return {
        who: Person(who, code, home, woman, frozenset(direct[who]), frozenset(relay[who] - direct[who]))
        for who, (code, home, woman) in pairs.items()
    }


def per_slot(
    duties: Sequence[Duty], pool: dict[str, Person], starts: Sequence[datetime], rules: CoverRules
) -> list[list[Planned]]:
    """Who is planned in each half-hour: only who is there for all of it. Desk comes before on call. Pure."""
    found: list[dict[str, Planned]] = [{} for _ in starts]
    if not starts:
        return []
    first = starts[0]
    late = {row.key: row.report_in for row in rules.rows}
    for duty in sorted(duties, key=lambda one: (one.on_call, one.interpreter_id)):
        person = pool.get(duty.interpreter_id)
        if person is None:
            continue
        # Who needs an hour to report is no help for a line that promises an answer at once.
        rows = frozenset(key for key in person.rows if not duty.on_call or duty.report_in <= late[key])
        begin = max(0, -((first - duty.starts_at) // SLOT))
        end = min(len(starts), (duty.ends_at - first) // SLOT)
        for number in range(begin, end):
            if rows:
                found[number].setdefault(person.id, Planned(person.id, rows, person.woman, duty.on_call))
    return [list(one.values()) for one in found]


def _without(duty: Duty, away: Sequence[tuple[datetime, datetime]]) -> list[Duty]:
    pieces = [(duty.starts_at, duty.ends_at)]
    for begin, end in away:
        pieces = [
            piece
            for start, stop in pieces
            for piece in ((start, min(stop, begin)), (max(start, end), stop))
            if piece[0] < piece[1]
        ]
    return [Duty(duty.interpreter_id, start, stop, duty.on_call, duty.report_in) for start, stop in pieces]
