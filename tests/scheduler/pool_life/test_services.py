"""Membership, quality, complaints, care and timesheets over a database, on both engines."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from core.access import Actor
from core.clock import ManualClock
from core.db.session import Database
from core.errors import Conflict, Invalid, NotFound
from records.lifecycle import EndReason, Outcome
from records.models import Session
from records.stages import Level
from scheduler.lifecycle import AssignmentState
from scheduler.models import Assignment, CaseBar, Interpreter
from scheduler.pool_life import batches
from scheduler.pool_life.grievance import ComplaintMove, Ground, Measure, Source
from scheduler.pool_life.membership import MemberMove
from scheduler.pool_life.models import PoolEvidence
from scheduler.pool_life.pay import Currency, LineKind
from scheduler.pool_life.quality import Answer, ErrorKind, FoundError, Severity, Side
from scheduler.pool_write import ProfileInput
from tests.scheduler.world import COORDINATOR, MK_OFFICER, SYSTEM, World, pair


@pytest.fixture
async def world(database: Database, clock: ManualClock) -> World:
    return await World(database, clock).begin()


def _application(code: str) -> ProfileInput:
    return ProfileInput(
        code=code, nominated_by="RS", engagement="contract", base_country="RS", time_zone="Europe/Belgrade",
        location_status="approved_home", sex="woman", level="L0", pairs=[pair("pbt", "srp")],
    )  # fmt: skip


async def _finished(world: World, clock: ManualClock, minutes: int = 40) -> tuple[str, str]:
    """A session that was held and ended: its id and the interpreter's."""
    (person,) = await world.interpreters(1)
    booking_id = await world.request()
    session_id = await world.talk(booking_id)
    clock.advance(timedelta(minutes=minutes).total_seconds())
    async with world.database.unit(SYSTEM) as uow:
        await world.services.conduct.finish(uow, session_id, outcome=Outcome.COMPLETED, by="officer")
    return session_id, person


async def _quality(world: World, person: str) -> int:
    async with world.database.read(SYSTEM) as unit:
        found = await unit.session.scalar(select(Interpreter.quality).where(Interpreter.id == person))
    assert found is not None
    return found


async def test_the_way_into_the_pool(world: World, clock: ManualClock) -> None:
    members, now = world.services.pool_life.members, clock.now()
    async with world.database.unit(COORDINATOR) as uow:
        person = await members.apply(uow, _application("I-9001"))
    async with world.database.read(COORDINATOR) as unit:
        row = await unit.session.get(Interpreter, person)
        assert row is not None
        assert not row.active, "nobody is matched before they are admitted"
    async with world.database.unit(COORDINATOR) as uow:
        for move in (MemberMove.VET, MemberMove.TEST, MemberMove.TRAIN):
            await members.move(uow, person, move)
    with pytest.raises(Conflict, match="accreditation_gaps"):
        async with world.database.unit(COORDINATOR) as uow:
            await members.move(uow, person, MemberMove.ADMIT)
    async with world.database.unit(COORDINATOR) as uow:
        for kind in ("conduct", "nda", "vetting"):
            await members.note_paper(
                uow, person, kind, issued_at=now, expires_at=now + timedelta(days=365), version="3"
            )
        await members.note_pair_test(uow, person, pair("pbt", "srp"), at=now, passed=True)
        await members.move(uow, person, MemberMove.ADMIT)
    with pytest.raises(Conflict) as refused:
        async with world.database.unit(COORDINATOR) as uow:
            await members.grant(uow, person, Level.L1)
    assert refused.value.params["gaps"] == "remote_training"
    async with world.database.unit(COORDINATOR) as uow:
        await members.note_training(uow, person, "REMOTE", on=now.date(), expires=None)
        await members.grant(uow, person, Level.L1)
    async with world.database.read(COORDINATOR) as unit:
        view = await members.view(unit, person)
        history = [one["kind"] for one in await members.history(unit, person)]
    assert (view["stage"], view["level"], view["gaps"]["L1"]) == ("active", "L1", [])
    assert view["gaps"]["L2"] == ["protection_training", "reviewed_hours"]
    assert history.count("stage") == 5
    assert {"conduct", "nda", "vetting", "pair_test", "training", "level"} <= set(history)


