"""What every database promises, asked of SQLite and of PostgreSQL: units of work, country walls, coded conflicts, retries."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, exists, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, selectinload

from core.access import Actor, Country
from core.clock import ManualClock
from core.db import migrate
from core.db.errors import DatabaseUnavailable
from core.db.outbox_event import OutboxEvent
from core.db.scope import ScopedSession
from core.db.session import Database, UnitOfWork
from core.errors import Conflict, Forbidden
from records.models import Case, ProcedureStep, SessionEntry, Site
from scheduler.models import Assignment, Booking, Interpreter
from signaling.auth.models import User
from signaling.schema import CONFLICTS

BOTH = Actor.system()
RS = Actor.system([Country.RS])
MK = Actor.system([Country.MK])
NOWHERE = Actor.system([])


def case(clock: ManualClock, number: int, country: str) -> Case:
    return Case(
        id=f"case_{number}",
        case_ref=f"{country}-{number}",
        country=country,
        site=f"{country}-SITE",
        authority="BP",
        age_group="adult",
        opened_by="usr_1",
        opened_at=clock.now(),
        changed_at=clock.now(),
    )


def step(clock: ManualClock, number: int, country: str, case_id: str) -> ProcedureStep:
    return ProcedureStep(
        id=f"step_{number}", case_id=case_id, code="RS-01", seq=number, planned_at=clock.now(), country=country
    )


def user(number: int, clock: ManualClock) -> User:
    return User(id=f"usr_{number}", code=f"O-{number}", created_at=clock.now())


@pytest.fixture
async def filled(database: Database, clock: ManualClock) -> Database:
    """A database with ``fill``."""
    await fill(database, clock)
    return database


async def fill(database: Database, clock: ManualClock) -> None:
    """Two cases in Serbia, one in North Macedonia; the first Serbian case also has a (wrongly placed) Macedonian step."""
    async with database.unit(BOTH) as uow:
        uow.session.add_all(Site(code=f"{c}-SITE", country=c, authority="BP", names={}) for c in ("RS", "MK"))
        await uow.session.flush()
        uow.session.add_all([case(clock, 1, "RS"), case(clock, 2, "RS"), case(clock, 3, "MK")])
        await uow.session.flush()
        uow.session.add_all(
            [step(clock, 1, "RS", "case_1"), step(clock, 2, "MK", "case_1"), step(clock, 3, "MK", "case_3")]
        )


# --- units of work ---------------------------------------------------------------------------------------------------


async def test_a_unit_commits_at_its_end(database: Database, clock: ManualClock) -> None:
    async with database.unit(BOTH) as uow:
        assert uow.now == clock.now()
        uow.session.add(user(1, clock))
    clock.advance(60)
    async with database.read(BOTH) as view:
        found = (await view.session.scalars(select(User))).one()
    assert found.created_at == clock.now() - timedelta(seconds=60)
    assert found.created_at.tzinfo is not None


async def test_an_exception_undoes_everything(database: Database, clock: ManualClock) -> None:
    with pytest.raises(KeyError):  # noqa: PT012
        async with database.unit(BOTH) as uow:
            uow.session.add(user(1, clock))
            await uow.session.flush()
            uow.emit("user.made", {}, country="RS")
            raise KeyError
    async with database.read(BOTH) as view:
        assert await view.session.scalar(select(func.count()).select_from(User)) == 0
        assert await view.session.scalar(select(func.count()).select_from(OutboxEvent)) == 0


async def test_a_cancelled_unit_undoes_everything_and_frees_the_writer(database: Database, clock: ManualClock) -> None:
    inside = asyncio.Event()

    async def stuck() -> None:
        async with database.unit(BOTH) as uow:
            uow.session.add(user(1, clock))
            await uow.session.flush()
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(stuck())
    await asyncio.wait_for(inside.wait(), 30)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with database.unit(BOTH) as uow:
        assert await uow.session.get(User, "usr_1") is None


async def test_a_read_only_unit_refuses_writes(database: Database, clock: ManualClock) -> None:
    with pytest.raises(DBAPIError):  # noqa: PT012
        async with database.read(BOTH) as view:
            view.session.add(user(1, clock))
            await view.session.flush()


async def test_a_read_only_unit_sees_one_state(database: Database, clock: ManualClock) -> None:
    """A snapshot for a screen is of one moment, although others commit between its queries."""
    count = select(func.count()).select_from(User)
    async with database.read(BOTH) as view:
        assert await view.session.scalar(count) == 0
        async with database.unit(BOTH) as uow:
            uow.session.add(user(1, clock))
        assert await view.session.scalar(count) == 0
    async with database.read(BOTH) as view:
        assert await view.session.scalar(count) == 1


def test_the_sqlite_file_is_private(tmp_path: Path, clock: ManualClock) -> None:
    migrate.upgrade(f"sqlite+aiosqlite:///{tmp_path / 'one' / 't.db'}")
    Database.open(f"sqlite+aiosqlite:///{tmp_path / 'two' / 't.db'}", clock)
    for folder in ("one", "two"):
        assert stat.S_IMODE((tmp_path / folder / "t.db").stat().st_mode) == 0o600


async def test_a_unit_inside_a_unit_is_a_defect(database: Database) -> None:
    async with database.unit(BOTH):
        with pytest.raises(RuntimeError, match="inside another"):
            async with database.unit(BOTH):
                pass
        async with database.read(BOTH) as view:
            assert await view.session.scalar(select(func.count()).select_from(User)) == 0
    async with database.unit(BOTH):
        pass


async def test_after_commit(database: Database, clock: ManualClock) -> None:
    heard: list[str] = []

    async def later() -> None:
        async with database.read(BOTH) as view:
            heard.append(f"sees {await view.session.scalar(select(func.count()).select_from(User))}")

    def broken() -> None:
        raise ValueError

    async with database.unit(BOTH) as uow:
        uow.session.add(user(1, clock))
        uow.after_commit(broken)
        uow.after_commit(later)
        uow.after_commit(lambda: heard.append("plain"))
        assert heard == []
    assert heard == ["sees 1", "plain"]
    with pytest.raises(KeyError):  # noqa: PT012
        async with database.unit(BOTH) as uow:
            uow.after_commit(lambda: heard.append("never"))
            raise KeyError
    assert heard == ["sees 1", "plain"]


async def test_events_are_stored_with_the_change(database: Database) -> None:
    told: list[int] = []
    stop = database.on_news(lambda: told.append(1))
    async with database.unit(RS) as uow:
        first = uow.emit("case.opened", {"case": "case_1"}, country=Country.RS)
        second = uow.emit("step.planned", {"step": "step_1"}, country="RS")
    async with database.unit(RS):
        pass
    stop()
    async with database.read(RS) as view:
        rows = (await view.session.scalars(select(OutboxEvent).order_by(OutboxEvent.seq))).all()
    assert [(row.id, row.name, row.body, row.country) for row in rows] == [
        (first.id, "case.opened", {"case": "case_1"}, "RS"),
        (second.id, "step.planned", {"step": "step_1"}, "RS"),
    ]
    assert told == [1], "told once, and only after commits with news"


async def test_events_for_another_country_are_refused(database: Database) -> None:
    with pytest.raises(Forbidden) as refused:
        async with database.unit(RS) as uow:
            uow.emit("case.opened", {}, country="MK")
    assert refused.value.code == "country_not_yours"


async def test_ping(database: Database) -> None:
    await database.ping()


def test_unknown_databases_are_refused(clock: ManualClock) -> None:
    for url in ("mysql://x/y", "sqlite+aiosqlite:///:memory:", "sqlite+aiosqlite://"):
        with pytest.raises(ValueError, match=r"."):
            Database.open(url, clock)


# --- country walls ---------------------------------------------------------------------------------------------------

ALIAS = aliased(Case)
QUERIES: dict[str, Any] = {
    "entity": (select(Case.id).order_by(Case.id), {"RS": ["case_1", "case_2"], "MK": ["case_3"]}),
    "whole entity": (select(Case), {"RS": 2, "MK": 1}),
    "count": (select(func.count()).select_from(Case), {"RS": [2], "MK": [1]}),
    "count of a column": (select(func.count(Case.id)), {"RS": [2], "MK": [1]}),
    "column": (select(Case.case_ref).where(Case.id == "case_3"), {"RS": [], "MK": ["MK-3"]}),
    "alias": (select(ALIAS.id).where(ALIAS.id == "case_3"), {"RS": [], "MK": ["case_3"]}),
    "join": (
        select(ProcedureStep.id).join(Case, Case.id == ProcedureStep.case_id),
        {"RS": ["step_1"], "MK": ["step_3"]},
    ),
    "exists": (select(Site.code).where(exists().where(Case.site == Site.code)), {"RS": ["RS-SITE"], "MK": ["MK-SITE"]}),
    "subquery": (select(func.count()).select_from(select(Case.id).subquery()), {"RS": [2], "MK": [1]}),
    "in subquery": (select(Site.code).where(Site.code.in_(select(Case.site))), {"RS": ["RS-SITE"], "MK": ["MK-SITE"]}),
    "union": (select(Case.id).union(select(ProcedureStep.id)), {"RS": 3, "MK": 3}),
    "scalar subquery": (select(select(func.count(Case.id)).scalar_subquery()), {"RS": [2], "MK": [1]}),
}


@pytest.mark.parametrize("query", QUERIES)
async def test_only_rows_of_own_countries_are_seen(filled: Database, query: str) -> None:
    statement, expected = QUERIES[query]
    for actor, country in (
        (RS, "RS"),
        (MK, "MK"),
        (RS, "RS"),
    ):  # again: a cached statement must not keep the first actor
        async with filled.read(actor) as view:
            found = list((await view.session.scalars(statement)).all())
            if isinstance(expected[country], int):
                assert len(found) == expected[country]
            else:
                assert found == expected[country]


async def test_an_actor_without_countries_sees_nothing(filled: Database) -> None:
    async with filled.read(NOWHERE) as view:
        assert (await view.session.scalars(select(Case))).all() == []


async def test_get_does_not_reach_over(filled: Database) -> None:
    async with filled.read(RS) as view:
        assert await view.session.get(Case, "case_3") is None
        assert await view.session.get(Case, "case_1") is not None


async def test_relationships_do_not_reach_over(filled: Database) -> None:
    async with filled.read(RS) as view:
        found = (await view.session.scalars(select(Case).where(Case.id == "case_1"))).one()
        assert [s.id for s in found.steps] == ["step_1"]
    async with filled.read(RS) as view:
        query = select(Case).where(Case.id == "case_1").options(selectinload(Case.steps))
        assert [s.id for s in (await view.session.scalars(query)).one().steps] == ["step_1"]
    async with filled.read(BOTH) as view:
        found = (await view.session.scalars(select(Case).where(Case.id == "case_1"))).one()
        assert [s.id for s in found.steps] == ["step_1", "step_2"]


async def test_changes_do_not_reach_over(filled: Database) -> None:
    async with filled.unit(RS) as uow:
        await uow.session.execute(update(Case).values(track="border"))
        await uow.session.execute(delete(ProcedureStep).where(ProcedureStep.id == "step_3"))
    async with filled.read(BOTH) as view:
        tracks = {row.id: row.track for row in await view.session.execute(select(Case.id, Case.track))}
        assert tracks == {"case_1": "border", "case_2": "border", "case_3": "regular"}
        assert await view.session.get(ProcedureStep, "step_3") is not None


async def _insert(uow: UnitOfWork, clock: ManualClock) -> None:
    uow.session.add(case(clock, 9, "MK"))


async def _bulk(uow: UnitOfWork, _clock: ManualClock) -> None:
    await uow.session.execute(insert(OutboxEvent), [{"country": "MK", "id": "x", "name": "x", "body": {}}])


async def _values(uow: UnitOfWork, _clock: ManualClock) -> None:
    await uow.session.execute(insert(OutboxEvent).values(country="MK", id="x", name="x", body={}))


async def _many_values(uow: UnitOfWork, _clock: ManualClock) -> None:
    rows: list[dict[str, Any]] = [{"country": c, "id": c, "name": "x", "body": {}} for c in ("RS", "MK")]
    await uow.session.execute(insert(OutboxEvent).values(rows))


async def _move_away(uow: UnitOfWork, _clock: ManualClock) -> None:
    (await uow.session.get_one(Case, "case_1")).country = "MK"


async def _update_away(uow: UnitOfWork, _clock: ManualClock) -> None:
    await uow.session.execute(update(Case).where(Case.id == "case_1").values(country="MK"))


@pytest.mark.parametrize("attempt", [_insert, _bulk, _values, _many_values, _move_away, _update_away])
async def test_writing_for_another_country_is_refused(filled: Database, clock: ManualClock, attempt: Any) -> None:
    with pytest.raises(Forbidden) as refused:
        async with filled.unit(RS) as uow:
            await attempt(uow, clock)
    assert refused.value.code == "country_not_yours"


async def test_statements_around_the_filter_are_refused(filled: Database) -> None:
    table = Case.__table__
    for statement in (
        select(table),
        select(table.c.id),
        select(func.count()).select_from(table),
        table.insert().values(id="x"),  # type: ignore[attr-defined]
        table.update().values(track="x"),  # type: ignore[attr-defined]
        table.delete(),  # type: ignore[attr-defined]
    ):
        with pytest.raises(RuntimeError, match="bypasses the country filter"):
            async with filled.unit(RS) as uow:
                await uow.session.execute(statement)


async def test_an_insert_that_names_no_country_is_refused(filled: Database) -> None:
    with pytest.raises(RuntimeError, match="does not name its country"):
        async with filled.unit(RS) as uow:
            await uow.session.execute(insert(OutboxEvent).from_select(["id"], select(Site.code)))


async def test_a_session_without_an_actor_raises(filled: Database) -> None:
    for query in (select(Case), select(Site), text("SELECT 1")):
        async with AsyncSession(filled.engine, sync_session_class=ScopedSession) as session:
            with pytest.raises(RuntimeError, match="without an actor"):
                await session.execute(query)


@pytest.mark.services
async def test_postgresql_holds_the_wall_against_raw_sql(postgres_url: str, clock: ManualClock) -> None:
    """What the code's filter cannot see, row-level security stops; a connection keeps nothing of the last transaction."""
    filled = Database.open(postgres_url, clock)
    await fill(filled, clock)
    raw = text("SELECT id FROM cases ORDER BY id")
    async with filled.read(RS) as view:
        assert (await view.session.execute(raw)).scalars().all() == ["case_1", "case_2"]
    async with filled.unit(MK) as uow:
        assert (await uow.session.execute(raw)).scalars().all() == ["case_3"]
        result: Any = await uow.session.execute(text("UPDATE cases SET track = 'x'"))
        assert result.rowcount == 1
    async with filled.unit(NOWHERE) as uow:
        assert (await uow.session.execute(raw)).scalars().all() == []
    for _ in range(3):
        async with filled.engine.connect() as connection:
            for table in ("cases", "procedure_steps", "bookings", "sessions", "outbox_events"):
                assert (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar() == 0
    with pytest.raises(DBAPIError, match="row-level security"):
        async with filled.unit(RS) as uow:
            await uow.session.execute(text("UPDATE cases SET country = 'MK' WHERE id = 'case_1'"))
    await filled.close()


# --- conflicts and retries -------------------------------------------------------------------------------------------


async def test_known_constraints_are_coded_conflicts(database: Database, clock: ManualClock) -> None:
    for attempt in range(2):
        one = User(id=f"usr_{attempt}", code="O-1", created_at=clock.now())
        if attempt == 0:
            async with database.unit(BOTH) as uow:
                uow.session.add(one)
            continue
        with pytest.raises(Conflict) as refused:
            async with database.unit(BOTH) as uow:
                uow.session.add(one)
        assert refused.value.code == CONFLICTS["uq_users_code"]
        with pytest.raises(Conflict) as refused:  # noqa: PT012
            async with database.unit(BOTH) as uow:
                uow.session.add(User(id="usr_9", code="O-1", created_at=clock.now()))
                await uow.flush()
        assert refused.value.code == CONFLICTS["uq_users_code"]


async def test_an_unknown_constraint_stays_a_defect(database: Database, clock: ManualClock) -> None:
    with pytest.raises(IntegrityError):
        async with database.unit(RS) as uow:
            uow.session.add(case(clock, 1, "RS"))  # its site does not exist


async def test_the_log_can_only_grow(database: Database) -> None:
    async with database.unit(BOTH) as uow:
        await uow.session.execute(
            text("INSERT INTO audit_entries VALUES ('RS', 1, :at, 'a', 'A', 'x.y', 's', 'p', '{}', '', 'h')"),
            {"at": 0 if uow.dialect == "sqlite" else uow.now},
        )
    for statement in ("UPDATE audit_entries SET hash = 'x'", "DELETE FROM audit_entries"):
        with pytest.raises(Conflict) as refused:
            async with database.unit(BOTH) as uow:
                await uow.session.execute(text(statement))
        assert refused.value.code == CONFLICTS["grow_only"]
    assert SessionEntry.__tablename__ == "session_entries"


def interpreter(clock: ManualClock, number: int = 1) -> Interpreter:
    return Interpreter(
        id=f"int_{number}", code=f"I-{number}", nominated_by="RS", engagement="freelance", base_country="RS", time_zone="Europe/Belgrade",
        location_status="approved_room", sex="woman", level="L2", joined_pool_at=clock.now(),
    )  # fmt: skip


def booking(clock: ManualClock, number: int) -> Booking:
    return Booking(
        id=f"bok_{number}", case_id="case_1", case_ref="RS-1", step_id=f"step_{number}", step_code="RS-01", site="RS-SITE",
        authority="BP", kind="now", language="pus", officer_language="srp", need={}, priority="P2", requested_by="usr_1",
        requester_code="O-1", requested_at=clock.now(), starts_at=clock.now(), ends_at=clock.now() + timedelta(hours=1),
        zone="Europe/Belgrade", country="RS",
    )  # fmt: skip


async def test_an_interpreter_is_never_booked_twice(database: Database, clock: ManualClock) -> None:
    """40 tasks want the same interpreter for overlapping times: exactly one gets her, the others hear a coded conflict."""
    async with database.unit(BOTH) as uow:
        uow.session.add(interpreter(clock))
        uow.session.add_all(booking(clock, n) for n in range(40))

    async def attempt(number: int) -> str:
        start = clock.now() + timedelta(minutes=number)
        row = Assignment(
            id=f"asg_{number}", booking_id=f"bok_{number}", interpreter_id="int_1", starts_at=start, minutes=60,
            ends_at=start + timedelta(hours=1), busy_until=start + timedelta(hours=1), made_by="system",
            made_at=clock.now(), country="RS",
        )  # fmt: skip
        try:
            async with database.unit(RS) as uow:
                uow.session.add(row)
        except Conflict as refused:
            return refused.code
        return "won"

    outcomes = await asyncio.gather(*(database.retry(lambda n=n: attempt(n)) for n in range(40)))  # type: ignore[misc]
    assert sorted(set(outcomes)) == sorted({"won", CONFLICTS["no_double_booking"]})
    assert outcomes.count("won") == 1
    async with database.read(BOTH) as view:
        assert await view.session.scalar(select(func.count()).select_from(Assignment)) == 1


async def test_read_then_write_loses_no_update(database: Database, database_url: str, clock: ManualClock) -> None:
    """Three processes' worth of connections count up at once: nothing is lost, and SQLite never says "locked"."""
    async with database.unit(BOTH) as uow:
        uow.session.add(interpreter(clock, 1))
    others = [Database.open(database_url, clock) for _ in range(2)]

    async def count_up(used: Database) -> None:
        for _ in range(8):
            async with used.unit(BOTH) as uow:
                row = await uow.session.get_one(Interpreter, "int_1", with_for_update=True)
                row.offers_count += 1

    # Fifteen at once: of hundreds the last would wait longer than a unit waits for a row, on a busy machine.
    await asyncio.gather(*(count_up(used) for used in (database, *others) for _ in range(5)))
    async with database.read(BOTH) as view:
        assert (await view.session.get_one(Interpreter, "int_1")).offers_count == 120
    for other in others:
        await other.close()


async def test_readers_do_not_wait_for_writers(database: Database, clock: ManualClock) -> None:
    async with database.unit(BOTH) as uow:
        uow.session.add(user(1, clock))
        await uow.session.flush()
        async with asyncio.timeout(30), database.read(BOTH) as view:
            assert await view.session.scalar(select(func.count()).select_from(User)) == 0


async def test_retry_is_bounded_and_choosy(database: Database) -> None:
    tries: list[str] = []

    async def busy() -> None:
        tries.append("busy")
        raise DatabaseUnavailable

    async def wrong() -> None:
        tries.append("wrong")
        raise Conflict("no")

    async def mended() -> str:
        tries.append("mended")
        if tries.count("mended") < 3:
            raise ConnectionRefusedError
        return "done"

    with pytest.raises(DatabaseUnavailable):
        await database.retry(busy, attempts=4, first_wait=0.001)
    with pytest.raises(Conflict):
        await database.retry(wrong)
    assert await database.retry(mended, first_wait=0.001) == "done"
    assert (tries.count("busy"), tries.count("wrong"), tries.count("mended")) == (4, 1, 3)


@pytest.fixture
async def on_postgres(postgres_url: str, clock: ManualClock) -> AsyncIterator[Database]:
    """A database on PostgreSQL only, with two interpreters."""
    opened = Database.open(postgres_url, clock, conflicts=CONFLICTS)
    async with opened.unit(BOTH) as uow:
        uow.session.add_all([interpreter(clock, 1), interpreter(clock, 2)])
    yield opened
    await opened.close()


@pytest.mark.services
async def test_deadlocks_are_retried(on_postgres: Database) -> None:
    meeting = asyncio.Barrier(2)
    tries = 0

    async def both(first: str, second: str) -> None:
        nonlocal tries
        tries += 1
        async with on_postgres.unit(BOTH) as uow:
            (await uow.session.get_one(Interpreter, first, with_for_update=True)).offers_count += 1
            if tries <= 2:
                await meeting.wait()
            (await uow.session.get_one(Interpreter, second, with_for_update=True)).offers_count += 1

    await asyncio.gather(
        on_postgres.retry(lambda: both("int_1", "int_2")), on_postgres.retry(lambda: both("int_2", "int_1"))
    )
    assert tries >= 3, "there was a deadlock"
    async with on_postgres.read(BOTH) as view:
        assert (await view.session.scalars(select(Interpreter.offers_count))).all() == [2, 2]


@pytest.mark.services
async def test_lost_connections_are_retried(on_postgres: Database) -> None:
    tries = 0

    async def work() -> None:
        nonlocal tries
        tries += 1
        async with on_postgres.unit(BOTH) as uow:
            pid = await uow.session.scalar(text("SELECT pg_backend_pid()"))
            if tries == 1:
                async with on_postgres.engine.connect() as other:
                    await other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            (await uow.session.get_one(Interpreter, "int_1")).offers_count += 1

    await on_postgres.retry(work)
    assert tries == 2
    async with on_postgres.read(BOTH) as view:
        assert (await view.session.get_one(Interpreter, "int_1")).offers_count == 1


@pytest.mark.services
async def test_an_absent_server_is_unavailable(clock: ManualClock) -> None:
    absent = Database.open("postgresql+psycopg://nobody@127.0.0.1:1/none", clock)
    for attempt in (absent.ping(), _open_unit(absent)):
        with pytest.raises(DatabaseUnavailable) as refused:
            await attempt
        assert (refused.value.code, refused.value.status) == ("database_unavailable", 503)
        assert isinstance(refused.value.__cause__, OperationalError)
    await absent.close()


async def _open_unit(database: Database) -> None:
    async with database.unit(BOTH) as uow:
        await uow.session.execute(select(User))
