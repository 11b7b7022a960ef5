"""A short random history on each database under kills: nobody is booked twice, nothing acknowledged is lost, nothing refused is done."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scheduler.lifecycle import AssignmentState, BookingState
from scheduler.models import Assignment, Booking
from tests.contracts import histories
from tests.contracts.histories import Run
from tests.services import Postgres

SECONDS, WORKERS, KILL_EVERY, LEAST = 8.0, 2, 1.5, 12


@pytest.fixture
def own_server() -> Iterator[Postgres]:
    """A PostgreSQL server that this test may kill."""
    server = Postgres.start(durable=True)
    yield server
    server.stop()


def _is_sound(run: Run) -> None:
    assert run.violations == [], run.violations[:10]
    assert run.operations["ok"] >= LEAST, run.operations
    assert run.kinds["book"] + run.kinds["hold"] + run.kinds["request"], "nothing was booked"


@pytest.mark.timeout(90)
async def test_a_history_on_sqlite_under_kills(sqlite_url: str, tmp_path: Path) -> None:
    run = await histories.play(
        sqlite_url, tmp_path, seconds=SECONDS, workers=WORKERS, kill_every=KILL_EVERY, seed=11, least=LEAST
    )
    assert run.worker_kills >= 2
    _is_sound(run)


@pytest.mark.services
@pytest.mark.timeout(120)
async def test_a_history_on_postgresql_under_kills_of_both_sides(own_server: Postgres, tmp_path: Path) -> None:
    url = own_server.create()
    run = await histories.play(
        url, tmp_path, seconds=SECONDS, workers=WORKERS, kill_every=KILL_EVERY, seed=12, server=own_server, least=LEAST
    )
    assert run.server_kills >= 1
    _is_sound(run)


def test_the_judge_sees_what_is_wrong() -> None:
    """A history that promises what is not there, and one that did what it refused."""
    lost = {"op": "op_1", "kind": "book", "phase": "ok", "booking": "booking_1", "state": "assigned", "way": "direct"}
    assert histories.promises([lost], {}, [], {}) != []
    now = datetime(2026, 11, 22, tzinfo=UTC)
    relay = Booking(id="b1", way="relay", kind="appointment", state=BookingState.UNFILLED, starts_at=now)
    half = Assignment(id="a1", booking_id="b1", leg=1, state=AssignmentState.HELD, expires_at=now)
    assert histories.lines({"b1": relay}, [half]) == ["b1: half a relay is kept for nobody"]
    team = Booking(id="b1", way="team", kind="appointment", state=BookingState.UNFILLED, starts_at=now)
    assert histories.lines({"b1": team}, [half]) == []
    half.expires_at = None
    assert histories.lines({"b1": team}, [half]) == ["b1: a place is kept without end"]
    defect = {"op": "op_2", "kind": "cancel", "phase": "defect", "code": "KeyError"}
    assert histories.promises([defect], {}, [], {}) == ["op_2 cancel: KeyError"]