async def test_a_level_cannot_be_brought_along(world: World) -> None:
    with pytest.raises(Invalid, match="level_by_accreditation"):
        async with world.database.unit(COORDINATOR) as uow:
            await world.services.pool_life.members.apply(uow, {**_application("I-9002"), "level": "L3"})


async def test_a_suspended_interpreter_is_not_rung(world: World) -> None:
    (person,) = await world.interpreters(1)
    with pytest.raises(Invalid, match="reason_needed"):
        async with world.database.unit(COORDINATOR) as uow:
            await world.services.pool_life.members.move(uow, person, MemberMove.SUSPEND)
    async with world.database.unit(COORDINATOR) as uow:
        await world.services.pool_life.members.move(uow, person, MemberMove.SUSPEND, "papers")
    assert await world.offers(await world.request()) == []


async def test_evidence_cannot_be_changed(world: World, clock: ManualClock) -> None:
    (person,) = await world.interpreters(1)
    async with world.database.unit(COORDINATOR) as uow:
        await world.services.pool_life.members.note_training(uow, person, "CHILD", on=clock.now().date(), expires=None)
    async with world.database.unit(SYSTEM) as uow:
        (row,) = (await uow.session.scalars(select(PoolEvidence))).all()
        row.kind = "level"
        with pytest.raises(Conflict, match="log_cannot_change"):
            await uow.flush()
        await uow.session.rollback()


async def test_papers_that_end_before_they_begin_are_refused(world: World, clock: ManualClock) -> None:
    (person,) = await world.interpreters(1)
    members, now = world.services.pool_life.members, clock.now()
    for issued, expires, code in (
        (now, now, "time_order"), (now, None, "time_order"), (now + timedelta(days=1), now + timedelta(days=9), "time_in_future"),
    ):  # fmt: skip
        with pytest.raises(Invalid, match=code):
            async with world.database.unit(COORDINATOR) as uow:
                await members.note_paper(uow, person, "nda", issued_at=issued, expires_at=expires)


async def test_the_watch_names_what_runs_out(world: World, clock: ManualClock) -> None:
    await world.interpreters(1, nda_expires=clock.now() + timedelta(days=6))
    async with world.database.read(COORDINATOR) as unit:
        found = await world.services.pool_life.members.watch(unit)
    assert [(code, notice.kind, notice.urgency.value) for code, notice in found] == [("I-0001", "nda", "days_7")]


async def test_ratings_move_the_number_that_the_matcher_reads(world: World, clock: ManualClock) -> None:
    session_id, person = await _finished(world, clock)
    ratings = world.services.pool_life.ratings
    async with world.database.unit(SYSTEM) as uow:
        await ratings.rate(uow, session_id, Side.OFFICER, Answer.GOOD, ["careful"])
        await ratings.rate(uow, session_id, Side.PERSON, Answer.GOOD)
    assert await _quality(world, person) == 3
    with pytest.raises(Conflict, match="already_rated"):
        async with world.database.unit(SYSTEM) as uow:
            await ratings.rate(uow, session_id, Side.OFFICER, Answer.POOR)
    with pytest.raises(Invalid, match="value_unknown"):
        async with world.database.unit(SYSTEM) as uow:
            await ratings.rate(uow, session_id, Side.INTERPRETER, Answer.GOOD, ["careful"])
    clock.advance(timedelta(days=8).total_seconds())
    with pytest.raises(Conflict, match="rating_closed"):
        async with world.database.unit(SYSTEM) as uow:
            await ratings.rate(uow, session_id, Side.INTERPRETER, Answer.GOOD)


async def test_a_session_is_rated_after_it_not_in_it(world: World) -> None:
    await world.interpreters(1)
    session_id = await world.talk(await world.request())
    with pytest.raises(Conflict, match="session_running"):
        async with world.database.unit(SYSTEM) as uow:
            await world.services.pool_life.ratings.rate(uow, session_id, Side.OFFICER, Answer.GOOD)


