"""People without a screen: beside the officer they are asked through the interpreter, on the telephone they press a key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from core.clock import ManualClock
from core.db.session import Database
from core.errors import Conflict, NotFound
from signaling.speech.rows import draft_of
from signaling.speech.states import Answer, DraftState, How
from tests.scheduler.world import SYSTEM
from tests.signaling.speech.drafts import Talk


@pytest.fixture
async def everywhere(database: Database, clock: ManualClock) -> Talk:
    """The person sits beside the officer; on both databases."""
    talk = await Talk(database, clock).begin()
    await talk.leave("applicant")
    return talk


@pytest.fixture
async def talk(sqlite_url: str, clock: ManualClock) -> AsyncIterator[Talk]:
    """The same on SQLite."""
    database = Database.open(sqlite_url, clock)
    made = await Talk(database, clock).begin()
    await made.leave("applicant")
    yield made
    await database.close()


async def state_of(talk: Talk) -> DraftState:
    async with talk.database.read(SYSTEM) as unit:
        draft = await draft_of(unit, talk.session_id)
        assert draft is not None
        return draft.state


async def test_it_runs_when_the_answer_of_the_person_beside_is_noted(everywhere: Talk) -> None:
    talk = everywhere
    await talk.drafts.ask(talk.session_id, near=["applicant"])
    await talk.agree("interpreter")
    assert await state_of(talk) is DraftState.ASKING
    assert await talk.note("applicant", agrees=True) is Answer.YES
    assert await state_of(talk) is DraftState.RUNNING
    noted = [entry for entry in await talk.entries("transcript_consent") if entry["part"] == "applicant"]
    interpreter = await talk.place("interpreter")
    assert [(one["answer"], one["how"], one["noted_part"], one["noted_code"]) for one in noted] == [
        ("asked", None, None, None),
        ("yes", "spoken", "interpreter", interpreter.code),
    ]
    own = [entry["how"] for entry in await talk.entries("transcript_consent") if entry["answer"] == "yes"]
    assert sorted(own) == ["own_screen", "own_screen", "spoken"]


async def test_a_yes_that_the_officer_notes_waits_for_the_interpreter_s_word(everywhere: Talk) -> None:
    talk = everywhere
    async with talk.listening():
        await talk.drafts.ask(talk.session_id, near=["applicant"])
        await talk.agree("interpreter")
        assert await talk.note("applicant", agrees=True, by="officer") is Answer.SAID
        assert await talk.note("applicant", agrees=True, by="officer") is Answer.SAID, "said twice is not confirmed"
        assert await state_of(talk) is DraftState.ASKING
        assert talk.tap.allowed == frozenset()
        assert await talk.note("applicant", agrees=True) is Answer.YES
        await talk.tap.until({talk.places["officer"], talk.places["interpreter"]})
    noted = [entry for entry in await talk.entries("transcript_consent") if entry["part"] == "applicant"]
    assert [(one["answer"], one["noted_part"]) for one in noted] == [
        ("asked", None),
        ("said", "officer"),
        ("yes", "interpreter"),
    ]


async def test_an_interpreter_who_did_not_hear_it_says_no(talk: Talk) -> None:
    await talk.drafts.ask(talk.session_id, near=["applicant"])
    await talk.agree("interpreter")
    await talk.note("applicant", agrees=True, by="officer")
    assert await talk.note("applicant", agrees=False) is Answer.NO
    assert await state_of(talk) is DraftState.STOPPED


async def test_a_no_that_the_interpreter_notes_ends_it_for_good(talk: Talk) -> None:
    await talk.drafts.ask(talk.session_id, near=["applicant"])
    await talk.agree("interpreter")
    assert await talk.note("applicant", agrees=False) is Answer.NO
    assert await state_of(talk) is DraftState.STOPPED
    with pytest.raises(Conflict, match="draft_refused"):
        await talk.note("applicant", agrees=True)
    with pytest.raises(Conflict, match="draft_refused"):
        await talk.drafts.ask(talk.session_id, near=["applicant"])


async def test_taking_it_back_wipes_what_the_shared_microphone_heard(everywhere: Talk) -> None:
    talk = everywhere
    await talk.drafts.ask(talk.session_id, near=["applicant"])
    await talk.agree("interpreter")
    await talk.note("applicant", agrees=True)
    assert await talk.say("officer", "pbt", "three brothers", 1, shared=True)
    assert await talk.say("officer", "srp", "where from", 4, shared=True)
    assert await talk.say("interpreter", "srp", "three brothers", 8)
    assert await talk.note("applicant", agrees=False) is Answer.WITHDRAWN
    assert await talk.raw() == []
    assert [(d["state"], d["reason"]) for d in await talk.entries("transcript")][-1] == ("stopped", "withdrawn")


async def test_nobody_answers_for_those_who_can_answer_themselves(talk: Talk) -> None:
    await talk.guest("guardian")
    with pytest.raises(Conflict, match="draft_own_screen"):
        await talk.drafts.ask(talk.session_id, near=["applicant", "guardian"])
    with pytest.raises(Conflict, match="draft_own_screen"):
        await talk.drafts.ask(talk.session_id, near=["applicant", "interpreter"])
    await talk.drafts.ask(talk.session_id, near=["applicant"])
    for part in ("interpreter", "guardian"):
        with pytest.raises(Conflict, match="draft_own_screen"):
            await talk.note(talk.places[part], agrees=True)
    with pytest.raises(NotFound, match="draft_unknown"):
        await talk.note("lawyer", agrees=True)


async def test_without_an_interpreter_nobody_can_have_been_asked(talk: Talk) -> None:
    await talk.drafts.ask(talk.session_id, near=["applicant"])
    await talk.leave("interpreter")
    with pytest.raises(Conflict, match="draft_no_interpreter"):
        await talk.note("applicant", agrees=True)
    assert await talk.note("applicant", agrees=False) is Answer.NO, "a no is always taken"


async def test_somebody_on_the_telephone_alone_presses_a_key(talk: Talk) -> None:
    await talk.by_phone("interpreter")
    await talk.drafts.ask(talk.session_id, near=["applicant"])
    with pytest.raises(Conflict, match="draft_own_screen"):
        await talk.note(talk.places["interpreter"], agrees=True)
    assert await talk.drafts.answer(talk.places["interpreter"], agrees=True, how=How.OWN_KEY) is Answer.YES
    last = (await talk.entries("transcript_consent"))[-1]
    assert (last["part"], last["answer"], last["how"]) == ("interpreter", "yes", "own_key")
    with pytest.raises(NotFound, match="draft_unknown"):
        await talk.drafts.confirm(await talk.place("interpreter"))
    assert await talk.note("applicant", agrees=True, by="officer") is Answer.SAID, "not understood by officers"
    assert await state_of(talk) is DraftState.ASKING
    with pytest.raises(NotFound, match="draft_unknown"):
        await talk.drafts.confirm(await talk.place("officer"))
    await talk.drafts.confirm(await talk.place("interpreter"))
    assert await state_of(talk) is DraftState.RUNNING
    last = (await talk.entries("transcript_consent"))[-1]
    assert (last["part"], last["answer"], last["how"]) == ("applicant", "yes", "spoken")
    assert last["noted_part"] == "interpreter"
    await talk.say("interpreter", "srp", "rendered", 1)
    assert await talk.drafts.answer(talk.places["interpreter"], agrees=False, how=How.OWN_KEY) is Answer.WITHDRAWN
    assert await talk.raw() == []


async def test_a_guest_on_the_telephone_is_asked_through_the_interpreter(talk: Talk) -> None:
    await talk.guest("lawyer")
    await talk.by_phone("lawyer")
    await talk.drafts.ask(talk.session_id, near=["applicant"])
    await talk.agree("interpreter")
    await talk.note("applicant", agrees=True)
    assert await state_of(talk) is DraftState.ASKING
    assert await talk.note(talk.places["lawyer"], agrees=True, by="officer") is Answer.SAID
    assert await talk.note(talk.places["lawyer"], agrees=True) is Answer.YES
    assert await state_of(talk) is DraftState.RUNNING


async def test_one_microphone_has_two_languages_and_ears_shut_until_the_answer(everywhere: Talk) -> None:
    talk = everywhere
    async with talk.listening():
        await talk.drafts.ask(talk.session_id, near=["applicant"])
        await talk.agree("interpreter")
        assert talk.tap.allowed == frozenset()
        await talk.note("applicant", agrees=True)
        here = {talk.places["officer"], talk.places["interpreter"]}
        await talk.tap.until(here)
        await talk.workers.until(2)
        assert {languages for _, languages, _ in talk.workers.opened.values()} == {("pbt", "srp")}
        assert talk.workers.by_sound
        await talk.drafts.name_beside(talk.session_id, "guardian")
        await talk.tap.until(set())
        await talk.note("guardian", agrees=True)
        await talk.tap.until(here)
        tablet = await talk.guest("applicant")
        await talk.tap.until(set())
        await _agreed(talk)
        await talk.tap.until(here | {tablet})


async def _agreed(talk: Talk) -> None:
    """The tablet is asked as any newcomer."""
    async with asyncio.timeout(30):
        while True:
            try:
                await talk.agree("applicant")
            except NotFound:
                await asyncio.sleep(0.05)
            else:
                return
