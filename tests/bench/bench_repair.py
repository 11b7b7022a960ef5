"""Somebody drops out for a day or a week: the whole way of a proposal with its database, from the question to the stored proposals.

300 interpreters and 2,000 agreed appointments of four weeks in a database of this process's own; as the coordinator's page asks for
it, in one transaction. Beside it stands the pure repair in the figures of ``assignment``. Processor time of this process.
"""

from __future__ import annotations

import random
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.clock import ManualClock
from core.db import migrate
from core.db.session import Database
from scheduler.lifecycle import AssignmentState, BookingState
from scheduler.models import Assignment, Booking
from signaling.schema import CONFLICTS
from tests.bench.figures import Figure, percentile
from tests.scheduler.world import COORDINATOR, SYSTEM, World, pair

PEOPLE, BOOKINGS, DROPS = 300, 2_000, 60
_LANGUAGES = ("pbt", "prs", "pes", "apc", "acm", "urd", "som", "kmr", "ckb", "tur")
_REST = timedelta(minutes=30)


async def _world(url: str, dice: random.Random) -> tuple[World, list[str]]:
    """The pool, and its agreed appointments: everybody's own copy of one booking, each at a time when they are free."""
    clock = ManualClock()
    database = Database.open(url, clock, conflicts=CONFLICTS)
    world = await World(database, clock).begin()
    speaks: dict[str, list[str]] = {language: [] for language in _LANGUAGES}
    for _ in range(PEOPLE):
        languages = dice.sample(_LANGUAGES, dice.choice([1, 2, 2, 3]))
        (who,) = await world.interpreters(1, available=False, pairs=[pair(one, "srp") for one in languages])
        for one in languages:
            speaks[one].append(who)
    first = {one: await world.request(kind="appointment", language=one, in_hours=24) for one in _LANGUAGES}
    rows = {one: await world.booking(first[one]) for one in _LANGUAGES}
    busy: dict[str, list[tuple[datetime, datetime]]] = {who: [] for people in speaks.values() for who in people}
    midnight = clock.now().astimezone(UTC).replace(hour=0, minute=0)
    made = 0
    # a step has one open booking
    steps = [await world.case() for _ in range(BOOKINGS)]
    async with database.unit(SYSTEM) as uow:
        while made < BOOKINGS:
            language = dice.choice(_LANGUAGES)
            day, minutes = dice.randrange(1, 29), dice.choice([30, 60, 90, 120])
            start = midnight + timedelta(days=day, minutes=15 * dice.randrange(28, 68))
            end = start + timedelta(minutes=minutes)
            free = [
                who
                for who in speaks[language]
                if all(end + _REST <= low or high + _REST <= start for low, high in busy[who])
                and sum(low.date() == start.date() for low, _ in busy[who]) < 2
            ]
            if not free:
                continue
            who, like = dice.choice(free), rows[language]
            busy[who].append((start, end))
            columns = {one.key: getattr(like, one.key) for one in Booking.__mapper__.column_attrs}
            case_id, step_id = steps[made]
            need = {**like.need, "case_id": case_id, "at": start.isoformat(), "minutes": minutes}
            columns.update(
                id=f"booking_bench{made:05d}", case_id=case_id, step_id=step_id, state=BookingState.ASSIGNED,
                starts_at=start, ends_at=end, need=need, idempotency_key=None, interpreter_id=who, session_id=None,
            )  # fmt: skip
            uow.session.add(Booking(**columns))
            await uow.flush()
            uow.session.add(
                Assignment(
                    id=f"work_bench{made:05d}", booking_id=columns["id"], country="RS", interpreter_id=who, leg=1,
                    state=AssignmentState.ACTIVE, starts_at=start, ends_at=end, busy_until=end + _REST, minutes=minutes,
                    made_by="bench", made_at=uow.now,
                )
            )  # fmt: skip
            made += 1
    return world, sorted(busy)


async def run() -> list[Figure]:
    """One person at a time drops out, for a day and for a week."""
    dice = random.Random(11)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="tarjuman-repair-") as folder:
        url = f"sqlite+aiosqlite:///{Path(folder) / 'tarjuman.db'}"
        migrate.upgrade(url)
        world, people = await _world(url, dice)
        try:
            for days, limit in ((1, 100), (7, None)):
                times: list[float] = []
                moved = 0
                while len(times) < DROPS:
                    who = dice.choice(people)
                    start = world.clock.now() + timedelta(days=dice.randrange(2, 21))
                    async with world.database.read(SYSTEM) as unit:
                        repairs = world.services.plans.repairs
                        agreed = await repairs.agreed(unit, "RS", start, start + timedelta(days=days))
                    if not any(who in legs.values() for legs in agreed.values()):
                        continue
                    began = time.process_time()
                    async with world.database.unit(COORDINATOR) as uow:
                        plans = await repairs.propose(uow, "RS", [who], start, start + timedelta(days=days))
                    times.append(1000 * (time.process_time() - began))
                    moved = max(moved, max(plan.bookings for plan in plans))
                name = f"whole proposal with the database, away for {days} d"
                note = f"{PEOPLE} people, {BOOKINGS} agreed appointments, SQLite, processor time; up to {moved} bookings each"
                figures.append(Figure(f"{name}: p50", percentile(times, 50), "ms", note=note))
                figures.append(Figure(f"{name}: p95", percentile(times, 95), "ms", limit=limit, note=note))
        finally:
            await world.database.close()
    return figures
