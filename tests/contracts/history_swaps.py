"""Swaps of shifts in random histories: their operations, and the judge of what they leave.

Part of :mod:`tests.contracts.histories`. One roster is published before the play; from then on its shifts only change hands.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import select

from core.errors import NotFound
from scheduler.foresight import Foresight
from scheduler.languages import load_languages
from scheduler.models import Interpreter
from scheduler.rosters import checker
from scheduler.rosters.duty import RosterDuties
from scheduler.rosters.lifecycle import SwapState
from scheduler.rosters.models import RosterPeriod, RosterVersion, Shift, ShiftSwap
from scheduler.rosters.service import Held
from scheduler.rosters.services import Rosters
from tests.contracts.history_plans import Facts, Move
from tests.scheduler.world import COORDINATOR, SYSTEM, World

KIND = "D:pbt"
T = TypeVar("T")
_OPEN = (SwapState.ASKED, SwapState.TAKEN)


def rosters(world: World) -> Rosters:
    """The services of rosters over the same database."""
    table = load_languages()
    foresight = Foresight.build(world.database, world.clock, table, duties=[RosterDuties()])
    return Rosters.build(world.database, world.clock, table, foresight.cover)


async def publish(world: World, people: Sequence[str]) -> None:
    """A week that begins on a Monday to come: on each day one of ``people`` has the day shift."""
    keeper = rosters(world).keeper
    today = world.clock.now().date()
    monday = today + timedelta(days=14 - today.weekday())
    async with world.database.unit(COORDINATOR) as uow:
        roster = await keeper.begin(uow, "RS", monday, 1)
        moves = [(people[day % len(people)], day, KIND) for day in range(7)]
        held = await keeper.change(uow, roster, version=1, moves=moves)
        await keeper.publish(uow, roster, version=held.version.number, with_gaps=True)


class SwapMoves:
    """Operations of one worker."""

    def __init__(self, world: World, dice: random.Random) -> None:
        self._world, self._dice = world, dice
        self._swaps = rosters(world).swaps
        self.moves: list[Move] = [
            (4, "give", self._give),
            (5, "take", self._take),
            (3, "decide", self._decide),
            (1, "keep", self._keep),
        ]

    async def _give(self, facts: Facts) -> Facts:
        wanted = select(Shift).where(Shift.ended_version.is_(None)).order_by(Shift.day)
        async with self._world.database.read(SYSTEM) as unit:
            shift = self._chosen((await unit.session.scalars(wanted)).all())
        facts["invoke"](shift=shift.id, who=shift.interpreter_id)
        async with self._world.database.unit(SYSTEM) as uow:
            return {"swap": await self._swaps.ask(uow, shift.id, shift.interpreter_id)}

    async def _take(self, facts: Facts) -> Facts:
        swap = await self._a_swap(*_OPEN)
        wanted = select(Interpreter.id).where(Interpreter.id != swap.from_id).order_by(Interpreter.id)
        async with self._world.database.read(SYSTEM) as unit:
            who = self._chosen((await unit.session.scalars(wanted)).all())
        facts["invoke"](swap=swap.id, who=who)
        async with self._world.database.unit(SYSTEM) as uow:
            state = await self._swaps.take(uow, swap.id, who)
        return {"swap": swap.id, "who": who, "state": state.value}

    async def _decide(self, facts: Facts) -> Facts:
        swap = await self._a_swap(SwapState.TAKEN)
        agreed = self._dice.random() < 0.7
        facts["invoke"](swap=swap.id, agreed=agreed)
        async with self._world.database.unit(COORDINATOR) as uow:
            await self._swaps.decide(uow, swap.id, agreed=agreed)
        return {"swap": swap.id, "agreed": agreed}

    async def _keep(self, facts: Facts) -> Facts:
        swap = await self._a_swap(*_OPEN)
        facts["invoke"](swap=swap.id)
        async with self._world.database.unit(SYSTEM) as uow:
            await self._swaps.withdraw(uow, swap.id, swap.from_id)
        return {"swap": swap.id}

    async def _a_swap(self, *states: SwapState) -> ShiftSwap:
        wanted = select(ShiftSwap).where(ShiftSwap.state.in_(states)).order_by(ShiftSwap.id.desc()).limit(10)
        async with self._world.database.read(SYSTEM) as unit:
            return self._chosen((await unit.session.scalars(wanted)).all())

    def _chosen(self, found: Sequence[T]) -> T:
        if not found:
            raise NotFound("nothing_there")
        return self._dice.choice(found)


@dataclass
class Left:
    """What is left of a published roster."""

    held: Held
    begun: Mapping[str, Sequence[str | None]]
    """The cells as they were published first."""
    swapped: int
    """Versions that a swap has made."""
    shifts: Sequence[Shift]
    """Those that hold."""
    swaps: Mapping[str, ShiftSwap]


async def left(world: World) -> Left:
    """Read it."""
    keeper = rosters(world).keeper
    async with world.database.read(SYSTEM) as unit:
        roster = (await unit.session.scalars(select(RosterPeriod))).one()
        versions = (await unit.session.scalars(select(RosterVersion).order_by(RosterVersion.number))).all()
        return Left(
            held=await keeper.read(unit, roster.id),
            begun=next(row.cells for row in versions if row.cause == "hand"),
            swapped=sum(row.cause == "swap" for row in versions),
            shifts=(await unit.session.scalars(select(Shift).where(Shift.ended_version.is_(None)))).all(),
            swaps={row.id: row for row in await unit.session.scalars(select(ShiftSwap))},
        )


def worked(cells: Mapping[str, Sequence[str | None]]) -> Counter[tuple[str, int, str]]:
    """Who works what on which day."""
    return Counter((who, day, kind) for who, row in cells.items() for day, kind in enumerate(row) if kind is not None)


def shifts(found: Left) -> list[str]:
    """No shift is lost or doubled, the roster says what the shifts say, its rules hold, and each swap was done once."""
    start = found.held.row.starts_on
    now = Counter((row.interpreter_id, (row.day - start).days, row.kind) for row in found.shifts)
    wrong = []
    if now != worked(found.held.cells):
        wrong.append("the roster and the shifts differ")
    before, after = (Counter((day, kind) for _, day, kind in one.elements()) for one in (worked(found.begun), now))
    if before != after:
        wrong.append(f"shifts are lost or doubled: {before - after} {after - before}")
    wrong += [f"a rule is broken: {breach}" for breach in checker.breaches(found.held.problem, found.held.cells)]
    done = sum(swap.state is SwapState.DONE for swap in found.swaps.values())
    if done != found.swapped:
        wrong.append(f"{done} swaps are done, and shifts changed hands {found.swapped} times")
    waiting = Counter(swap.shift_id for swap in found.swaps.values() if swap.state in _OPEN)
    return wrong + [f"{shift} is given {count} times at once" for shift, count in waiting.items() if count > 1]


def kept(history: Sequence[Mapping[str, Any]], found: Left) -> list[str]:
    """Nothing that was acknowledged is lost."""
    return [
        f"{line['op']} {line['kind']} was acknowledged and is lost: {dict(line)}"
        for line in history
        if line["phase"] == "ok" and line["kind"] in KINDS and not _is_kept(line, found.swaps.get(line["swap"]))
    ]


def _is_kept(line: Mapping[str, Any], swap: ShiftSwap | None) -> bool:
    if swap is None:
        return False
    match line["kind"]:
        case "take" if line["state"] == SwapState.DONE:
            return swap.state is SwapState.DONE and swap.to_id == line["who"]
        case "take":
            return swap.taken_at is not None and swap.to_id is not None
        case "decide":
            return swap.state is (SwapState.DONE if line["agreed"] else SwapState.REFUSED)
        case "keep":
            return swap.state is SwapState.WITHDRAWN
        case _:
            return True


KINDS = frozenset({"give", "take", "decide", "keep"})
"""Operations that are judged here."""
