"""The session log: states, entries, interpreting time, presence, interruptions, the chain and its seal."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.clock import ManualClock
from core.db.rls import see_countries
from core.db.session import Database
from core.errors import Conflict, NotFound
from records.chain import JsonValue
from records.entry_kinds import SLOTS, EntryKind
from records.lifecycle import EndReason, Outcome, PauseReason, SessionState, StepState
from records.models import ProcedureStep
from records.session_views import SessionRecord, stamp
from tests.scheduler.world import OFFICER, SYSTEM, World


@pytest.fixture
async def world(database: Database, clock: ManualClock) -> World:
    return await World(database, clock).begin()


async def _planned(world: World) -> str:
    await world.interpreters(1)
    booking = await world.request()
    session_id = (await world.accept((await world.offers(booking))[0]))["session_id"]
    assert session_id is not None
    return session_id


async def _record(world: World, session_id: str) -> SessionRecord:
    async with world.database.read(SYSTEM) as unit:
        return await world.log.record(unit, session_id)


async def test_every_entry_has_exactly_its_slots(world: World) -> None:
    session_id = await _planned(world)
    record = await _record(world, session_id)
    assert [entry["kind"] for entry in record["entries"]] == ["planned", "language_declared", "sex_preference"]
    for entry in record["entries"]:
        assert set(entry["data"]) == set(SLOTS[EntryKind(entry["kind"])])
    async with world.database.unit(SYSTEM) as uow:
        with pytest.raises(ValueError, match="holds"):
            await world.log.append(uow, session_id, EntryKind.SIGNAL, {"signal": "pause"})
    assert set(SLOTS) == set(EntryKind)


async def test_the_story_of_a_session_from_plan_to_seal(world: World, clock: ManualClock) -> None:
    session_id = await _planned(world)
    await world.enter(session_id, "officer")
    assert (await world.session(session_id)).state is SessionState.WAITING
    clock.advance(5)
    await world.enter(session_id, "interpreter")
    clock.advance(2)
    async with world.database.unit(SYSTEM) as uow:
        assert await world.services.conduct.start(uow, session_id)
    async with world.database.unit(SYSTEM) as uow:
        assert not await world.services.conduct.start(uow, session_id)
    clock.advance(100)
    lost_from = clock.now()
    clock.advance(11)
    async with world.database.unit(SYSTEM) as uow:
        data = {"part": "interpreter", "code": "I-0001", "from": stamp(lost_from)}
        await world.log.append(uow, session_id, EntryKind.LINE_LOST, data)
        await world.log.pause(uow, session_id, reason=PauseReason.CONNECTION_LOST)
    clock.advance(9)
    async with world.database.unit(SYSTEM) as uow:
        back: dict[str, JsonValue] = {"part": "interpreter", "code": "I-0001", "from": stamp(lost_from), "seconds": 20}
        await world.log.append(uow, session_id, EntryKind.LINE_BACK, back)
        await world.log.resume(uow, session_id)
        await world.log.confirm_language(uow, session_id, code="pbu")
    clock.advance(60)
    async with world.database.unit(SYSTEM) as uow:
        await world.log.append(uow, session_id, EntryKind.MODE, {"mode": "audio", "reason": "weak_line"})
        await world.log.add_speaking(uow, session_id, 61_000)
        await world.log.append(
            uow, session_id, EntryKind.LEFT, {"part": "officer", "code": "O-1183", "reason": "ended"}
        )
    async with world.database.unit(OFFICER) as uow:
        await world.services.conduct.finish(
            uow, session_id, outcome=Outcome.COMPLETED, reason=EndReason.FINISHED, by="officer"
        )
        seal = await world.log.seal(uow, session_id)
    record = await _record(world, session_id)
    assert record["state"] == "sealed"
    assert record["chain"] == {"ok": True, "broken_at": None, "seal": seal}
    assert (record["language_declared"], record["language_confirmed"]) == ("pbt", "pbu")
    assert [(row["part"], row["code"]) for row in record["present"]] == [
        ("officer", "O-1183"),
        ("interpreter", "I-0001"),
    ]
    assert all(row["out"] is not None for row in record["present"])
    (loss,) = record["interruptions"]
    assert (loss["from"], loss["seconds"], loss["who"]) == (lost_from, 20, "interpreter")
    assert [(part["mode"], part["to"] is not None) for part in record["mode_segments"]] == [
        ("video", True),
        ("audio", True),
    ]
    assert (record["interpreting_min"], record["speaking_min"]) == (3, 2)
    ended = next(entry for entry in record["entries"] if entry["kind"] == "ended")
    assert ended["data"] == {"outcome": "completed", "reason": "finished", "by": "officer", "interpreting_s": 171}
    resumed = next(entry for entry in record["entries"] if entry["kind"] == "resumed")
    assert resumed["data"] == {"reason": "connection_lost", "seconds": 9}
    async with world.database.read(SYSTEM) as unit:
        session = await world.log.get(unit, session_id)
        step = await unit.session.get_one(ProcedureStep, session.step_id)
        detail = await world.cases.get(unit, session.case_id or "")
    assert step.state is StepState.HELD
    assert [(row["code"], row["source"]) for row in detail["languages"]] == [
        ("pbu", "interpreter_confirmed"),
        ("pbt", "self_declared"),
    ]


async def test_nothing_can_be_added_after_the_seal(world: World) -> None:
    session_id = await _planned(world)
    for part in ("officer", "interpreter"):
        await world.enter(session_id, part)
    async with world.database.unit(SYSTEM) as uow:
        await world.services.conduct.start(uow, session_id)
        await world.services.conduct.finish(uow, session_id, outcome=Outcome.STOPPED, by="officer")
        first = await world.log.seal(uow, session_id)
    async with world.database.unit(SYSTEM) as uow:
        assert await world.log.seal(uow, session_id) == first
    with pytest.raises(Conflict, match="session_sealed"):
        async with world.database.unit(SYSTEM) as uow:
            await world.log.append(uow, session_id, EntryKind.CORRECTION, {"part": "officer"})
    with pytest.raises(Conflict, match="session_over"):
        await world.enter(session_id, "officer")


async def _see_all(world: World, connection: AsyncConnection) -> None:
    """Past the wall of the countries, as somebody with the owner's rights would go."""
    if world.database.dialect == "postgresql":
        await connection.run_sync(see_countries)


