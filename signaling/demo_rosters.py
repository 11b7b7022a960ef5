"""The demo's rosters: four weeks of each country from yesterday's Monday, filled as a coordinator would by hand, published with what
stays open.

Today lies in them on any weekday. Shift by shift the one that covers most is given to somebody whom no rule forbids and who has worked
least, a woman where one is wanted at that time (R-3); then the load is levelled. Searching for a better roster is left to the person
who looks at it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import select

from core.access import Actor
from core.db.session import UnitOfWork
from scheduler.calendars.localtime import local_day
from scheduler.models import Interpreter
from scheduler.rosters import checker
from scheduler.rosters.desk import SLOT
from scheduler.rosters.models import Shift
from scheduler.rosters.problem import Problem, ShiftKind
from scheduler.rosters.service import Cells
from scheduler.rosters.shifts import ShiftTime, parts
from scheduler.rosters.swaps import why_not
from scheduler.times import ZONES
from signaling.bootstrap import Services

_WEEKS = 4
_DAY = 24 * 60
_LEAST_GAIN = 4
"""Half-hours that a shift must cover to be worth it."""
_WISHES = {
    "I-0402": (9, 12),
    "I-0403": (15, 16),
    "I-0412": (12, 13),
    "I-0415": (19, 20),
    "I-0417": (11, 18),
    "I-0420": (10,),
}
"""Days of the period on which they would like to be free; all to come, whatever day it is."""
Open = dict[tuple[int, str], dict[int, int]]
"""How many are still wanted by day and line and minute."""
_OFFERS = ("I-0402", "I-0417")
"""A colleague's shift is offered that one of them could take."""


async def tell_rosters(services: Services, now: datetime) -> None:
    """Wishes, the rosters, and two swaps that wait in Serbia: one for a colleague, one for the coordinator."""
    for country, zone in ZONES.items():
        # On a Monday last week's, so that the night from Sunday has its people too.
        yesterday = local_day(now, zone) - timedelta(days=1)
        starts_on = yesterday - timedelta(days=yesterday.weekday())
        async with services.database.unit(Actor.system()) as uow:
            codes = await _codes(uow)
            if country == "RS":
                await _wish(services, uow, codes, starts_on)
            roster_id = await _publish(services, uow, country, starts_on)
        if country == "RS" and roster_id is not None:
            async with services.database.unit(Actor.system()) as uow:
                await _offer(services, uow, roster_id, codes)


async def _publish(services: Services, uow: UnitOfWork, country: str, starts_on: date) -> str | None:
    keeper = services.rosters.keeper
    roster_id = await keeper.begin(uow, country, starts_on, _WEEKS)
    held = await keeper.read(uow, roster_id)
    cells = _levelled(held.problem, _filled(held.problem))
    moves = [(who, day, kind) for who, row in cells.items() for day, kind in enumerate(row) if kind is not None]
    if not moves:
        return None
    held = await keeper.change(uow, roster_id, version=held.version.number, moves=moves)
    await keeper.publish(uow, roster_id, version=held.version.number, with_gaps=True)
    return roster_id


async def _codes(uow: UnitOfWork) -> dict[str, str]:
    rows = await uow.session.execute(select(Interpreter.code, Interpreter.id))
    return {row.code: row.id for row in rows}


async def _wish(services: Services, uow: UnitOfWork, codes: dict[str, str], starts_on: date) -> None:
    for code, days in _WISHES.items():
        for number in days:
            day = starts_on + timedelta(days=number)
            await services.rosters.views.wish(uow, codes[code], day, work=False)