async def test_a_review_from_asking_to_reading(world: World) -> None:
    (person,) = await world.interpreters(1)
    reviews = world.services.pool_life.reviews
    async with world.database.unit(COORDINATOR) as uow:
        review = await reviews.ask(uow, person, country="RS", method="mock")
    with pytest.raises(Conflict, match="review_open"):
        async with world.database.unit(COORDINATOR) as uow:
            await reviews.ask(uow, person, country="RS", method="mock")
    async with world.database.unit(COORDINATOR) as uow:
        view = await reviews.finish(
            uow, review, minutes=60, errors=[FoundError(ErrorKind.DISTORTION, Severity.CRITICAL, 2)]
        )
    assert (view["points"], view["answer"], view["repeat"]) == (8.3, "fair", True)
    with pytest.raises(NotFound, match="review_unknown"):
        async with world.database.unit(SYSTEM) as uow:
            await reviews.read(uow, review, "somebody else")
    async with world.database.unit(SYSTEM) as uow:
        await reviews.read(uow, review, person)
    async with world.database.read(COORDINATOR) as unit:
        member = await world.services.pool_life.members.view(unit, person)
    assert (member["reviewed_minutes"], member["reviews_last_year"]) == (60, 1)


async def test_who_is_unhappy_three_times_in_a_month_leads_to_a_review(world: World, clock: ManualClock) -> None:
    (person,) = await world.interpreters(1)
    async with world.database.unit(SYSTEM) as uow:
        await uow.session.execute(
            update(Interpreter).where(Interpreter.id == person).values(joined_pool_at=clock.now() - timedelta(days=60))
        )
    for _ in range(3):
        session_id = await world.talk(await world.request())
        clock.advance(600)
        async with world.database.unit(SYSTEM) as uow:
            await world.services.conduct.finish(uow, session_id, outcome=Outcome.COMPLETED, by="officer")
            await world.services.pool_life.ratings.rate(uow, session_id, Side.PERSON, Answer.POOR)
        clock.advance(1800)
        await world.stay(person)
    async with world.database.read(COORDINATOR) as unit:
        due = await world.services.pool_life.reviews.due(unit)
    assert [(one["interpreter_id"], one["cause"]) for one in due] == [(person, "answers")]


async def test_from_a_complaint_on_somebody_else_serves_the_case(world: World, clock: ManualClock) -> None:
    session_id, person = await _finished(world, clock)
    complaints = world.services.pool_life.complaints
    async with world.database.unit(COORDINATOR) as uow:
        complaint = await complaints.file(uow, session_id, source=Source.PERSON, ground=Ground.NOT_NEUTRAL)
        assert await uow.session.scalar(select(CaseBar.code).where(CaseBar.interpreter_id == person)) == "complaint"
    with pytest.raises(Conflict, match="complaint_open"):
        async with world.database.unit(COORDINATOR) as uow:
            await complaints.file(uow, session_id, source=Source.PERSON, ground=Ground.CONDUCT)
    with pytest.raises(Invalid, match="measure_needed"):
        async with world.database.unit(COORDINATOR) as uow:
            await complaints.move(uow, complaint, ComplaintMove.UPHOLD)
    async with world.database.unit(COORDINATOR) as uow:
        await complaints.move(uow, complaint, ComplaintMove.EXAMINE)
        await complaints.move(
            uow, complaint, ComplaintMove.UPHOLD, [Measure.REINTERVIEW, Measure.SUSPENSION, Measure.REVIEW]
        )
    async with world.database.read(COORDINATOR) as unit:
        session = await world.log.get(unit, session_id)
        advice = await complaints.advice(unit, session.case_id or "")
        member = await world.services.pool_life.members.view(unit, person)
        reviews = await world.services.pool_life.reviews.list(unit, interpreter_id=person, open_only=True)
        (view,) = await complaints.list(unit)
    assert [one["session_id"] for one in advice] == [session_id]
    assert (member["stage"], member["reason"]) == ("suspended", "complaint")
    assert len(reviews) == 1
    assert (view["state"], view["deadline"], view["moves"]) == ("upheld", "decided", [])
    async with world.database.read(MK_OFFICER) as unit:
        assert await complaints.list(unit) == [], "the other country does not see it"


