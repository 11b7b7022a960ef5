"""Random histories of bookings under kills, and the judge of what is left: a small cousin of Jepsen.

Worker processes do random operations on one database through the real services and write down each one before and after it
(``invoke``, then ``ok``, ``refused`` or ``unknown``). They are killed without warning and started again; on PostgreSQL the server is
killed too and connections are cut. Afterwards ``judge`` compares the database with what was acknowledged and what was refused.

Run by ``tests/contracts/test_histories.py`` (seconds) and ``tests/bench/soak_histories.py`` (minutes).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import psycopg
from sqlalchemy import select, update

from core.clock import ManualClock, SystemClock, new_id
from core.db.errors import is_transient
from core.db.session import Database
from core.errors import AppError, NotFound
from records.models import ProcedureStep
from scheduler.booking.series import Frequency, NewSeries, SeriesRule
from scheduler.bookings import NewBooking
from scheduler.calendars.models import AvailabilitySpan, CalendarState
from scheduler.legs import Way
from scheduler.lifecycle import KEPT, AssignmentState, BookingState, DeclineReason, OfferState
from scheduler.models import Assignment, Booking, Interpreter, Offer, Presence
from signaling.schema import CONFLICTS
from tests.contracts import history_plans, history_swaps
from tests.scheduler.world import COORDINATOR, OFFICER, SYSTEM, World, pair
from tests.services import Postgres

AT_ONCE = 3
"""Operations of one worker that run at the same time."""
PEOPLE, RELAY_PAIRS = 5, 2
DAYS = 3
"""Days with stated hours: few, so that everybody wants the same times."""
LONGEST_OP = 8.0


# What a worker does


class Recorder:
    """Appends lines to a file in a way that a kill cannot take back."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)

    def write(self, **line: object) -> None:
        os.write(self._file, (json.dumps(line, default=str) + "\n").encode())