def _filled(problem: Problem) -> Cells:
    """Day by day the shift that covers most, until none covers enough or nobody may have it.

    Who had the same shift the day before goes on with it, so that people work in blocks; else those who can do little else come first, a
    woman where one is wanted, and then whoever has worked least of the contract."""
    cells: Cells = {person.id: (None,) * problem.days for person in problem.people}
    pool = _Pool(problem)
    missing: Open = defaultdict(dict)
    women: Open = defaultdict(dict)
    for cover in problem.covers:
        if cover.language is not None:
            (missing if cover.group is None else women)[cover.day, cover.language][cover.minute] = cover.required
    for day in range(problem.days):
        closed: set[str] = set()
        while True:
            wanted = [
                (pool.gain((missing, women), day, kind), -len(pool.speakers[kind.language or ""]), kind.id, kind)
                for kind in problem.kinds
                if kind.id not in closed
            ]
            gain, _, _, kind = max(wanted, default=(0.0, 0, "", None))
            if kind is None or gain < _LEAST_GAIN:
                break
            when, line = parts(kind.id)
            slots = list(_half_hours(day, when))
            by_woman = any(women.get((at, line), {}).get(minute, 0) > 0 for at, minute in slots)
            anybody = pool.gain((missing,), day, kind) >= _LEAST_GAIN
            chosen = next(
                (
                    who
                    for who in pool.asked(cells, day, kind, by_woman=by_woman)
                    if (anybody or problem.person[who].groups) and _free(problem, cells, who, day, kind.id)
                ),
                None,
            )
            if chosen is None:
                closed.add(kind.id)
                continue
            cells[chosen] = checker.replaced(cells[chosen], day, kind.id)
            pool.worked[chosen] += kind.minutes
            for left in (missing, women) if problem.person[chosen].groups else (missing,):
                for at, minute in slots:
                    if left[at, line].get(minute, 0) > 0:
                        left[at, line][minute] -= 1
    return cells


def _levelled(problem: Problem, cells: Cells) -> Cells:
    """Shift by shift from whoever has worked most of the contract to whoever has worked least, as far as every rule allows it and a woman
    stays where one is wanted (R-3)."""
    unwanted = {(wish.person, wish.day) for wish in problem.wishes if wish.kind is None and not wish.on}
    minutes = {kind.id: kind.minutes for kind in problem.kinds}
    people = {one.id: one for one in problem.people if one.target_minutes}
    worked = {who: sum(minutes[kind] for kind in cells[who] if kind is not None) for who in people}
    cells = dict(cells)
    women = _Women(problem, cells)

    def share(who: str, more: int = 0) -> float:
        return (worked[who] + more) / people[who].target_minutes

    def handed(taker: str) -> bool:
        for giver in sorted(people, key=share, reverse=True):
            only = people[giver].groups - people[taker].groups
            for day, kind in enumerate(cells[giver]):
                if kind is None or cells[taker][day] is not None or (taker, day) in unwanted:
                    continue
                if only and not women.can_go(day, kind):
                    continue
                fits = kind in people[taker].kinds and share(taker, minutes[kind]) < share(giver)
                if (
                    not fits
                    or not _free(problem, cells, taker, day, kind)
                    or not _can_leave(problem, cells, giver, day)
                ):
                    continue
                cells[giver] = checker.replaced(cells[giver], day, None)
                cells[taker] = checker.replaced(cells[taker], day, kind)
                worked[giver] -= minutes[kind]
                worked[taker] += minutes[kind]
                women.moved(day, kind, bool(people[taker].groups) - bool(people[giver].groups))
                return True
        return False

    settled: set[str] = set()
    while len(settled) < len(people):
        least = min((who for who in people if who not in settled), key=share)
        if not handed(least):
            settled.add(least)
    return cells


def _can_leave(problem: Problem, cells: Cells, who: str, day: int) -> bool:
    return not checker.row_breaches(problem, problem.person[who], checker.replaced(cells[who], day, None))


def _free(problem: Problem, cells: Cells, who: str, day: int, kind: str) -> bool:
    return not checker.row_breaches(problem, problem.person[who], checker.replaced(cells[who], day, kind))


class _Women:
    """How many women serve each line in each half-hour, where one is wanted."""

    def __init__(self, problem: Problem, cells: Cells) -> None:
        self._count: dict[tuple[int, str, int], int] = {
            (cover.day, cover.language or "", cover.minute): 0 for cover in problem.covers if cover.group is not None
        }
        for person in problem.people:
            for day, kind in enumerate(cells[person.id]):
                if kind is not None and person.groups:
                    self.moved(day, kind, 1)

    def can_go(self, day: int, kind: str) -> bool:
        """Whether another woman is there all the time of this shift."""
        return all(self._count.get(slot, 2) > 1 for slot in self._slots(day, kind))

    def moved(self, day: int, kind: str, by: int) -> None:
        """A shift of this kind has so many women more."""
        for slot in self._slots(day, kind):
            if slot in self._count:
                self._count[slot] += by

    def _slots(self, day: int, kind: str) -> Iterator[tuple[int, str, int]]:
        when, line = parts(kind)
        return ((at, line, minute) for at, minute in _half_hours(day, when))


