"""What rosters look like: the whole grid for coordinators, own shifts and wishes for interpreters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import delete, select

from core.clock import new_id
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, Invalid
from scheduler.calendars.availability import stated_hours
from scheduler.models import Interpreter
from scheduler.rosters import checker
from scheduler.rosters.desk import SLOT, WOMEN
from scheduler.rosters.lifecycle import RosterState, RunState
from scheduler.rosters.models import RosterPeriod, RosterSearch, RosterVersion, Shift, ShiftWish
from scheduler.rosters.problem import Problem, diff
from scheduler.rosters.service import Held, RosterService
from scheduler.rosters.shifts import WISH_TIMES, instants, parts
from scheduler.rosters.view_shapes import (
    BarView,
    ChangeView,
    GapView,
    KindView,
    OvertakenView,
    RosterPerson,
    RosterRow,
    RosterView,
    SearchView,
    ShiftView,
    VersionView,
    WhyView,
    WishView,
)


class RosterViews:
    """Reads rosters; keeps wishes."""

    def __init__(self, rosters: RosterService) -> None:
        self._rosters = rosters

    async def list(self, unit: ReadUnit) -> Sequence[RosterRow]:
        """Rosters of the actor's countries that are not dropped, the latest period first."""
        rows = await unit.session.execute(
            select(RosterPeriod, RosterVersion)
            .join(
                RosterVersion,
                (RosterVersion.roster_id == RosterPeriod.id) & (RosterVersion.number == RosterPeriod.newest),
            )
            .where(RosterPeriod.state != RosterState.DROPPED)
            .order_by(RosterPeriod.starts_on.desc(), RosterPeriod.country)
            .limit(50)
        )
        return [
            RosterRow(
                id=row.id,
                country=row.country,
                starts_on=row.starts_on,
                days=row.days,
                state=row.state.value,
                newest=row.newest,
                published=row.published,
                gaps=version.gaps,
                coverage_permille=version.coverage_permille,
            )
            for row, version in rows
        ]

    async def view(self, unit: ReadUnit, roster_id: str, number: int | None = None) -> RosterView:
        """A roster with a version, the newest unless told. Raises ``NotFound('roster_unknown')``."""
        held = await self._rosters.read(unit, roster_id, number=number)
        codes = await _codes(unit, held.cells)
        search = await unit.session.scalar(
            select(RosterSearch)
            .where(RosterSearch.roster_id == roster_id)
            .order_by(RosterSearch.begun_at.desc())
            .limit(1)
        )
        row, problem = held.row, held.problem
        return RosterView(
            id=row.id,
            country=row.country,
            starts_on=row.starts_on,
            days=row.days,
            zone=row.zone,
            state=row.state.value,
            newest=row.newest,
            published=row.published,
            version=_version(held.version),
            search=_search(search) if search is not None else None,
            kinds=_kinds(problem),
            lines=sorted({kind.language for kind in problem.kinds if kind.language}),
            people=_people(held, codes),
            gaps=_gaps(problem, held),
            overtaken=await _overtaken(unit, held),
        )

    async def versions(self, unit: ReadUnit, roster_id: str) -> Sequence[VersionView]:
        """All versions, the newest first."""
        rows = await unit.session.scalars(
            select(RosterVersion)
            .where(RosterVersion.roster_id == roster_id)
            .order_by(RosterVersion.number.desc())
            .limit(100)
        )
        return [_version(row) for row in rows]

    async def diff(self, unit: ReadUnit, roster_id: str, before: int, after: int) -> Sequence[ChangeView]:
        """Cells in which two versions differ. Raises ``NotFound('roster_unknown')``."""
        old = await self._rosters.read(unit, roster_id, number=before)
        new = await self._rosters.read(unit, roster_id, number=after)
        codes = await _codes(unit, {**old.cells, **new.cells})
        return [
            ChangeView(
                interpreter_id=change.person,
                code=codes.get(change.person, ""),
                day=change.day,
                before=change.before,
                after=change.after,
            )
            for change in diff(old.cells, new.cells)
        ]

    async def why(self, unit: ReadUnit, roster_id: str, day: int, kind: str) -> Sequence[WhyView]:
        """For a cell: everybody who serves the line, who fits first, with the rules that forbid it to the others.

        Raises ``Invalid('value_unknown')``."""
        held = await self._rosters.read(unit, roster_id)
        if kind not in held.problem.kind or not 0 <= day < held.problem.days:
            raise Invalid("value_unknown", {"field": "kind"})
        codes = await _codes(unit, held.cells)
        found = []
        for person in held.problem.people:
            if kind not in person.kinds:
                continue
            breaches = checker.explain(held.problem, held.cells, person.id, day, kind)
            rules = [breach.reason if breach.rule.value == "barred" else breach.rule.value for breach in breaches]
            if held.cells[person.id][day] is not None:
                rules.insert(0, "works_already")
            found.append(
                WhyView(
                    interpreter_id=person.id,
                    code=codes.get(person.id, ""),
                    fits=not rules,
                    rules=list(dict.fromkeys(rules)),
                    minutes_left=person.target_minutes - checker.minutes_of(held.problem, held.cells[person.id]),
                )
            )
        return sorted(found, key=lambda one: (len(one["rules"]), -one["minutes_left"], one["code"]))

    async def shifts(self, unit: ReadUnit, interpreter_id: str, first: date, last: date) -> Sequence[ShiftView]:
        """Own published shifts from ``first`` to ``last``, both included."""
        rows = await unit.session.execute(
            select(Shift, RosterPeriod.zone)
            .join(RosterPeriod, RosterPeriod.id == Shift.roster_id)
            .where(
                Shift.interpreter_id == interpreter_id,
                Shift.ended_version.is_(None),
                Shift.day >= first,
                Shift.day <= last,
            )
            .order_by(Shift.day)
        )
        return [
            ShiftView(
                id=row.id,
                country=row.country,
                zone=zone,
                day=row.day,
                kind=row.kind,
                word=parts(row.kind)[0].word,
                line=row.language or "",
                on_call=row.on_call,
                starts_at=row.starts_at,
                ends_at=row.ends_at,
            )
            for row, zone in rows
        ]

    async def home(self, unit: ReadUnit, interpreter_id: str) -> str:
        """The country from which somebody works: by its clocks a day without a shift is told."""
        return (await unit.session.get_one(Interpreter, interpreter_id)).base_country

    async def wishes(self, unit: ReadUnit, interpreter_id: str, first: date, last: date) -> Sequence[WishView]:
        """Own wishes from ``first`` to ``last``, both included."""
        rows = await unit.session.scalars(
            select(ShiftWish)
            .where(ShiftWish.interpreter_id == interpreter_id, ShiftWish.day >= first, ShiftWish.day <= last)
            .order_by(ShiftWish.day)
        )
        return [WishView(day=row.day, work=row.work, time=row.time) for row in rows]

    async def wish(
        self, uow: UnitOfWork, interpreter_id: str, day: date, *, work: bool | None, time: str | None = None
    ) -> None:
        """Set, change or (``work`` none) take back a wish. Raises ``Invalid('value_unknown')``, ``Conflict('wish_too_late')`` for a day
        that has begun."""
        if time is not None and time not in WISH_TIMES:
            raise Invalid("value_unknown", {"field": "time"})
        if day <= uow.now.date():
            raise Conflict("wish_too_late")
        await uow.session.execute(
            delete(ShiftWish).where(ShiftWish.interpreter_id == interpreter_id, ShiftWish.day == day)
        )
        if work is not None:
            uow.session.add(
                ShiftWish(
                    id=new_id("wish"),
                    interpreter_id=interpreter_id,
                    day=day,
                    work=work,
                    time=time,
                    weight=5,
                    made_at=uow.now,
                )
            )
        await uow.flush()