class Player:
    """One worker: random operations until it is told (or killed) to stop."""

    def __init__(self, world: World, recorder: Recorder, seed: int) -> None:
        self._world = world
        self._recorder = recorder
        self._random = random.Random(seed)
        self._moves: list[tuple[int, str, Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]]] = [
            (3, "request", self._request),
            (8, "accept", self._accept),
            (2, "decline", self._decline),
            (5, "book", self._book),
            (4, "hold", self._hold),
            (4, "confirm", self._confirm),
            (3, "reschedule", self._reschedule),
            (3, "cancel", self._cancel),
            (3, "release", self._release),
            (2, "place", self._place),
            (1, "series", self._series),
            (3, "wait", self._wait),
            (3, "tick", self._tick),
            *history_plans.PlanMoves(world, self._random).moves,
            *history_swaps.SwapMoves(world, self._random).moves,
        ]

    async def play(self, until: float) -> None:
        """Several operations at a time until that monotonic instant."""
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._line(until))

    async def _line(self, until: float) -> None:
        weights = [weight for weight, _, _ in self._moves]
        while time.monotonic() < until:
            _, name, move = self._random.choices(self._moves, weights)[0]
            op = new_id("op")
            facts: dict[str, Any] = {}

            def invoke(op: str = op, name: str = name, **args: object) -> None:
                self._recorder.write(op=op, kind=name, phase="invoke", **args)

            facts["invoke"], facts["op"] = invoke, op
            try:
                async with asyncio.timeout(LONGEST_OP):
                    result = await move(facts)
            except AppError as error:
                unknown = is_transient(error)
                self._recorder.write(op=op, kind=name, phase="unknown" if unknown else "refused", code=error.code)
                await asyncio.sleep(0.2 if unknown else 0)
            except (TimeoutError, OSError) as error:
                self._recorder.write(op=op, kind=name, phase="unknown", code=type(error).__name__)
            except Exception as error:  # the judge counts them: an answer that nobody coded
                self._recorder.write(op=op, kind=name, phase="defect", code=f"{type(error).__name__}: {error}"[:300])
            else:
                self._recorder.write(op=op, kind=name, phase="ok", **result)

    async def _step(self, language: str = "pbt") -> str:
        _, step = await self._world.case(language=language)
        return step

    def _time(self) -> datetime:
        """A time that no other operation asks for: a round one and some microseconds."""
        day = self._world.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        ahead = timedelta(days=self._random.randint(1, DAYS), minutes=15 * self._random.randint(32, 60))
        return day + ahead + timedelta(microseconds=self._random.randint(1, 999_999))

    async def _request(self, facts: dict[str, Any]) -> dict[str, Any]:
        language = self._random.choice(["pbt", "pbt", "prs"])
        step = await self._step(language)
        new = NewBooking(step, "now", language, "srp", minutes=20)
        facts["invoke"](key=facts["op"])
        async with self._world.database.unit(OFFICER) as uow:
            booking = await self._world.services.bookings.request(uow, new, idempotency_key=facts["op"])
            return {"booking": booking.id}

    async def _book(self, facts: dict[str, Any]) -> dict[str, Any]:
        way = self._random.choice(["direct", "direct", "direct", "team", "relay"])
        language = "prs" if way == "relay" else "pbt"
        step = await self._step(language)
        at = self._time()
        new = NewBooking(step, "appointment", language, "srp", at, self._random.choice([20, 45, 90]), way=way)
        facts["invoke"](key=facts["op"])
        async with self._world.database.unit(OFFICER) as uow:
            booking = await self._world.services.appointments.book(uow, new, idempotency_key=facts["op"])
            return {"booking": booking.id, "state": booking.state.value, "way": way}

    async def _wait(self, facts: dict[str, Any]) -> dict[str, Any]:
        """Two interpreters at a time of the officer's own: where they are not to be had, it stands in the waiting list."""
        way = self._random.choice(["team", "relay"])
        language = "prs" if way == "relay" else "pbt"
        step = await self._step(language)
        new = NewBooking(step, "appointment", language, "srp", self._time(), 90, way=way)
        facts["invoke"](key=facts["op"])
        async with self._world.database.unit(OFFICER) as uow:
            booking = await self._world.services.bookings.request(uow, new, idempotency_key=facts["op"])
            return {"booking": booking.id}

    async def _hold(self, facts: dict[str, Any]) -> dict[str, Any]:
        step = await self._step()
        new = NewBooking(step, "appointment", "pbt", "srp", self._time(), 45)
        facts["invoke"](key=facts["op"])
        span = timedelta(minutes=self._random.choice([1, 30]))
        async with self._world.database.unit(OFFICER) as uow:
            booking = await self._world.services.appointments.hold(uow, new, span=span, idempotency_key=facts["op"])
            return {"booking": booking.id}

    async def _confirm(self, facts: dict[str, Any]) -> dict[str, Any]:
        booking_id = await self._some(BookingState.HELD)
        facts["invoke"](booking=booking_id)
        async with self._world.database.unit(OFFICER) as uow:
            await self._world.services.appointments.confirm(uow, booking_id)
            return {"booking": booking_id}

    async def _reschedule(self, facts: dict[str, Any]) -> dict[str, Any]:
        booking_id = await self._some(BookingState.ASSIGNED, kind="appointment")
        at = self._time()
        facts["invoke"](booking=booking_id, at=at)
        async with self._world.database.unit(OFFICER) as uow:
            await self._world.services.appointments.reschedule(uow, booking_id, starts_at=at)
            return {"booking": booking_id, "at": at}

    async def _cancel(self, facts: dict[str, Any]) -> dict[str, Any]:
        states = (BookingState.ASSIGNED, BookingState.OFFERING, BookingState.UNFILLED, BookingState.HELD)
        booking_id = await self._some(*states)
        facts["invoke"](booking=booking_id)
        async with self._world.database.unit(OFFICER) as uow:
            await self._world.services.bookings.cancel(uow, booking_id, reason="not_needed")
            return {"booking": booking_id}

    async def _release(self, facts: dict[str, Any]) -> dict[str, Any]:
        booking_id = await self._some(BookingState.ASSIGNED)
        async with self._world.database.read(SYSTEM) as unit:
            kept = await self._world.services.bookings.kept(
                unit, await self._world.services.bookings.get(unit, booking_id)
            )
        who = self._random.choice(kept).interpreter_id if kept else None
        facts["invoke"](booking=booking_id, who=who)
        async with self._world.database.unit(SYSTEM) as uow:
            await self._world.services.conduct.release(uow, booking_id, reason="ill", who=who)
            return {"booking": booking_id}

    async def _place(self, facts: dict[str, Any]) -> dict[str, Any]:
        booking_id = await self._some(BookingState.OFFERING, BookingState.UNFILLED)
        async with self._world.database.read(SYSTEM) as unit:
            people = (await unit.session.scalars(select(Interpreter.id))).all()
        who = self._random.choice(list(people))
        facts["invoke"](booking=booking_id, who=who)
        async with self._world.database.unit(COORDINATOR) as uow:
            await self._world.services.bookings.place(uow, booking_id, interpreter_id=who)
            return {"booking": booking_id, "who": who}

    async def _series(self, facts: dict[str, Any]) -> dict[str, Any]:
        step = await self._step()
        first = self._time()
        rule = SeriesRule(
            first.date(), first.time().replace(second=0, microsecond=0), "Europe/Belgrade", Frequency.DAILY, count=2
        )
        facts["invoke"](key=facts["op"])
        new = NewSeries(NewBooking(step, "appointment", "pbt", "srp", minutes=20), rule, self._random.random() < 0.5)
        async with self._world.database.unit(OFFICER) as uow:
            series = await self._world.services.series.book(uow, new, idempotency_key=facts["op"])
            rows = await self._world.services.series.bookings(uow, series.id)
            return {"bookings": [row.id for row in rows]}

    async def _accept(self, facts: dict[str, Any]) -> dict[str, Any]:
        offer = await self._an_offer()
        facts["invoke"](offer=offer.id, who=offer.interpreter_id, booking=offer.booking_id)
        await self._world.accept(offer)
        return {"offer": offer.id, "who": offer.interpreter_id, "booking": offer.booking_id}

    async def _decline(self, facts: dict[str, Any]) -> dict[str, Any]:
        offer = await self._an_offer()
        facts["invoke"](offer=offer.id)
        async with self._world.database.unit(SYSTEM) as uow:
            await self._world.services.offers.decline(
                uow, offer.id, interpreter_id=offer.interpreter_id, round_no=offer.round, reason=DeclineReason.NOT_NOW
            )
        return {"offer": offer.id}

    async def _tick(self, facts: dict[str, Any]) -> dict[str, Any]:
        facts["invoke"]()
        await self._world.worker.tick()
        return {}

    async def _some(self, *states: BookingState, kind: str | None = None) -> str:
        """Any booking in one of the states; the refusal ``nothing_there`` if there is none."""
        wanted = select(Booking.id).where(Booking.state.in_(states)).order_by(Booking.id.desc()).limit(40)
        if kind is not None:
            wanted = wanted.where(Booking.kind == kind)
        async with self._world.database.read(SYSTEM) as unit:
            found = (await unit.session.scalars(wanted)).all()
        if not found:
            raise _nothing()
        return self._random.choice(list(found))

    async def _an_offer(self) -> Offer:
        wanted = select(Offer).where(Offer.state == OfferState.PENDING).order_by(Offer.id.desc()).limit(40)
        async with self._world.database.read(SYSTEM) as unit:
            found = (await unit.session.scalars(wanted)).all()
        if not found:
            raise _nothing()
        return self._random.choice(list(found))


