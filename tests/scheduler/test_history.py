"""What the queue knows of a case beside the file: the second interpreter of a relay, and who was complained about (M-6)."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from core.clock import ManualClock
from core.db.session import Database
from records.case_facts import StepFacts
from records.lifecycle import Outcome
from records.models import ProcedureStep, Session
from scheduler.eligibility import Rule, eligible
from scheduler.languages import load_languages
from scheduler.legs import Way, leg_need
from scheduler.needs import build_need, need_from_json, need_to_json
from scheduler.pool_life.grievance import Ground, Source
from scheduler.queries import candidates_by_id
from tests.scheduler.booking.test_relay import rings, two
from tests.scheduler.world import OFFICER, SYSTEM, World


@pytest.fixture
async def world(database: Database, clock: ManualClock) -> World:
    return await World(database, clock).begin()


async def relayed(world: World, code: str) -> tuple[str, str]:
    """A relay that was interpreted as a step ``code``; case and session."""
    case_id, step_id = await world.case()
    booking_id = await world.request(step_id)
    for offer in (await rings(world, booking_id)).values():
        answer = await world.accept(offer)
    session_id = str(answer["session_id"])
    for part, person in (("officer", None), ("interpreter", "I-0001"), ("interpreter", "I-0002")):
        await world.enter(session_id, part, person)
    async with world.database.unit(SYSTEM) as uow:
        await world.services.conduct.start(uow, session_id)
    world.clock.advance(600)
    async with world.database.unit(SYSTEM) as uow:
        await world.services.conduct.finish(uow, session_id, outcome=Outcome.COMPLETED, by="officer")
        await uow.session.execute(update(ProcedureStep).where(ProcedureStep.id == step_id).values(code=code))
        await uow.session.execute(update(Session).where(Session.id == session_id).values(step_code=code))
    return case_id, session_id


async def facts_of(world: World, case_id: str, code: str) -> StepFacts:
    async with world.database.unit(OFFICER) as uow:
        made = await world.cases.plan_step(uow, case_id, code=code)
        return await world.cases.step_facts(uow, made["steps"][-1]["id"])


async def test_both_of_a_relay_go_on_and_both_are_left_out_of_an_appeal(world: World) -> None:
    first, second = await two(world)
    case_id, _ = await relayed(world, "RS-ASY-50")
    facts = await facts_of(world, case_id, "RS-ASY-51")
    assert (facts.continuity_id, facts.continuity_second) == (first, second)
    assert facts.earlier_ids == {first, second}
    need = build_need(
        facts,
        language="pbt",
        officer_language="srp",
        now=world.clock.now(),
        at=world.clock.now(),
        minutes=30,
        on_demand=True,
        table=load_languages(),
    )
    assert need_from_json(need_to_json(need)) == need
    assert [leg_need(need, Way.RELAY, "eng", leg).continuity_id for leg in (1, 2)] == [first, second]
    assert (await facts_of(world, case_id, "RS-VUL-30")).continuity_second is None, (
        "only where the same voice is needed"
    )


async def test_who_was_complained_about_is_not_offered_again_whichever_leg(world: World) -> None:
    _, second = await two(world)
    case_id, session_id = await relayed(world, "RS-ID-10")
    async with world.database.unit(SYSTEM) as uow:
        complaints = world.services.pool_life.complaints
        await complaints.file(uow, session_id, source=Source.OFFICER, ground=Ground.CONDITIONS, interpreter_id=second)
    assert (await facts_of(world, case_id, "RS-ID-20")).complaint_ids == frozenset(), "about the sound, not the person"
    async with world.database.unit(SYSTEM) as uow:
        await complaints.file(uow, session_id, source=Source.LAWYER, ground=Ground.LEFT_OUT, interpreter_id=second)
    facts = await facts_of(world, case_id, "RS-ID-30")
    assert facts.complaint_ids == {second}
    booking_id = await world.request(facts.step_id)
    assert second not in {offer.interpreter_id for offer in await world.offers(booking_id, state=None)}
    async with world.database.unit(SYSTEM) as uow:
        need = need_from_json((await world.booking(booking_id)).need)
        rules = await world.services.rounds.rules(uow, "RS-ID-30")
        (one,) = await candidates_by_id(uow, [second], need=need)
    assert Rule.COMPLAINT in {refusal.rule for refusal in eligible(need, one, rules)}