async def test_the_database_refuses_to_change_or_delete_entries(world: World) -> None:
    session_id = await _planned(world)
    for statement in (
        "UPDATE session_entries SET kind = 'ended' WHERE session_id = :id",
        "DELETE FROM session_entries WHERE session_id = :id",
    ):
        async with world.database.engine.connect() as connection:
            await _see_all(world, connection)
            with pytest.raises(Exception, match=r"grow_only|log_cannot_change"):
                await connection.execute(text(statement), {"id": session_id})


async def test_a_tampered_log_is_found(world: World) -> None:
    session_id = await _planned(world)
    drop = {
        "sqlite": "DROP TRIGGER session_entries_no_update",
        "postgresql": "DROP TRIGGER session_entries_grow_only ON session_entries",
    }
    async with world.database.engine.begin() as connection:
        await _see_all(world, connection)
        await connection.execute(text(drop[world.database.dialect]))
        await connection.execute(
            text("UPDATE session_entries SET kind = 'left' WHERE session_id = :id AND seq = 2"), {"id": session_id}
        )
    record = await _record(world, session_id)
    assert record["chain"] == {"ok": False, "broken_at": 2, "seal": None}


async def test_pauses_do_not_count_as_interpreting(world: World, clock: ManualClock) -> None:
    session_id = await _planned(world)
    for part in ("officer", "interpreter"):
        await world.enter(session_id, part)
    async with world.database.unit(SYSTEM) as uow:
        await world.services.conduct.start(uow, session_id)
    for _ in range(3):
        clock.advance(60)
        async with world.database.unit(SYSTEM) as uow:
            await world.log.pause(uow, session_id, reason=PauseReason.BREAK)
        clock.advance(600)
        async with world.database.unit(SYSTEM) as uow:
            await world.log.activate(uow, session_id)
    async with world.database.unit(SYSTEM) as uow:
        session = await world.log.end(uow, session_id, outcome=Outcome.REBOOKED, by="system")
    assert session.interpreting_ms == 180_000
    changed = [event.body["state"] for event in await world.events("session.changed")]
    assert changed == ["planned", "waiting", "active", *["paused", "active"] * 3, "ended"]


async def test_an_unknown_session_is_not_found(world: World) -> None:
    async with world.database.unit(SYSTEM) as uow:
        with pytest.raises(NotFound, match="session_unknown"):
            await world.log.pause(uow, "session_nothing", reason=PauseReason.BREAK)