async def test_hard_work_leads_to_an_offer_of_a_talk_once(world: World, clock: ManualClock) -> None:
    session_id, person = await _finished(world, clock)
    care = world.services.pool_life.care
    async with world.database.unit(SYSTEM) as uow:
        assert await care.offer_talks(uow) == 0, "one identification is no hard week"
        await world.services.pool_life.ratings.rate(uow, session_id, Side.INTERPRETER, Answer.FAIR, ["hard_to_bear"])
        assert await care.offer_talks(uow) == 1
        assert await care.offer_talks(uow) == 0
        own = await care.own(uow, person)
    assert own["talk"] is not None
    assert (own["week"]["distress"], own["talk"]["cause"]) == (1, "distress")
    async with world.database.unit(SYSTEM) as uow:
        await care.answer(uow, own["talk"]["id"], person, wanted=True)
    with pytest.raises(Conflict, match="talk_answered"):
        async with world.database.unit(SYSTEM) as uow:
            await care.answer(uow, own["talk"]["id"], person, wanted=False)
    async with world.database.unit(COORDINATOR) as uow:
        (waiting,) = await care.waiting(uow)
        await care.held(uow, waiting["id"])
        assert await care.waiting(uow) == []


async def test_a_talk_that_ended_because_of_distress_counts_though_nobody_says_so(
    world: World, clock: ManualClock
) -> None:
    session_id, person = await _finished(world, clock)
    async with world.database.unit(SYSTEM) as uow:
        (await uow.session.get_one(Session, session_id)).reason = EndReason.DISTRESS.value
    async with world.database.unit(SYSTEM) as uow:
        assert await world.services.pool_life.care.offer_talks(uow) == 1
        own = await world.services.pool_life.care.own(uow, person)
    assert own["talk"] is not None
    assert (own["week"]["distress"], own["talk"]["cause"]) == (1, "distress")


async def _line(world: World, actor: Actor = SYSTEM) -> dict[str, Any]:
    async with world.database.read(actor) as unit:
        (line,) = await world.services.pool_life.timesheets.lines(unit)
    return dict(line)


async def test_minutes_become_money_when_both_sides_agree(world: World, clock: ManualClock) -> None:
    _, person = await _finished(world, clock, minutes=37)
    sheets = world.services.pool_life.timesheets
    async with world.database.unit(SYSTEM) as uow:
        assert await sheets.collect(uow) == 1
        assert await sheets.collect(uow) == 0, "a line is made once"
    line = await _line(world)
    assert (line["minutes"], line["state"], line["late"]) == (37, "open", False)
    async with world.database.unit(SYSTEM) as uow:
        await sheets.confirm(uow, line["id"], as_interpreter=True, minutes=37)
        await sheets.confirm(uow, line["id"], as_interpreter=False, minutes=37)
    assert (await _line(world))["minor"] is None, "no rate is set, so there is no amount"
    with pytest.raises(Conflict, match="nothing_to_export"):
        async with world.database.unit(COORDINATOR) as uow:
            await sheets.export(uow, "RS")
    rate: dict[str, Any] = {
        "country": "RS", "engagement": "staff", "kind": LineKind.SESSION, "currency": Currency.RSD,
        "minor_per_hour": 120_000, "valid_from": clock.now() - timedelta(days=9),
    }  # fmt: skip
    async with world.database.unit(COORDINATOR) as uow:
        await sheets.set_rate(uow, **rate)
    assert (await _line(world))["minor"] == 74_000
    with pytest.raises(Conflict, match="rate_exists"):
        async with world.database.unit(COORDINATOR) as uow:
            await sheets.set_rate(uow, **rate)
    async with world.database.unit(COORDINATOR) as uow:
        made = await sheets.export(uow, "RS")
    (row,) = csv.DictReader(io.StringIO(made.content))
    assert (row["interpreter"], row["minutes"], row["currency"], row["amount"]) == ("I-0001", "37", "RSD", "740.00")
    async with world.database.read(COORDINATOR) as unit:
        assert [age["up_to_30"] for age in await sheets.ageing(unit)] == [74_000]
        (open_batch,) = await batches.waiting(unit)
        assert await batches.again(unit, made.batch) == ("RS", 1, made.content)
    assert (open_batch["batch"], open_batch["lines"], open_batch["sums"]) == (made.batch, 1, {"RSD": 74_000})
    async with world.database.unit(COORDINATOR) as uow:
        assert await sheets.paid(uow, made.batch) == (1, "RS")
    async with world.database.read(COORDINATOR) as unit:
        assert await sheets.ageing(unit) == []
        assert await batches.waiting(unit) == []
        assert await sheets.line_facts(unit, line["id"]) == ("RS", person, "user_O-1183")
    async with world.database.read(MK_OFFICER) as unit:
        assert await sheets.lines(unit) == [], "the other country does not see what this one pays"


