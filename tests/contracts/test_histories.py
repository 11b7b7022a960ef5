"""A short random history on each database under kills: nobody is booked twice, nothing acknowledged is lost, nothing refused is done."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from records.lifecycle import SessionState
from records.models import Session
from scheduler.briefings.models import Briefing, BriefingAnswer, BriefingPost, Understood
from scheduler.lifecycle import AssignmentState, BookingState
from scheduler.models import Assignment, Booking
from scheduler.plans.models import CellState, Plan, PlanCell, PlanKind, PlanState
from tests.contracts import histories, history_plans
from tests.contracts.histories import Run
from tests.contracts.history_plans import Left
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


@pytest.mark.timeout(300)
async def test_a_history_on_sqlite_under_kills(sqlite_url: str, tmp_path: Path) -> None:
    run = await histories.play(
        sqlite_url, tmp_path, seconds=SECONDS, workers=WORKERS, kill_every=KILL_EVERY, seed=11, least=LEAST
    )
    assert run.worker_kills >= 2
    _is_sound(run)


@pytest.mark.services
@pytest.mark.timeout(300)
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


NOW = datetime(2026, 11, 22, tzinfo=UTC)


def _plan(state: PlanState, kind: PlanKind = PlanKind.ON_DEMAND, name: str = "p1") -> Plan:
    return Plan(id=name, country="RS", kind=kind, state=state, failure=None, absent_id=None)


def _cell(booking: str, state: CellState, who: str | None = "i1") -> PlanCell:
    return PlanCell(plan_id="p1", booking_id=booking, leg=1, interpreter_id=who, state=state)


AGREED = Assignment(id="a1", booking_id="b1", leg=1, interpreter_id="i1", state=AssignmentState.ACTIVE)


@pytest.mark.parametrize(
    ("left", "wrong"),
    [
        pytest.param([_cell("b1", CellState.BOUND), _cell("b2", CellState.STALE)], [], id="as it should be"),
        pytest.param([_cell("b2", CellState.BOUND)], ["bound, and nobody was agreed"], id="approved without work"),
        pytest.param([_cell("b1", CellState.BOUND, "i2")], ["bound, and nobody was agreed"], id="somebody else"),
    ],
)
def test_the_judge_sees_a_plan_that_is_not_what_was_agreed(left: list[PlanCell], wrong: list[str]) -> None:
    found = history_plans.plans(Left(plans={"p1": _plan(PlanState.APPROVED)}, cells=left), [AGREED])
    assert len(found) == len(wrong)
    assert all(part in told for part, told in zip(wrong, found, strict=True))


def test_the_judge_sees_half_a_repair_and_what_was_bound_without_a_yes() -> None:
    cells = [_cell("b1", CellState.BOUND), _cell("b2", CellState.PROPOSED)]
    half = Left(plans={"p1": _plan(PlanState.APPROVED, PlanKind.REPAIR)}, cells=cells)
    assert history_plans.plans(half, [AGREED]) == ["p1: half a repair is bound"]
    nobody = Left(plans={"p1": _plan(PlanState.PROPOSED)}, cells=cells[:1])
    assert history_plans.plans(nobody, [AGREED]) == ["p1 is proposed and has bound cells"]
    twice = {name: _plan(PlanState.DRAFT, name=name) for name in ("p1", "p2")}
    assert history_plans.plans(Left(plans=twice), []) == ["RS: 2 drafts at once"]


def test_the_judge_sees_an_approval_or_a_repair_that_is_lost() -> None:
    approved = {"op": "op_1", "kind": "approve", "phase": "ok", "plan": "p1", "bound": 1, "remaining": 0}
    done = Left(plans={"p1": _plan(PlanState.APPROVED)}, cells=[_cell("b1", CellState.BOUND)])
    assert history_plans.kept([approved], done, {}, []) == []
    for cells in ([_cell("b1", CellState.PROPOSED)], [_cell("b1", CellState.BOUND), _cell("b2", CellState.PROPOSED)]):
        assert history_plans.kept([approved], Left(plans=done.plans, cells=cells), {}, []) != []
    proposed = {"op": "op_2", "kind": "repair", "phase": "ok", "plans": ["p1"], "who": "i1"}
    assert history_plans.kept([proposed], done, {}, []) != [], "it is about somebody else"
    assert history_plans.kept([{**proposed, "plans": ["p9"]}], done, {}, []) != []


def test_the_judge_sees_a_replacement_that_is_lost_or_in_another_session() -> None:
    replaced = {"op": "op_1", "kind": "replace", "phase": "ok", "booking": "b1", "session": "s1"}
    booking = Booking(id="b1", state=BookingState.OFFERING, session_id="s1", briefing_id=None)
    broken = Assignment(id="a1", booking_id="b1", leg=1, interpreter_id="i1", state=AssignmentState.BROKEN)
    assert history_plans.kept([replaced], Left(), {"b1": booking}, [broken]) == []
    assert history_plans.kept([replaced], Left(), {"b1": booking}, [AGREED]) != [], "the first one still has it"
    other = Booking(id="b1", state=BookingState.OFFERING, session_id="s2", briefing_id=None)
    assert history_plans.kept([replaced], Left(), {"b1": other}, [broken]) != []
    sessions = {"s1": Session(id="s1", state=SessionState.ENDED)}
    twin = Booking(id="b2", state=BookingState.ASSIGNED, session_id="s1", briefing_id=None)
    assert history_plans.rooms(Left(sessions=sessions), {"b1": booking, "b2": twin}) == ["s1: 2 bookings"]
    ghost = Booking(id="b1", state=BookingState.IN_SESSION, session_id="s1", briefing_id=None)
    assert history_plans.rooms(Left(sessions=sessions), {"b1": ghost}) == ["b1 goes on in a session that is ended"]
    assert history_plans.rooms(Left(), {"b1": ghost}) == ["b1: its session is gone"]


def test_the_judge_sees_what_is_wrong_with_a_briefing() -> None:
    booking = Booking(id="b1", briefing_id="g1", session_id="s1", state=BookingState.IN_SESSION)
    briefing = Briefing(id="g1", booking_id="b1")

    def post(number: int, *, word: bool = False) -> BriefingPost:
        return BriefingPost(
            id=f"post{number}", briefing_id="g1", site="RS-PRESEVO", nr=number, word_at=NOW if word else None
        )

    said = BriefingAnswer(post_id="post1", group_no=1, people=40, answer=Understood.YES)
    log = {"post": "RS-PRESEVO/1", "group": 1, "people": 40, "answer": "yes"}

    def wrong(posts: list[BriefingPost], told: list[dict[str, object]]) -> list[str]:
        left = Left(briefings={"g1": briefing}, posts=posts, answers=[said], told={"s1": told})
        return history_plans.briefings(left, {"b1": booking})

    assert wrong([post(1, word=True), post(2)], [{**log, "people": 30}, log]) == []
    assert wrong([post(1), post(3)], [log]) == ["g1: posts [1, 3]"]
    assert wrong([post(1, word=True), post(2, word=True)], [log]) == ["g1: several posts have the word"]
    assert wrong([post(1)], []) == ["g1: its log tells something else than its posts"]
    assert wrong([post(1)], [log, {**log, "people": 30}]) == ["g1: its log tells something else than its posts"]
    assert history_plans.briefings(Left(), {"b1": booking}) == ["b1: its briefing is gone"]
    assert history_plans.briefings(Left(briefings={"g1": briefing}), {}) == ["g1 has no booking"]
    line = {"op": "op_1", "kind": "brief", "phase": "ok", "briefing": "g1", "booking": "b1", "posts": 2}
    assert history_plans.kept([line], Left(briefings={"g1": briefing}, posts=[post(1)]), {}, []) != []