async def _overtaken(unit: ReadUnit, held: Held) -> list[OvertakenView]:
    stated = await stated_hours(unit, list(held.cells), held.period.start, held.period.end)
    found = []
    for who, row in held.cells.items():
        away = stated[who].away if who in stated else []
        for number, kind in enumerate(row):
            if kind is None or not away:
                continue
            begins, ends = instants(held.period.day(number), kind, held.row.zone)
            if begins > unit.now and any(one.starts_at < ends and begins < one.ends_at for one in away):
                found.append(OvertakenView(interpreter_id=who, day=number))
    return found


async def _codes(unit: ReadUnit, ids: Iterable[str]) -> dict[str, str]:
    rows = await unit.session.execute(select(Interpreter.id, Interpreter.code).where(Interpreter.id.in_(list(ids))))
    return {row.id: row.code for row in rows}


def _version(row: RosterVersion) -> VersionView:
    return VersionView(
        number=row.number,
        cause=row.cause,
        cost=row.cost,
        bound=row.bound,
        coverage_permille=row.coverage_permille,
        fairness_permille=row.fairness_permille,
        gaps=row.gaps,
        made_at=row.made_at,
    )


def _search(row: RosterSearch) -> SearchView:
    return SearchView(
        state=RunState(row.state).value, seconds=row.seconds, begun_at=row.begun_at, ended_at=row.ended_at
    )


