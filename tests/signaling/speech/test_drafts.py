"""Draft transcripts: nothing without everybody's yes, nothing after a no, and at the end wiped unless the officer decided else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from core.clock import ManualClock
from core.db.outbox_event import OutboxEvent
from core.db.session import Database
from core.errors import Conflict, NotFound
from media.speech.workers import Heard
from records.lifecycle import SessionState
from records.models import SessionParticipant
from signaling import places
from signaling.speech.models import COUNTRY_SWITCH
from signaling.speech.rows import draft_of
from signaling.speech.states import (
    OVER,
    Answer,
    Barred,
    DraftMove,
    DraftState,
    Flow,
    Seated,
    allowed,
    barred,
    flow,
    moved,
    shares_microphone,
)
from signaling.speech.views import Line, in_rows
from tests.scheduler.world import STEP, SYSTEM
from tests.signaling.speech.drafts import Talk

SECRET = "three brothers came over the river"


@pytest.fixture
async def everywhere(database: Database, clock: ManualClock) -> Talk:
    """On both databases, where locks or deletions matter."""
    return await Talk(database, clock).begin()


@pytest.fixture
async def talk(sqlite_url: str, clock: ManualClock) -> AsyncIterator[Talk]:
    """On SQLite."""
    database = Database.open(sqlite_url, clock)
    yield await Talk(database, clock).begin()
    await database.close()


async def state_of(talk: Talk) -> DraftState:
    async with talk.database.read(SYSTEM) as unit:
        draft = await draft_of(unit, talk.session_id)
        assert draft is not None
        return draft.state


def test_every_state_has_its_moves_and_the_last_ones_have_none() -> None:
    for state in OVER:
        for move in DraftMove:
            with pytest.raises(Conflict, match="draft_not_possible"):
                moved(state, move)
    assert moved(DraftState.ASKING, DraftMove.ALL_AGREED) is DraftState.RUNNING
    with pytest.raises(Conflict):
        moved(DraftState.STOPPED, DraftMove.ALL_AGREED)


def test_the_first_obstacle_is_named() -> None:
    good = {"mode": "open", "step_never": False, "country_on": True, "step_on": True, "has_model": True}
    assert barred(**good) is None  # type: ignore[arg-type]
    for change, reason in (
        ({"mode": "sealed"}, Barred.SEALED),
        ({"step_never": True}, Barred.STEP_NEVER),
        ({"country_on": False}, Barred.COUNTRY_OFF),
        ({"step_on": False}, Barred.STEP_OFF),
        ({"has_model": False}, Barred.NO_MODEL),
    ):
        assert barred(**{**good, **change}) is reason  # type: ignore[arg-type]


def test_sound_flows_only_while_everybody_present_agrees_and_the_talk_goes_on() -> None:
    both = [Seated("a", Answer.YES, "officer"), Seated("b", Answer.YES, "applicant")]
    assert flow(DraftState.RUNNING, SessionState.ACTIVE, both) is Flow.RUNNING
    assert flow(DraftState.RUNNING, SessionState.PAUSED, both) is Flow.BREAK
    assert flow(DraftState.RUNNING, SessionState.ACTIVE, [*both, Seated("c", None, "lawyer")]) is Flow.NEWCOMER
    assert flow(DraftState.ASKING, SessionState.ACTIVE, both) is Flow.ASKING
    assert flow(DraftState.RUNNING, SessionState.ACTIVE, both[:1]) is Flow.ABSENT, "nobody asked the person"
    near = [both[0], Seated(None, Answer.YES, "applicant")]
    assert flow(DraftState.RUNNING, SessionState.ACTIVE, near) is Flow.RUNNING
    assert allowed(Flow.RUNNING, near) == frozenset("a"), "who sits beside the officer has no sound of their own"
    assert shares_microphone(near)
    assert not shares_microphone(both)
    for current in Flow:
        assert allowed(current, both) == (frozenset("ab") if current is Flow.RUNNING else frozenset())


def line(part: str, at: int, **more: object) -> Line:
    when = datetime(2026, 11, 22, 8, 0, at, tzinfo=UTC)
    values = {
        "id": f"{part}{at}", "place_id": part, "part": part, "code": None, "language": "srp", "from_at": when, "to_at": when,
        "text": f"{part} {at}", "corrected": None, "corrected_part": None, "missing": None,
    }  # fmt: skip
    return Line(**{**values, **more})  # type: ignore[arg-type]


def test_renditions_stand_beside_what_they_render() -> None:
    lines = [
        line("officer", 1), line("interpreter", 4), line("applicant", 8), line("applicant", 9), line("interpreter", 12),
        line("officer", 15),
    ]  # fmt: skip
    assert [(each.id, each.row) for each in in_rows(reversed(lines))] == [  # type: ignore[arg-type]
        ("officer1", 1), ("interpreter4", 1), ("applicant8", 2), ("applicant9", 2), ("interpreter12", 2), ("officer15", 3),
    ]  # fmt: skip


async def test_it_is_off_until_country_and_step_allow_it(database: Database, clock: ManualClock) -> None:
    talk = await Talk(database, clock).begin(switched=False)
    for code, reason in ((COUNTRY_SWITCH, "draft_country_off"), (STEP, "draft_step_off")):
        with pytest.raises(Conflict, match=reason):
            await talk.drafts.ask(talk.session_id)
        async with database.unit(SYSTEM) as uow:
            await talk.switches.turn(uow, "RS", code, on=True, by="user_c")
    await talk.drafts.ask(talk.session_id)
    assert await state_of(talk) is DraftState.ASKING


async def test_a_talk_with_the_lawyer_can_never_be_allowed(talk: Talk) -> None:
    async with talk.database.unit(SYSTEM) as uow:
        with pytest.raises(Conflict, match="draft_step_never"):
            await talk.switches.turn(uow, "RS", "RS-ASY-40", on=True, by="user_c")


async def test_it_runs_when_the_last_one_agrees_and_each_answer_is_logged_without_content(talk: Talk) -> None:
    await talk.drafts.ask(talk.session_id)
    await talk.agree("interpreter")
    assert await state_of(talk) is DraftState.ASKING
    assert not await talk.say("officer", "srp", SECRET, 1), "nothing is written before everybody agreed"
    await talk.agree("applicant")
    assert await state_of(talk) is DraftState.RUNNING
    answers = [(data["part"], data["answer"]) for data in await talk.entries("transcript_consent")]
    assert sorted(answers) == sorted(
        [(part, "asked") for part in talk.places] + [(part, "yes") for part in talk.places]
    )
    assert [data["state"] for data in await talk.entries("transcript")] == ["running"]


async def test_a_no_ends_it_and_nobody_is_asked_twice(talk: Talk) -> None:
    await talk.drafts.ask(talk.session_id)
    await talk.drafts.answer(talk.places["applicant"], agrees=False)
    assert await state_of(talk) is DraftState.STOPPED
    with pytest.raises(Conflict, match="draft_refused"):
        await talk.drafts.ask(talk.session_id)
    with pytest.raises(Conflict, match="draft_refused"):
        await talk.agree("applicant")


async def test_the_officer_s_own_stop_may_begin_again_with_new_answers(talk: Talk) -> None:
    await talk.run()
    await talk.drafts.stop(talk.session_id)
    assert not await talk.say("officer", "srp", SECRET, 1)
    await talk.drafts.ask(talk.session_id)
    assert await state_of(talk) is DraftState.ASKING
    await talk.agree("interpreter", "applicant")
    assert await state_of(talk) is DraftState.RUNNING


async def test_withdrawal_wipes_the_person_s_lines_and_their_renditions(everywhere: Talk) -> None:
    talk = everywhere
    await talk.run()
    assert await talk.say("officer", "srp", "where from", 1)
    assert await talk.say("applicant", "pbt", SECRET, 4)
    assert await talk.say("interpreter", "srp", SECRET, 8)
    async with talk.database.read(SYSTEM) as unit:
        before = await draft_of(unit, talk.session_id)
        assert before is not None
        seen = before.version
    assert await talk.drafts.answer(talk.places["applicant"], agrees=False) is Answer.WITHDRAWN
    assert [each.part for each in await talk.all_lines()] == ["officer"]
    async with talk.database.read(SYSTEM) as unit:
        draft = await draft_of(unit, talk.session_id)
        assert draft is not None
        assert draft.wiped_version > seen, "open screens are told to forget"
    assert not await talk.say("applicant", "pbt", "what was on its way", 9)
    assert [(d["state"], d["reason"]) for d in await talk.entries("transcript")][-1] == ("stopped", "withdrawn")


async def test_a_withdrawal_after_the_stop_still_wipes(talk: Talk) -> None:
    await talk.run()
    await talk.say("applicant", "pbt", SECRET, 1)
    await talk.drafts.stop(talk.session_id)
    await talk.drafts.answer(talk.places["applicant"], agrees=False)
    assert await talk.all_lines() == []
    with pytest.raises(Conflict, match="draft_refused"):
        await talk.drafts.ask(talk.session_id)


async def test_lines_are_sealed_at_rest_and_told_nowhere(talk: Talk) -> None:
    await talk.run()
    await talk.say("applicant", "pbt", SECRET, 1)
    [row] = await talk.raw()
    assert row.draft_sealed is not None
    assert SECRET.encode() not in row.draft_sealed
    told: list[OutboxEvent] = await talk.world.events()
    assert SECRET not in json.dumps([event.body for event in told])


async def test_corrections_stand_beside_the_draft_and_collisions_are_refused(talk: Talk) -> None:
    await talk.run()
    await talk.say("applicant", "pbt", "tree brothers", 1)
    async with talk.database.read(SYSTEM) as unit:
        [(said, seen)] = await talk.lines.since(unit, talk.session_id, 0)
    await talk.lines.correct(talk.session_id, said.id, "three brothers", part="interpreter", version=seen)
    with pytest.raises(Conflict, match="changed_meanwhile"):
        await talk.lines.correct(talk.session_id, said.id, "other", part="officer", version=seen)
    [corrected] = await talk.all_lines()
    assert (corrected.text, corrected.corrected, corrected.corrected_part) == (
        "tree brothers", "three brothers", "interpreter",
    )  # fmt: skip


async def test_at_the_end_all_is_wiped_and_the_log_says_so(talk: Talk) -> None:
    await talk.run()
    await talk.say("applicant", "pbt", SECRET, 1)
    await talk.end()
    assert await talk.raw() == []
    assert [(d["state"], d["lines"]) for d in await talk.entries("transcript")][-1] == ("wiped", 1)
    async with talk.database.read(SYSTEM) as unit:
        with pytest.raises(NotFound, match="transcript_unknown"):
            await talk.drafts.transcript(unit, talk.session_id)


async def test_by_the_officer_s_decision_the_text_goes_into_the_record(everywhere: Talk) -> None:
    talk = everywhere
    await talk.run()
    await talk.say("applicant", "pbt", SECRET, 1)
    await talk.say("interpreter", "srp", "rendered", 4)
    await talk.say("applicant", "pbt", None, 9, missing="too_slow")
    await talk.drafts.keep(talk.session_id, keep=True)
    await talk.end()
    assert await talk.raw() == []
    async with talk.database.read(SYSTEM) as unit:
        text = await talk.drafts.transcript(unit, talk.session_id)
    assert text.startswith("НАЦРТ КОЈИ ЈЕ САСТАВИЛА МАШИНА. НИЈЕ ДОКАЗ."), "the officer held it in Serbian"
    assert f"(машински нацрт): \u2068{SECRET}\u2069" in text
    assert "(машина није записала)" in text
    assert [(d["state"], d["lines"]) for d in await talk.entries("transcript")][-1] == ("kept", 2)


async def test_keeping_what_was_withdrawn_keeps_nothing(talk: Talk) -> None:
    await talk.run()
    await talk.say("applicant", "pbt", SECRET, 1)
    await talk.drafts.keep(talk.session_id, keep=True)
    await talk.drafts.answer(talk.places["applicant"], agrees=False)
    await talk.end()
    assert await state_of(talk) is DraftState.WIPED


async def test_sound_leaves_only_by_consent_and_stops_for_breaks_and_newcomers(everywhere: Talk) -> None:
    talk = everywhere
    async with talk.listening():
        await talk.drafts.ask(talk.session_id)
        await talk.agree("interpreter")
        assert talk.tap.allowed == frozenset()
        await talk.agree("applicant")
        everybody = set(talk.places.values())
        await talk.tap.until(everybody)
        await talk.workers.until(3)
        assert {languages for _, languages, _ in talk.workers.opened.values()} == {("srp",), ("pbt",), ("pbt", "srp")}

        await talk.pause()
        await talk.tap.until(set())
        await talk.resume()
        await talk.tap.until(everybody)

        lawyer = await talk.guest("lawyer")
        await talk.tap.until(set())
        async with talk.database.read(SYSTEM) as unit:
            assert await unit.session.get(SessionParticipant, lawyer) is not None
        await _until_asked(talk, "lawyer")
        await talk.agree("lawyer")
        await talk.tap.until(everybody | {lawyer})


async def _until_asked(talk: Talk, part: str) -> None:
    async with asyncio.timeout(30):
        while part not in [data["part"] for data in await talk.entries("transcript_consent")]:  # noqa: ASYNC110 - rows
            await asyncio.sleep(0.05)


async def test_a_withdrawal_shuts_ears_at_once_and_what_is_on_its_way_is_lost(talk: Talk) -> None:
    async with talk.listening():
        await talk.run()
        await talk.workers.until(3)
        [late] = [heard for _, languages, heard in talk.workers.opened.values() if languages == ("pbt",)]
        now = int(talk.clock.now().timestamp() * 1000)
        talk.workers.say(("srp",), Heard(now, now + 2000, "srp", "where from", None))
        await _until_lines(talk, 1)
        await talk.drafts.answer(talk.places["applicant"], agrees=False)
        await talk.workers.until(0)
        late(Heard(now + 3000, now + 5000, "pbt", SECRET, None))
    assert [each.text for each in await talk.all_lines()] == ["where from"]


async def _until_lines(talk: Talk, count: int) -> None:
    async with asyncio.timeout(30):
        while len(await talk.raw()) < count:  # noqa: ASYNC110 - rows
            await asyncio.sleep(0.05)


async def test_who_leaves_unasked_does_not_hold_up_the_others(talk: Talk) -> None:
    async with talk.listening():
        await talk.guest("guardian")
        await talk.drafts.ask(talk.session_id)
        await talk.agree("interpreter", "applicant")
        await talk.leave("guardian")
        here = {talk.places[part] for part in ("officer", "interpreter", "applicant")}
        await talk.tap.until(here)
        await talk.leave("applicant")
        await talk.tap.until(set())
    assert (await places_of(talk))["applicant"] == "left"


async def test_a_switch_that_is_turned_off_ends_what_runs(talk: Talk) -> None:
    async with talk.listening():
        await talk.run()
        await talk.tap.until({talk.places[part] for part in ("officer", "interpreter", "applicant")})
        async with talk.database.unit(SYSTEM) as uow:
            await talk.switches.turn(uow, "RS", COUNTRY_SWITCH, on=False, by="user_c")
        await talk.told()
        await talk.tap.until(set())
    assert [(d["state"], d["reason"]) for d in await talk.entries("transcript")][-1] == ("stopped", "switched_off")


async def test_the_person_must_be_asked_on_a_device_or_be_named_as_sitting_here(talk: Talk) -> None:
    await talk.leave("applicant")
    with pytest.raises(Conflict, match="draft_person_absent"):
        await talk.drafts.ask(talk.session_id)


async def places_of(talk: Talk) -> dict[str, str]:
    async with talk.database.read(SYSTEM) as unit:
        return {place.part: place.state for place in await places.of_session(unit, talk.session_id)}
