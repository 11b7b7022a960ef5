"""RosterService: periods, versions, changes by hand, publishing. Nothing is stored that the checker refuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import delete, insert, select, update

from core.clock import new_id
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, Invalid, NotFound
from scheduler.calendars.models import AvailabilitySpan
from scheduler.demand.slots import ZONES
from scheduler.events import ROSTER_CHANGED
from scheduler.rosters import checker
from scheduler.rosters.engine.messages import problem_from_json, problem_to_json
from scheduler.rosters.lifecycle import ROSTER, RosterMove, RosterState
from scheduler.rosters.models import RosterPeriod, RosterVersion, Shift
from scheduler.rosters.planner import Period, RosterPlanner, with_pins
from scheduler.rosters.problem import Change, Problem, Rule, diff, nobody_works
from scheduler.rosters.shifts import instants, parts

Cells = dict[str, tuple[str | None, ...]]
WEEKS = (1, 2, 4)
REPORT_IN_MIN = 15
"""Somebody on call in a roster interprets within this time."""


@dataclass(frozen=True)
class Held:
    """A roster with one of its versions, read together."""

    row: RosterPeriod
    version: RosterVersion
    problem: Problem
    cells: Cells

    @property
    def period(self) -> Period:
        """The days it is about."""
        return Period(self.row.starts_on, self.row.days, self.row.zone)

    @property
    def pins(self) -> frozenset[tuple[str, int]]:
        """Fixed cells."""
        return frozenset((who, int(day)) for who, day in self.version.pins)


class RosterService:
    """Keeps rosters. Who may do what is policy; searching is ``searches``."""

    def __init__(self, planner: RosterPlanner) -> None:
        self._planner = planner

    async def begin(self, uow: UnitOfWork, country: str, starts_on: date, weeks: int) -> str:
        """A new, empty roster; returns its id. Raises ``Invalid('roster_monday' | 'value_unknown')``, ``Conflict('roster_exists')``."""
        if starts_on.weekday() != 0:
            raise Invalid("roster_monday")
        if weeks not in WEEKS or country not in ZONES:
            raise Invalid("value_unknown", {"field": "weeks"})
        period = Period(starts_on, weeks * 7, ZONES[country])
        problem = await self._planner.problem(uow, country, period)
        row = RosterPeriod(
            id=new_id("roster"),
            country=country,
            starts_on=starts_on,
            days=period.days,
            zone=period.zone,
            state=RosterState.DRAFT,
            newest=0,
            problem=problem_to_json(problem),
            made_by=uow.actor.id,
            made_at=uow.now,
        )
        uow.session.add(row)
        await uow.flush()
        await self._add(uow, row, problem, nobody_works(problem), [], "begun")
        return row.id

    async def refresh(self, uow: UnitOfWork, roster_id: str) -> Held:
        """Read people, leave, papers and demand anew. Cells that are not possible any more become free; the version says so."""
        held = await self.read(uow, roster_id, lock=True)
        problem = await self._planner.problem(uow, held.row.country, held.period)
        cells: Cells = {}
        for person in problem.people:
            row = held.cells.get(person.id, (None,) * problem.days)
            barred = {(bar.day, bar.kind) for bar in person.bars}
            cells[person.id] = tuple(
                kind if kind in person.kinds and (day, None) not in barred and (day, kind) not in barred else None
                for day, kind in enumerate(row)
            )
        held.row.problem = problem_to_json(problem)
        pins = [(who, day) for who, day in held.pins if who in cells]
        for person in problem.people:
            if checker.row_breaches(problem, person, cells[person.id]):
                cells[person.id] = _eased(problem, person.id, cells)
        await self._add(uow, held.row, problem, cells, pins, "refresh")
        return await self.read(uow, roster_id)

    async def change(
        self, uow: UnitOfWork, roster_id: str, *, version: int, moves: Sequence[tuple[str, int, str | None]]
    ) -> Held:
        """Put shifts into cells by hand: ``(interpreter id, day, kind or none)`` together, all or none.

        Raises ``Conflict('changed_meanwhile')`` unless ``version`` is the newest, ``Conflict('roster_rule')`` (rule, reason, person)
        for a change that a hard rule forbids: there is no override here."""
        held = await self.read(uow, roster_id, lock=True)
        if held.version.number != version:
            raise Conflict("changed_meanwhile", {"version": held.version.number})
        cells = dict(held.cells)
        for who, day, kind in moves:
            if (
                who not in cells
                or not 0 <= day < held.problem.days
                or (kind is not None and kind not in held.problem.kind)
            ):
                raise Invalid("value_unknown", {"field": "cell"})
            cells[who] = checker.replaced(cells[who], day, kind)
        for who in {move[0] for move in moves}:
            refuse(held.problem, held.cells, cells, who)
        await self._add(uow, held.row, held.problem, cells, sorted(held.pins), "hand")
        return await self.read(uow, roster_id)

    async def pin(self, uow: UnitOfWork, roster_id: str, *, version: int, cell: tuple[str, int], pinned: bool) -> Held:
        """Fix a cell for searches, or let it go. Raises ``Conflict('changed_meanwhile')``, ``Invalid('value_unknown')``."""
        held = await self.read(uow, roster_id, lock=True)
        if held.version.number != version:
            raise Conflict("changed_meanwhile", {"version": held.version.number})
        if cell[0] not in held.cells or not 0 <= cell[1] < held.problem.days:
            raise Invalid("value_unknown", {"field": "cell"})
        pins = held.pins | {cell} if pinned else held.pins - {cell}
        await self._add(uow, held.row, held.problem, held.cells, sorted(pins), "hand")
        return await self.read(uow, roster_id)

    async def keep(
        self, uow: UnitOfWork, roster_id: str, cells: Cells, *, base: int, bound: float | None
    ) -> int | None:
        """Store what a search has found on top of version ``base`` (or of versions that searches have stored since). None if somebody
        has changed the roster by hand meanwhile: then the search is about a roster that is no more."""
        held = await self.read(uow, roster_id, lock=True)
        if held.version.number != base:
            return None
        problem = with_pins(held.problem, held.cells, held.pins)
        if checker.breaches(problem, cells):
            return None
        await self._add(uow, held.row, held.problem, cells, sorted(held.pins), "search", bound)
        return base + 1

    async def publish(self, uow: UnitOfWork, roster_id: str, *, version: int, with_gaps: bool) -> list[Change]:
        """Make a version hold: shifts appear and go, calendars follow. Returns what changed for people.

        Raises ``Conflict('changed_meanwhile')``, ``Conflict('roster_gaps')`` (count) unless gaps are accepted,
        ``Conflict('move_not_allowed')`` for one that is dropped."""
        held = await self.read(uow, roster_id, lock=True)
        if held.version.number != version:
            raise Conflict("changed_meanwhile", {"version": held.version.number})
        if held.version.gaps and not with_gaps:
            raise Conflict("roster_gaps", {"count": held.version.gaps})
        before = await self._published_cells(uow, held)
        held.row.state = ROSTER.advance(held.row.state, RosterMove.PUBLISH)
        held.row.published, held.row.published_at = version, uow.now
        changes = diff(before, held.cells)
        await self._put_shifts(uow, held, changes)
        await uow.flush()
        self.tell(uow, held.row)
        return changes

    async def drop(self, uow: UnitOfWork, roster_id: str) -> None:
        """Throw a draft away. Raises ``Conflict('move_not_allowed')`` for a published roster."""
        held = await self.read(uow, roster_id, lock=True)
        held.row.state = ROSTER.advance(held.row.state, RosterMove.DROP)
        await uow.flush()
        self.tell(uow, held.row)

    async def read(self, unit: ReadUnit, roster_id: str, *, number: int | None = None, lock: bool = False) -> Held:
        """A roster with a version (the newest unless told). Raises ``NotFound('roster_unknown')``."""
        wanted = select(RosterPeriod).where(RosterPeriod.id == roster_id)
        if lock:
            wanted = wanted.with_for_update()
        row = await unit.session.scalar(wanted.execution_options(populate_existing=True))
        if row is None:
            raise NotFound("roster_unknown")
        version = await unit.session.get(RosterVersion, (roster_id, number or row.newest))
        if version is None:
            raise NotFound("roster_unknown")
        problem = problem_from_json(row.problem)
        cells = {who: tuple(cells) for who, cells in version.cells.items()}
        return Held(row, version, problem, cells)

    async def swap_cells(
        self, uow: UnitOfWork, held: Held, giver: str, taker: str, day: int, kind: str
    ) -> tuple[Held, list[Change]]:
        """Move a shift from one person to another in the newest version and, if the roster is published in that version, in the
        published shifts too. Raises ``Conflict('roster_rule')``, ``Conflict('swap_stale')`` when the shift is not there any more."""
        if held.cells.get(giver, ())[day : day + 1] != (kind,) or held.cells.get(taker, ())[day : day + 1] != (None,):
            raise Conflict("swap_stale")
        cells = dict(held.cells)
        cells[giver] = checker.replaced(cells[giver], day, None)
        cells[taker] = checker.replaced(cells[taker], day, kind)
        for who in (giver, taker):
            refuse(held.problem, held.cells, cells, who)
        pins = [pin for pin in held.pins if pin != (giver, day)]
        await self._add(uow, held.row, held.problem, cells, pins, "swap")
        after = await self.read(uow, held.row.id)
        changes = [Change(giver, day, kind, None), Change(taker, day, None, kind)]
        await self._put_shifts(uow, after, changes)
        if held.row.published == held.version.number:
            after.row.published = after.version.number
        await uow.flush()
        self.tell(uow, after.row)
        return after, changes

    async def _add(
        self,
        uow: UnitOfWork,
        row: RosterPeriod,
        problem: Problem,
        cells: Mapping[str, Sequence[str | None]],
        pins: Sequence[tuple[str, int]],
        cause: str,
        bound: float | None = None,
    ) -> None:
        roster = {who: tuple(days) for who, days in cells.items()}
        broken = checker.breaches(problem, roster)
        if broken:
            raise Conflict("roster_rule", _told(broken[0]))
        score = checker.score(problem, roster)
        row.newest += 1
        uow.session.add(
            RosterVersion(
                country=row.country,
                roster_id=row.id,
                number=row.newest,
                cause=cause,
                cells={who: list(days) for who, days in roster.items()},
                pins=[list(pin) for pin in pins],
                cost=round(score.total),
                bound=round(bound) if bound is not None and bound > 0 else None,
                coverage_permille=int(score.coverage * 1000),
                fairness_permille=int(score.fairness * 1000),
                gaps=sum(gap.cover.group is None for gap in checker.gaps(problem, roster)),
                made_by=uow.actor.id,
                made_at=uow.now,
            )
        )
        await uow.flush()
        self.tell(uow, row)

    async def _published_cells(self, uow: UnitOfWork, held: Held) -> Cells:
        rows = await uow.session.execute(
            select(Shift.interpreter_id, Shift.day, Shift.kind).where(
                Shift.roster_id == held.row.id, Shift.ended_version.is_(None)
            )
        )
        found: dict[str, list[str | None]] = {}
        for row in rows:
            days = found.setdefault(row.interpreter_id, [None] * held.row.days)
            days[(row.day - held.row.starts_on).days] = row.kind
        return {who: tuple(days) for who, days in found.items()}

    async def _put_shifts(self, uow: UnitOfWork, held: Held, changes: Sequence[Change]) -> None:
        row, number = held.row, held.version.number
        for change in changes:
            if change.before is not None:
                await uow.session.execute(
                    update(Shift)
                    .where(
                        Shift.roster_id == row.id,
                        Shift.interpreter_id == change.person,
                        Shift.day == held.period.day(change.day),
                        Shift.ended_version.is_(None),
                    )
                    .values(ended_version=number)
                    .execution_options(synchronize_session=False)
                )
        await uow.flush()
        for change in changes:
            if change.after is not None:
                when, line = parts(change.after)
                begins, ends = instants(held.period.day(change.day), change.after, row.zone)
                uow.session.add(
                    Shift(
                        id=new_id("shift"),
                        country=row.country,
                        roster_id=row.id,
                        interpreter_id=change.person,
                        day=held.period.day(change.day),
                        kind=change.after,
                        language=line,
                        on_call=when.on_call,
                        starts_at=begins,
                        ends_at=ends,
                        version=number,
                    )
                )
        await uow.flush()
        await self._put_spans(uow, held, sorted({change.person for change in changes}))

    async def _put_spans(self, uow: UnitOfWork, held: Held, people: Sequence[str]) -> None:
        """Published shifts stand in the calendars, where ring and bookings look."""
        await uow.session.execute(
            delete(AvailabilitySpan)
            .where(
                AvailabilitySpan.interpreter_id.in_(people),
                AvailabilitySpan.source == "roster",
                AvailabilitySpan.source_id == held.row.id,
            )
            .execution_options(synchronize_session=False)
        )
        shifts = await uow.session.scalars(
            select(Shift).where(
                Shift.roster_id == held.row.id, Shift.interpreter_id.in_(people), Shift.ended_version.is_(None)
            )
        )
        rows = [
            {
                "interpreter_id": shift.interpreter_id,
                "kind": "on_call" if shift.on_call else "desk",
                "starts_at": shift.starts_at,
                "ends_at": shift.ends_at,
                "source": "roster",
                "source_id": held.row.id,
                "report_in_min": REPORT_IN_MIN if shift.on_call else None,
                "reachable_by": ["app", "phone"] if shift.on_call else [],
            }
            for shift in shifts
        ]
        if rows:
            await uow.session.execute(insert(AvailabilitySpan), rows)

    def tell(self, uow: UnitOfWork, row: RosterPeriod) -> None:
        """Say that a roster changed."""
        body = {"roster_id": row.id, "country": row.country, "version": row.newest, "published": row.published}
        uow.emit(ROSTER_CHANGED, body, country=row.country)


def refuse(problem: Problem, before: Cells, after: Cells, who: str) -> None:
    """Raises ``Conflict('roster_rule')`` if the row of ``who`` breaks a rule that it did not break as badly before."""
    person = problem.person[who]
    known = checker.row_breaches(problem, person, before[who])
    new = [breach for breach in checker.row_breaches(problem, person, after[who]) if breach not in known]
    if new:
        raise Conflict("roster_rule", _told(new[0]))


def _told(breach: checker.Breach) -> dict[str, str | int]:
    return {
        "rule": breach.rule.value,
        "reason": breach.reason,
        "person": breach.person,
        "day": breach.day,
        "found": breach.found,
        "limit": breach.limit,
    }


def _eased(problem: Problem, who: str, cells: Cells) -> tuple[str | None, ...]:
    """The row with shifts taken out, the last first, until no rule is broken; short weeks stay short."""
    person, row = problem.person[who], cells[who]
    for day in reversed(range(problem.days)):
        if row[day] is None:
            continue
        broken = checker.row_breaches(problem, person, row)
        if not any(breach.rule is not Rule.MIN_MINUTES for breach in broken):
            break
        row = checker.replaced(row, day, None)
    return row