async def test_different_minutes_are_settled_by_a_person(world: World, clock: ManualClock) -> None:
    await _finished(world, clock, minutes=30)
    sheets = world.services.pool_life.timesheets
    async with world.database.unit(SYSTEM) as uow:
        await sheets.collect(uow)
    line = await _line(world)
    with pytest.raises(Conflict, match="line_closed"):
        async with world.database.unit(COORDINATOR) as uow:
            await sheets.settle(uow, line["id"], minutes=31)
    async with world.database.unit(SYSTEM) as uow:
        await sheets.confirm(uow, line["id"], as_interpreter=True, minutes=35)
        await sheets.confirm(uow, line["id"], as_interpreter=False, minutes=30)
    assert (await _line(world))["state"] == "disputed"
    async with world.database.unit(COORDINATOR) as uow:
        await sheets.settle(uow, line["id"], minutes=32)
    settled = await _line(world)
    assert (settled["state"], settled["minutes"], settled["interpreter_minutes"]) == ("confirmed", 32, 35)
    with pytest.raises(Conflict, match="line_closed"):
        async with world.database.unit(SYSTEM) as uow:
            await sheets.confirm(uow, line["id"], as_interpreter=True, minutes=35)


async def test_a_line_left_open_after_its_day_is_late_and_can_be_settled(world: World, clock: ManualClock) -> None:
    await _finished(world, clock, minutes=30)
    sheets = world.services.pool_life.timesheets
    async with world.database.unit(SYSTEM) as uow:
        await sheets.collect(uow)
    clock.advance(timedelta(days=1).total_seconds())
    line = await _line(world)
    assert line["late"]
    async with world.database.unit(COORDINATOR) as uow:
        await sheets.settle(uow, line["id"], minutes=30)
    assert (await _line(world))["state"] == "confirmed"


async def test_a_booking_called_off_too_late_is_paid_by_its_notice_class(world: World, clock: ManualClock) -> None:
    await world.interpreters(1)
    booking_id = await world.request()
    await world.accept((await world.offers(booking_id))[0])
    async with world.database.unit(SYSTEM) as uow:
        await uow.session.execute(
            update(Assignment)
            .where(Assignment.booking_id == booking_id)
            .values(state=AssignmentState.RELEASED, ended_at=uow.now, notice_percent=50, minutes=90)
        )
        await world.services.pool_life.timesheets.collect(uow)
    line = await _line(world)
    assert (line["kind"], line["minutes"]) == ("late_cancel", 45)


async def test_who_came_for_nothing_is_paid_for_that(world: World, clock: ManualClock) -> None:
    """The other side did not come (no-show): another kind of line than a cancellation, so it may have another rate."""
    await world.interpreters(1)
    booking_id = await world.request(kind="appointment", in_hours=24, minutes=60)
    await world.accept((await world.offers(booking_id))[0])
    clock.advance(24 * 3600 - 60)
    await world.enter((await world.booking(booking_id)).session_id, "interpreter")
    clock.advance(17 * 60)
    await world.worker.tick()
    assert (await world.booking(booking_id)).reason == "officer_absent"
    async with world.database.unit(SYSTEM) as uow:
        await world.services.pool_life.timesheets.collect(uow)
    line = await _line(world)
    assert (line["kind"], line["minutes"]) == ("wasted", 60)


async def test_who_waited_in_vain_on_a_request_for_now_is_paid_as_well(world: World, clock: ManualClock) -> None:
    """The interpreter came at once and the officer did not: the planned time is paid, as at an appointment."""
    await world.interpreters(1)
    booking_id = await world.request(minutes=20)
    session_id = (await world.accept((await world.offers(booking_id))[0]))["session_id"]
    await world.enter(session_id, "interpreter")
    clock.advance(17 * 60)
    await world.worker.tick()
    assert (await world.booking(booking_id)).reason == "officer_absent"
    async with world.database.unit(SYSTEM) as uow:
        await world.services.pool_life.timesheets.collect(uow)
    line = await _line(world)
    assert (line["kind"], line["minutes"]) == ("wasted", 20)