class _Pool:
    """Who is asked first for a shift, and what a shift is worth."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self.worked: dict[str, int] = defaultdict(int)
        """Contract minutes so far."""
        self._unwanted = {(wish.person, wish.day) for wish in problem.wishes if wish.kind is None and not wish.on}
        self._core = {cover.language for cover in problem.covers if cover.group is not None}
        self._lines = {
            one.id: {problem.kind[kind].language or "" for kind in one.kinds} for one in problem.people
        }  # fmt: skip
        self.speakers: dict[str, list[str]] = defaultdict(list)
        """People by line."""
        for who, lines in self._lines.items():
            for line in lines:
                self.speakers[line].append(who)

    def gain(self, short: Sequence[Open], day: int, kind: ShiftKind) -> float:
        """Half-hours that are short now, of people or of a woman. Core lines have a desk by day and on weekdays, what is asked for seldom
        is on call."""
        when, line = parts(kind.id)
        found = sum(
            any(one.get((at, line), {}).get(minute, 0) > 0 for one in short) for at, minute in _half_hours(day, when)
        )
        weekend = (self._problem.first_weekday + day) % 7 >= 5
        if line not in self._core:
            return found * (1.0 if when.on_call else 0.2)
        if not when.on_call:
            return found * (0.7 if when.word == "day" else 1.0)  # Early and late meet without a gap.
        return found * (1.0 if when.end > _DAY else 0.9 if weekend else 0.4)

    def asked(self, cells: Cells, day: int, kind: ShiftKind, *, by_woman: bool) -> list[str]:
        """Speakers of the line who are free that day, in the order in which they are asked. ``by_woman``: women first; else they come last,
        and are left for where one is wanted."""
        line = kind.language or ""
        by_day = line in self._core and not parts(kind.id)[0].on_call

        def order(who: str) -> tuple[bool, bool, bool, int, int, bool, float, str]:
            others = [len(self.speakers[one]) for one in self._lines[who] if one != line]
            person = self._problem.person[who]
            share = self.worked[who] / max(1, person.target_minutes)
            return (
                (who, day) in self._unwanted,
                by_woman != bool(person.groups),
                day == 0 or cells[who][day - 1] != kind.id,
                int(share * 5),
                -min(others, default=99) // 3,
                by_day and not person.groups,
                share,
                who,
            )

        return sorted((who for who in self.speakers[line] if cells[who][day] is None), key=order)


def _half_hours(day: int, when: ShiftTime) -> Iterator[tuple[int, int]]:
    for minute in range(when.start, when.end, SLOT):
        yield day + minute // _DAY, minute % _DAY


async def _offer(services: Services, uow: UnitOfWork, roster_id: str, codes: dict[str, str]) -> None:
    """One shift that a colleague could take, and one that a colleague would take though no woman stays: a coordinator decides."""
    rosters = services.rosters
    held = await rosters.keeper.read(uow, roster_id)
    rows = (
        await uow.session.scalars(select(Shift).where(Shift.roster_id == roster_id).order_by(Shift.day, Shift.id))
    ).all()
    shifts = [shift for shift in rows if shift.starts_at > uow.now + timedelta(days=1)]
    offered: set[str] = set()
    for code in _OFFERS:
        taker = codes[code]
        found = next((one for one in shifts if one.id not in offered and not why_not(held, one, taker)), None)
        if found is not None:
            await rosters.swaps.ask(uow, found.id, found.interpreter_id)
            offered.add(found.id)
            break
    women = {person.id for person in held.problem.people if person.groups}
    short = sum(gap.missing for gap in checker.gaps(held.problem, held.cells))
    for shift in shifts:
        if shift.interpreter_id not in women or shift.id in offered:
            continue
        day = (shift.day - held.row.starts_on).days
        for taker in sorted(held.cells.keys() - women):
            if why_not(held, shift, taker):
                continue
            after = dict(held.cells)
            after[shift.interpreter_id] = checker.replaced(after[shift.interpreter_id], day, None)
            after[taker] = checker.replaced(after[taker], day, shift.kind)
            if sum(gap.missing for gap in checker.gaps(held.problem, after)) > short:
                await rosters.swaps.take(uow, await rosters.swaps.ask(uow, shift.id, shift.interpreter_id), taker)
                return