def _kinds(problem: Problem) -> list[KindView]:
    found = []
    for kind in problem.kinds:
        when, line = parts(kind.id)
        found.append(
            KindView(
                id=kind.id,
                word=when.word,
                line=line,
                start=when.start,
                length=when.minutes,
                on_call=when.on_call,
                night=when.night,
            )
        )
    return found


def _people(held: Held, codes: dict[str, str]) -> list[RosterPerson]:
    pins = held.pins
    found = []
    for person in held.problem.people:
        row = held.cells[person.id]
        barred: dict[int, str] = {}
        for number in range(held.problem.days):
            closed = {bar.kind for bar in person.bars if bar.day == number}
            if closed and (None in closed or person.kinds <= closed):
                barred[number] = next(bar.rule for bar in person.bars if bar.day == number)
        lines = {held.problem.kind[kind].language or "" for kind in person.kinds}
        found.append(
            RosterPerson(
                id=person.id,
                code=codes.get(person.id, ""),
                lines=sorted(lines),
                cells=list(row),
                pins=sorted(day for who, day in pins if who == person.id),
                bars=[BarView(day=day, rule=rule) for day, rule in sorted(barred.items())],
                target_minutes=person.target_minutes,
                minutes=checker.minutes_of(held.problem, row),
                nights=checker.nights_of(held.problem, row),
                weekends=checker.weekends_of(held.problem, row),
            )
        )
    return found


def _gaps(problem: Problem, held: Held) -> list[GapView]:
    """Neighbouring half-hours with the same lack are one gap."""
    found: list[GapView] = []
    short = sorted(
        checker.gaps(problem, held.cells),
        key=lambda gap: (gap.cover.day, gap.cover.language or "", gap.cover.group or "", gap.cover.minute),
    )
    for gap in short:
        cover = gap.cover
        women = cover.group == WOMEN
        last = found[-1] if found else None
        if last is not None and (last["day"], last["line"], last["women"], last["missing"], last["end"]) == (
            cover.day,
            cover.language,
            women,
            gap.missing,
            cover.minute,
        ):
            last["end"] = cover.minute + SLOT
        else:
            found.append(
                GapView(
                    day=cover.day,
                    line=cover.language or "",
                    start=cover.minute,
                    end=cover.minute + SLOT,
                    missing=gap.missing,
                    women=women,
                )
            )
    # Where anybody is missing a woman is not missing in particular.
    whole = {(gap["day"], gap["line"], gap["start"]) for gap in found if not gap["women"]}
    return [gap for gap in found if not gap["women"] or (gap["day"], gap["line"], gap["start"]) not in whole]
