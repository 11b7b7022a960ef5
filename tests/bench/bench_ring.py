"""The ring under load on a PostgreSQL server that waits for its disk: from a request to its offers, from an acceptance to the assignment.

Requests come at random times, half as often again as the 700 an hour of the target, each rings
eight, two of these accept at the same moment; three scheduler workers run beside. Compared with ringing one
person at a time (as ``linear`` queues and one reservation per task do), by drawing the same answers for both.
"""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import suppress
from datetime import timedelta
from typing import cast

from sqlalchemy import update

from core.clock import ManualClock, SystemClock
from core.db.session import Database
from core.errors import AppError
from core.tasks import end
from scheduler.ladder import LadderState, Odds, Rung, RungKind, next_rung
from scheduler.models import Interpreter, Presence
from scheduler.ranking import rank
from scheduler.ring.policy import FILES, LadderPolicy, read_policy
from scheduler.worker import SchedulerWorker
from signaling.schema import CONFLICTS
from tests.bench.figures import Figure, percentile
from tests.scheduler.samples import NOW, OPEN, need, person
from tests.scheduler.world import COORDINATOR, OFFICER, SYSTEM, World
from tests.services import Postgres

PEOPLE, REQUESTS, WIDTH, WORKERS = 60, 60, 8, 3
PER_SECOND = 0.3
"""Requests; 1,080 an hour, half as many again as the target."""
LIMIT_S = 0.5
DRAWS = 4000
ACCEPTS, THINKS_S = 0.65, (2.0, 9.0)
"""For the comparison: chance that somebody accepts, and how long they take to answer."""


async def _load(world: World, steps: list[str]) -> tuple[list[float], list[float], int]:
    rings: list[float] = []
    accepts: list[float] = []
    late = 0
    chance = random.Random(3)

    async def one(step_id: str) -> None:
        nonlocal late
        began = time.perf_counter()
        booking = await world.request(step_id)
        rings.append(time.perf_counter() - began)
        offers = await world.offers(booking)
        await asyncio.sleep(chance.uniform(0.1, 0.4))
        won = False
        for two in (offers[:2], offers[2:4], offers[4:6], offers[6:]):
            answers = await asyncio.gather(*(timed(offer) for offer in two))
            won = won or any(answers)
            late += sum(not answer for answer in answers)
            if won:
                break
        await asyncio.sleep(chance.uniform(2, 6))
        with suppress(AppError):
            async with world.database.unit(OFFICER) as uow:
                await world.services.bookings.cancel(uow, booking, reason="other")

    async def timed(offer: object) -> bool:
        started = time.perf_counter()
        try:
            await world.database.retry(lambda: world.accept(offer))  # type: ignore[arg-type]
        except AppError:
            return False
        accepts.append(time.perf_counter() - started)
        return True

    tasks = []
    for step_id in steps:
        tasks.append(asyncio.create_task(one(step_id)))
        await asyncio.sleep(chance.expovariate(PER_SECOND))
    await asyncio.gather(*tasks)
    return rings, accepts, late


async def _measure(url: str) -> list[Figure]:
    clock = cast(ManualClock, SystemClock())
    database = Database.open(url, clock, conflicts=CONFLICTS)
    others = [Database.open(url, clock, conflicts=CONFLICTS) for _ in range(WORKERS)]
    world = await World(database, clock).begin()
    try:
        await world.interpreters(PEOPLE)
        async with database.unit(SYSTEM) as uow:
            await uow.session.execute(update(Presence).values(seen_until=uow.now + timedelta(hours=1)))
            await uow.session.execute(update(Interpreter).values(devices_checked_at=uow.now))
        policy = read_policy(FILES["RS"]).model_dump(mode="json")
        policy["rungs"][1] |= {"least": WIDTH, "most": WIDTH}
        async with database.unit(COORDINATOR) as uow:
            await world.services.policies.change(uow, LadderPolicy.model_validate(policy), version=0)
        steps = [(await world.case())[1] for _ in range(REQUESTS + 5)]
        for step in steps[:5]:
            await world.request(step)
        workers = [SchedulerWorker(own, world.services, world.cases, world.log, clock) for own in others]
        stops = [own.on_news(worker.wake) for own, worker in zip(others, workers, strict=True)]
        tasks = [asyncio.create_task(worker.run()) for worker in workers]
        try:
            began = time.perf_counter()
            rings, accepts, late = await _load(world, steps[5:])
            rate = REQUESTS / (time.perf_counter() - began) * 3600
        finally:
            await end(tasks)
            for stop in stops:
                stop()
    finally:
        for one in (database, *others):
            await one.close()
    note = f"{REQUESTS} requests x {WIDTH} offers, {rate:.0f} an hour, {PEOPLE} on line, {WORKERS} workers, PostgreSQL with fsync"
    figures = []
    for name, values in (("request to offers", rings), ("accept to assigned", accepts)):
        figures += [Figure(f"{name}, p{percent}", percentile(values, percent), "s", note=note) for percent in (50, 95)]
        figures.append(Figure(f"{name}, p99", percentile(values, 99), "s", limit=LIMIT_S, note=note))
    figures.append(Figure("acceptances that came second", float(late), "", note="told so; nobody was booked twice"))
    return figures


def _time_to_answer(ladder: tuple[Rung, ...], seed: int) -> float | None:
    """Seconds until somebody accepts; none if the coordinator is reached first."""
    chance = random.Random(seed)
    answers = {f"int_{n:04d}": (chance.random() < ACCEPTS, chance.uniform(*THINKS_S)) for n in range(1, 17)}
    matches = rank(need(), [person(n) for n in range(1, 17)], OPEN)
    state, asked, now = LadderState(), set[str](), NOW
    while (found := next_rung(state, matches, asked, now, ladder=ladder, odds=Odds())) is not None:
        ids = [match.candidate.id for match in found.matches]
        yes = [answers[who][1] for who in ids if answers[who][0]]
        if yes:
            return (now - NOW).total_seconds() + min(yes)
        if found.deadline is None:
            return None
        # When all have declined, the next round rings at once.
        now = min(found.deadline, now + timedelta(seconds=max(answers[who][1] for who in ids)))
        state, asked = found.state, asked | set(ids)
    return None


def _compare() -> list[Figure]:
    ours = read_policy(FILES["RS"]).ladder
    single = (*(Rung(RungKind.BEST, 20, 1, 1) for _ in range(16)), Rung(RungKind.COORDINATOR, 0))
    note = f"{DRAWS} draws, {ACCEPTS:.0%} accept, answers after {THINKS_S[0]:.0f}-{THINKS_S[1]:.0f} s, declines at once"
    figures = []
    for name, ladder in (("width by chance", ours), ("one at a time", single)):
        times = [_time_to_answer(ladder, seed) for seed in range(DRAWS)]
        known = [value if value is not None else float("inf") for value in times]
        figures += [
            Figure(f"wait for an answer, {name}, p{percent}", percentile(known, percent), "s", note=note)
            for percent in (50, 90, 99)
        ]
    return figures


def run() -> list[Figure]:
    """Start a server, load it, stop it; then the comparison."""
    server = Postgres.start(durable=True)
    try:
        figures = asyncio.run(_measure(server.create()))
    finally:
        server.stop()
    return figures + _compare()