def _nothing() -> AppError:
    return NotFound("nothing_there")


def _world(database: Database) -> World:
    """The services on the clock of the machine; the worlds of other tests move theirs."""
    return World(database, cast(ManualClock, SystemClock()))


async def _work(url: str, log: str, seed: int, seconds: float) -> None:
    database = Database.open(url, SystemClock(), conflicts=CONFLICTS, pool_size=4)
    try:
        await Player(_world(database), Recorder(Path(log)), seed).play(time.monotonic() + seconds)
    finally:
        await database.close()


# The stage


async def prepare(url: str) -> None:
    """Sites, people on line with stated hours, and pairs who can only serve by relay."""
    clock = SystemClock()
    database = Database.open(url, clock, conflicts=CONFLICTS)
    world = await _world(database).begin()
    people = await world.interpreters(PEOPLE, pairs=[pair("pbt", "srp")])
    # Before anybody states hours: who has stated none can have any shift.
    await history_swaps.publish(world, people)
    people += await world.interpreters(RELAY_PAIRS, pairs=[pair("prs", "eng")])
    people += await world.interpreters(RELAY_PAIRS, pairs=[pair("eng", "srp")])
    midnight = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    async with database.unit(SYSTEM) as uow:
        await uow.session.execute(update(Presence).values(seen_until=clock.now() + timedelta(days=1)))
        for person in people:
            later = uow.now + timedelta(days=90)
            state = {"changed_at": uow.now, "expanded_from": uow.now, "expanded_to": later, "tz_version": "test"}
            uow.session.add(CalendarState(interpreter_id=person, **state))
            for day in range(1, DAYS + 1):
                start = midnight + timedelta(days=day, hours=8)
                hours = {"starts_at": start, "ends_at": start + timedelta(hours=8)}
                uow.session.add(
                    AvailabilitySpan(interpreter_id=person, kind="desk", source="rule", reachable_by=[], **hours)
                )
    await history_plans.open_briefings(database)
    await database.close()


