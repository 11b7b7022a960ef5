"""Somebody drops out for a day or a week: the coordinator's request, from the question to the stored proposals, on both databases.

300 interpreters and 2,000 agreed appointments of four weeks; the whole server answers in this process (session, rights, audit, commit).
Beside it stands the pure repair in the figures of ``assignment``.
"""

from __future__ import annotations

import random
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.access import Country, Role
from core.clock import ManualClock
from core.db import migrate
from core.db.session import Database
from scheduler.lifecycle import AssignmentState, BookingState
from scheduler.models import Assignment, Booking
from signaling.schema import CONFLICTS
from tests.bench.figures import Figure, percentile
from tests.scheduler.world import SYSTEM, World, pair
from tests.services import Postgres
from tests.signaling.house import open_house, settings_for

PEOPLE, BOOKINGS, DROPS, WARM = 300, 2_000, 60, 5
_LANGUAGES = ("pbt", "prs", "pes", "apc", "acm", "urd", "som", "kmr", "ckb", "tur")
_SCARCE, _FEW = ("amh", "tir"), 3
"""Languages of as many people as stand here: where one of them drops out, others have to move."""
_REST = timedelta(minutes=30)
Spans = list[tuple[datetime, datetime]]


async def _world(database: Database, clock: ManualClock, dice: random.Random) -> dict[str, Spans]:
    """The pool, and its agreed appointments: everybody's own copy of one booking, each at a time when they are free."""
    world = await World(database, clock).begin()
    every = (*_LANGUAGES, *_SCARCE)
    speaks: dict[str, list[str]] = {language: [] for language in every}
    for number in range(PEOPLE):
        languages = dice.sample(_LANGUAGES, dice.choice([1, 2, 2, 3]))
        languages += [one for place, one in enumerate(_SCARCE) if number // _FEW == place]
        (who,) = await world.interpreters(1, available=False, pairs=[pair(one, "srp") for one in languages])
        for one in languages:
            speaks[one].append(who)
    first = {one: await world.request(kind="appointment", language=one, in_hours=24) for one in every}
    rows = {one: await world.booking(first[one]) for one in every}
    busy: dict[str, Spans] = {who: [] for people in speaks.values() for who in people}
    midnight = clock.now().astimezone(UTC).replace(hour=0, minute=0)
    made = 0
    # a step has one open booking
    steps = [await world.case() for _ in range(BOOKINGS)]
    async with database.unit(SYSTEM) as uow:
        while made < BOOKINGS:
            language = dice.choice(every)
            day, minutes = dice.randrange(1, 29), dice.choice([30, 60, 90, 120])
            start = midnight + timedelta(days=day, minutes=15 * dice.randrange(28, 68))
            end = start + timedelta(minutes=minutes)
            free = [
                who
                for who in speaks[language]
                if all(end + _REST <= low or high + _REST <= start for low, high in busy[who])
                and sum(low.date() == start.date() for low, _ in busy[who]) < (3 if language in _SCARCE else 2)
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
    return busy


async def _measure(kind: str, url: str, folder: Path) -> list[Figure]:
    """One person at a time drops out, for a day and for a week: the request of the coordinator's page, answered by the whole server."""
    dice = random.Random(11)
    clock = ManualClock()
    figures: list[Figure] = []
    database = Database.open(url, clock, conflicts=CONFLICTS)
    try:
        work = await _world(database, clock, dice)
    finally:
        await database.close()
    async with open_house(settings_for(url, folder), clock) as house:
        await house.account("C-RS", Role.COORDINATOR, Country.RS)
        coordinator = await house.signed_in("C-RS")
        # who works more drops out more often
        people = [who for who, spans in sorted(work.items()) for _ in spans]
        for days, limit in ((1, 100), (7, None)):
            felt: list[float] = []
            spent: list[float] = []
            changed = moved = 0
            while len(felt) < DROPS + WARM:
                who = dice.choice(people)
                start = clock.now() + timedelta(days=dice.randrange(2, 21))
                end = start + timedelta(days=days)
                if not any(low < end and start < high for low, high in work[who]):
                    continue
                asked = {
                    "country": "RS", "interpreter_ids": [who], "starts_at": start.isoformat(), "ends_at": end.isoformat()
                }  # fmt: skip
                began, used = time.perf_counter(), time.process_time()
                answer = await coordinator.post("/api/plans/repairs", asked)
                felt.append(1000 * (time.perf_counter() - began))
                spent.append(1000 * (time.process_time() - used))
                assert answer.status_code == 201, answer.text
                plans = answer.json()["items"]
                changed = max(changed, *(plan["bookings"] for plan in plans))
                moved += len(plans) > 1
            felt, spent = felt[WARM:], spent[WARM:]
            name = f"{kind}: whole request, away for {days} d"
            note = f"{PEOPLE} people, {BOOKINGS} agreed appointments; up to {changed} bookings, {moved} times with others moved"
            figures.append(Figure(f"{name}: p50", percentile(felt, 50), "ms", note=note))
            figures.append(Figure(f"{name}: p95", percentile(felt, 95), "ms", limit=limit, note=note))
            figures.append(
                Figure(f"{name}: p95 of processor time", percentile(spent, 95), "ms", note="of the server's process")
            )
    return figures


async def run() -> list[Figure]:
    """Both databases, each as it is deployed: SQLite in a file, PostgreSQL with fsync in a process of its own."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="tarjuman-repair-") as folder:
        url = f"sqlite+aiosqlite:///{Path(folder) / 'tarjuman.db'}"
        migrate.upgrade(url)
        figures += await _measure("SQLite", url, Path(folder))
    with tempfile.TemporaryDirectory(prefix="tarjuman-repair-") as folder:
        server = Postgres.start(durable=True)
        try:
            figures += await _measure("PostgreSQL", server.create(), Path(folder))
        finally:
            server.stop()
    return figures