@dataclass
class Run:
    """What one history came to."""

    operations: Counter[str] = field(default_factory=Counter)
    """By phase."""
    kinds: Counter[str] = field(default_factory=Counter)
    """Acknowledged ones by kind."""
    worker_kills: int = 0
    server_kills: int = 0
    cut_connections: int = 0
    violations: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Operations that were begun."""
        return self.operations["invoke"]


class Troupe:
    """The worker processes: started, killed, started again."""

    def __init__(self, url: str, folder: Path, seed: int, count: int, seconds: float) -> None:
        self._url = url
        self._log = folder / "history.jsonl"
        self._seed = seed
        self._until = time.monotonic() + seconds
        self._processes = [self._start() for _ in range(count)]

    def kill_one(self, chosen: random.Random) -> None:
        """SIGKILL, and another in its place."""
        place = chosen.randrange(len(self._processes))
        self._processes[place].kill()
        self._processes[place].wait(10)
        self._processes[place] = self._start()

    def kill_all(self) -> None:
        """SIGKILL for everybody: the history ends in the middle of things."""
        for process in self._processes:
            process.kill()
            process.wait(10)

    def history(self) -> list[dict[str, Any]]:
        """What was written so far; a last line that a kill cut short is left out. Raises ``RuntimeError`` if nobody can work."""
        if not self._log.exists():
            if all(process.poll() not in (None, -signal.SIGKILL) for process in self._processes):
                raise RuntimeError(self._log.with_suffix(".errors").read_text(encoding="utf-8")[-2000:])
            return []
        found: list[dict[str, Any]] = []
        for line in self._log.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                found.append(json.loads(line))
        return found

    def _start(self) -> subprocess.Popen[bytes]:
        self._seed += 1
        left = max(0.5, self._until - time.monotonic())
        command = [
            sys.executable,
            "-m",
            "tests.contracts.histories",
            self._url,
            str(self._log),
            str(self._seed),
            str(left),
        ]
        root = Path(__file__).resolve().parents[2]
        with self._log.with_suffix(".errors").open("ab") as errors:
            return subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL, stderr=errors)


async def play(
    url: str,
    folder: Path,
    *,
    seconds: float,
    workers: int,
    kill_every: float,
    seed: int,
    server: Postgres | None = None,
    least: int = 0,
) -> Run:
    """Let a history happen under kills, and judge it.

    On a busy machine it goes on until ``least`` operations were acknowledged, at most fifteen times as long. The next kill waits until
    something has happened since the last one.
    """
    await prepare(url)
    run = Run()
    chosen = random.Random(seed)
    begun = time.monotonic()
    most = 15 * seconds
    troupe = Troupe(url, folder, seed * 1000, workers, most)
    turn, lines = 0, 0
    while True:
        await asyncio.sleep(kill_every)
        phases = [line["phase"] for line in troupe.history()]
        spent = time.monotonic() - begun
        if spent > most or (spent > seconds and phases.count("ok") >= least and turn >= 3):
            break
        if len(phases) < lines + 12:
            continue
        turn, lines = turn + 1, len(phases)
        if server is not None and turn % 3 == 1:
            await asyncio.to_thread(kill_server, server)
            run.server_kills += 1
        elif server is not None and turn % 3 == 0:
            run.cut_connections += await asyncio.to_thread(cut_connections, server, url)
        else:
            await asyncio.to_thread(troupe.kill_one, chosen)
            run.worker_kills += 1
    await asyncio.to_thread(troupe.kill_all)
    history = troupe.history()
    for line in history:
        run.operations[line["phase"]] += 1
        if line["phase"] == "ok":
            run.kinds[line["kind"]] += 1
    run.violations = await judge(url, history)
    return run


def kill_server(server: Postgres) -> None:
    """End the whole server at once, as a crash does, and start it again on the same data."""
    assert server.process is not None
    assert server.folder is not None
    command = [str(part) for part in server.process.args]  # type: ignore[union-attr]
    server.process.send_signal(signal.SIGQUIT)
    server.process.wait(60)
    server.process = subprocess.Popen(command, cwd=server.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(server.admin, connect_timeout=10):
            return
        time.sleep(0.05)
    raise RuntimeError("the server did not come back")


def cut_connections(server: Postgres, url: str) -> int:
    """Cut every connection to the database."""
    name = url.rpartition("/")[2]
    with psycopg.connect(server.admin, autocommit=True) as connection:
        cut = connection.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s", (name,)
        ).fetchone()
    return int(cut[0]) if cut else 0


# The judge


async def judge(url: str, history: Sequence[Mapping[str, Any]]) -> list[str]:
    """Everything that contradicts the history or itself; empty if all is well."""
    database = Database.open(url, SystemClock(), conflicts=CONFLICTS)
    try:
        async with database.read(SYSTEM) as unit:
            bookings = {row.id: row for row in await unit.session.scalars(select(Booking))}
            work = list(await unit.session.scalars(select(Assignment)))
            offers = {row.id: row for row in await unit.session.scalars(select(Offer))}
            steps = {row.id for row in await unit.session.scalars(select(ProcedureStep))}
        found = [*overlaps(work), *winners(work), *states(bookings, work), *lines(bookings, work)]
        of_cases = [row for row in bookings.values() if row.briefing_id is None]
        found += [f"{row.id}: its step is gone" for row in of_cases if row.step_id not in steps]
        found += await chains(database, bookings)
        found += promises(history, bookings, work, offers)
        left = await history_plans.left(_world(database))
        found += [*history_plans.plans(left, work), *history_plans.rooms(left, bookings)]
        found += [*history_plans.briefings(left, bookings), *history_plans.kept(history, left, bookings, work)]
        roster = await history_swaps.left(_world(database))
        found += [*history_swaps.shifts(roster), *history_swaps.kept(history, roster)]
        return found
    finally:
        await database.close()


def overlaps(work: Sequence[Assignment]) -> list[str]:
    """Nobody is promised twice at the same time, with the breaks that are owed."""
    found = []
    kept = sorted((row for row in work if row.state in KEPT), key=lambda row: (row.interpreter_id, row.starts_at))
    for one, other in pairwise(kept):
        if one.interpreter_id == other.interpreter_id and other.starts_at < one.busy_until:
            found.append(f"{one.interpreter_id} is booked twice: {one.id} and {other.id}")
    return found


def winners(work: Sequence[Assignment]) -> list[str]:
    """One winner per leg, and two legs by two people."""
    legs = Counter((row.booking_id, row.leg) for row in work if row.state in KEPT)
    people = Counter((row.booking_id, row.interpreter_id) for row in work if row.state in KEPT)
    return [f"{key} has {count} winners" for key, count in (legs + people).items() if count > 1]


def states(bookings: Mapping[str, Booking], work: Sequence[Assignment]) -> list[str]:
    """What a booking says of itself agrees with who works for it."""
    found = []
    for booking in bookings.values():
        mine = [row for row in work if row.booking_id == booking.id and row.state in KEPT]
        legs = {row.leg for row in mine}
        every = set(Way(booking.way).legs)
        fine: bool
        if booking.state in (BookingState.ASSIGNED, BookingState.IN_SESSION):
            fine = legs == every and all(row.state is AssignmentState.ACTIVE for row in mine)
            fine = fine and booking.session_id is not None
        elif booking.state is BookingState.HELD:
            fine = legs == every and all(row.state is AssignmentState.HELD for row in mine)
        elif booking.state in (BookingState.OFFERING, BookingState.UNFILLED, BookingState.REQUESTED):
            fine = legs < every
        else:
            fine = not legs
        if not fine:
            found.append(f"{booking.id} is {booking.state.value} ({booking.way}) with legs {sorted(legs)}")
    return found


def lines(bookings: Mapping[str, Booking], work: Sequence[Assignment]) -> list[str]:
    """Who is kept for a booking that waits: nobody by half a relay once its ring is over, for a team until a time before it begins."""
    found = []
    for row in (row for row in work if row.state is AssignmentState.HELD):
        booking = bookings[row.booking_id]
        agreed = any(other.booking_id == booking.id and other.state is AssignmentState.ACTIVE for other in work)
        if booking.state is BookingState.UNFILLED and booking.way == Way.RELAY.value and not agreed:
            found.append(f"{booking.id}: half a relay is kept for nobody")
        if row.expires_at is None or (booking.kind != "now" and row.expires_at > booking.starts_at):
            found.append(f"{booking.id}: a place is kept without end")
    return found


async def chains(database: Database, bookings: Mapping[str, Booking]) -> list[str]:
    """No log of a session was broken."""
    world = _world(database)
    found = []
    for session_id in sorted({row.session_id for row in bookings.values() if row.session_id})[:200]:
        async with database.read(SYSTEM) as unit:
            record = await world.log.record(unit, session_id)
        if not record["chain"]["ok"]:
            found.append(f"{session_id}: broken chain")
    return found


def promises(
    history: Sequence[Mapping[str, Any]],
    bookings: Mapping[str, Booking],
    work: Sequence[Assignment],
    offers: Mapping[str, Offer],
) -> list[str]:
    """Nothing that was acknowledged is lost, nothing that was refused was done."""
    args = {line["op"]: line for line in history if line["phase"] == "invoke"}
    keys = {row.idempotency_key for row in bookings.values()}
    starts = {row.starts_at.isoformat() for row in work}
    found = [f"{line['op']} {line['kind']}: {line['code']}" for line in history if line["phase"] == "defect"]
    for line in history:
        asked = args.get(line["op"], {})
        if line["phase"] == "ok" and not _is_kept(line, bookings, work, offers):
            found.append(f"{line['op']} {line['kind']} was acknowledged and is lost: {dict(line)}")
        if line["phase"] != "refused" or not asked:
            continue
        if "key" in asked and f"{OFFICER.id}:{asked['key']}" in keys:
            found.append(f"{line['op']} {line['kind']} was refused and is there")
        if line["kind"] == "reschedule" and _instant(asked["at"]).isoformat() in starts:
            found.append(f"{line['op']} reschedule was refused and was done")
    return found


def _is_kept(
    line: Mapping[str, Any],
    bookings: Mapping[str, Booking],
    work: Sequence[Assignment],
    offers: Mapping[str, Offer],
) -> bool:
    """Whether what an acknowledged operation did can still be seen, whatever came after it."""
    kind = line["kind"]
    if kind in history_plans.KINDS | history_swaps.KINDS:
        return True  # judged there
    if kind in ("tick", "decline"):
        return kind == "tick" or offers[line["offer"]].state is not OfferState.PENDING
    if kind == "series":
        return all(one in bookings for one in line["bookings"])
    booking = bookings.get(line["booking"])
    if booking is None:
        return False
    mine = [row for row in work if row.booking_id == booking.id]
    if kind == "accept":
        accepted = offers[line["offer"]].state is OfferState.ACCEPTED
        return accepted and any(row.offer_id == line["offer"] and row.interpreter_id == line["who"] for row in mine)
    if kind == "book":
        return line["state"] != "assigned" or {row.leg for row in mine} >= set(Way(line["way"]).legs)
    if kind == "hold":
        return bool(mine)
    if kind == "confirm":
        return booking.session_id is not None
    if kind == "reschedule":
        return any(row.starts_at == _instant(line["at"]) for row in mine)
    if kind == "cancel":
        return booking.state is BookingState.CANCELLED
    if kind == "release":
        return any(row.state in (AssignmentState.RELEASED, AssignmentState.BROKEN) for row in mine)
    if kind == "place":
        return any(row.interpreter_id == line["who"] for row in mine)
    return True


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


if __name__ == "__main__":
    asyncio.run(_work(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
