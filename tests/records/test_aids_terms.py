"""Agreed terms: who agrees to what, what may not stand in them, history, wiping, and two who press at once."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from core.clock import ManualClock
from core.db.session import Database
from core.errors import Conflict, Forbidden, Invalid, NotFound
from records.aids_glossary import OFFICER_COLUMNS, PERSON_COLUMNS, load_glossary
from records.aids_state import TermMove, TermState, moved
from records.aids_terms import By, NewTerm, TermBook, TermView, checked, folded, looks_like_a_name
from records.models import Session
from tests.scheduler.world import SYSTEM, World

TODAY = date(2026, 11, 22)
BOOK = TermBook()
TERM = NewTerm("старатељ", "سرپرست قانونی", "за дете")


@pytest.fixture
async def world(database: Database, clock: ManualClock) -> World:
    return await World(database, clock).begin()


async def planned(world: World) -> str:
    await world.interpreters(1)
    booking = await world.request()
    session_id = (await world.accept((await world.offers(booking))[0]))["session_id"]
    assert session_id is not None
    return session_id


async def propose(world: World, session_id: str, part: str, term: NewTerm = TERM) -> tuple[str, int]:
    async with world.database.unit(SYSTEM) as uow:
        session = await uow.session.get(Session, session_id)
        assert session is not None
        made, n = await BOOK.propose(uow, session, By(session_id, part, "X-1"), term)
        return made.id, n


async def move(world: World, session_id: str, part: str, term_id: str, what: TermMove) -> int:
    async with world.database.unit(SYSTEM) as uow:
        session = await uow.session.get(Session, session_id)
        assert session is not None
        return (await BOOK.move(uow, session, By(session_id, part, "X-1"), term_id, what))[1]


async def living(world: World, session_id: str) -> list[TermView]:
    async with world.database.read(SYSTEM) as unit:
        session = await unit.session.get(Session, session_id)
        assert session is not None
        return await BOOK.living(unit, session.case_id or "")


def test_it_takes_two_to_agree() -> None:
    proposed = {"part": "officer", "proposed_part": "interpreter"}
    assert moved(TermState.PROPOSED, TermMove.AGREE, **proposed) is TermState.AGREED
    with pytest.raises(Forbidden, match="term_own"):
        moved(TermState.PROPOSED, TermMove.AGREE, part="officer", proposed_part="officer")
    with pytest.raises(Forbidden, match="not_for_your_part"):
        moved(TermState.PROPOSED, TermMove.AGREE, part="applicant", proposed_part="officer")


@pytest.mark.parametrize("part", ["officer", "interpreter"])
def test_either_side_withdraws_and_wipes(part: str) -> None:
    for state in (TermState.PROPOSED, TermState.AGREED):
        assert moved(state, TermMove.WITHDRAW, part=part, proposed_part="officer") is TermState.WITHDRAWN
    for state in (TermState.PROPOSED, TermState.AGREED, TermState.WITHDRAWN):
        assert moved(state, TermMove.WIPE, part=part, proposed_part="officer") is TermState.WIPED
    for state, what in ((TermState.AGREED, TermMove.AGREE), (TermState.WITHDRAWN, TermMove.AGREE),
                        (TermState.WIPED, TermMove.WITHDRAW), (TermState.WIPED, TermMove.WIPE)):  # fmt: skip
        with pytest.raises(Conflict, match="term_not_open"):
            moved(state, what, part=part, proposed_part="officer")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("call 064 123 45 67", "forbidden_phone"),
        ("0101990710008", "forbidden_id_number"),
        ("pasoš 12345678", "forbidden_document_number"),
        ("рођен 1990", "forbidden_birth_date"),
        ("a@b.org", "forbidden_email"),
        ("и" * 81, "forbidden_text_length"),
        ("...", "term_empty"),
        ("Petar Petrović", "term_like_name"),
        ("господин Петровић", "term_like_name"),
        ("السيد كريم", "term_like_name"),
        ("محمد", "term_like_name"),
        ("ومحمود", "term_like_name"),
        ("عبد الكريم", "term_like_name"),
        ("نجيب‌الله", "term_like_name"),
        ("فاطمة", "term_like_name"),
        ("ahmad", "term_like_name"),
        ("јован", "term_like_name"),
        ("Душан", "term_like_name"),
    ],
)
@pytest.mark.parametrize("field", ["officer_term", "person_term"])
def test_what_names_somebody_is_refused_in_both_words(words: str, code: str, field: str) -> None:
    term = NewTerm(words, "اللجوء") if field == "officer_term" else NewTerm("азил", words)
    with pytest.raises(Invalid, match=code) as refused:
        checked(term, TODAY)
    assert refused.value.params["field"] == field
    assert words not in str(refused.value.params), "what was found is not repeated"


def test_a_note_is_checked_too_and_groups_are_allowed_when_asked() -> None:
    with pytest.raises(Invalid, match="forbidden_phone"):
        checked(NewTerm("азил", "اللجوء", "broj +381 64 1234567"), TODAY)
    assert checked(NewTerm("Islamic State", "داعش", no_name=True), TODAY).officer_term == "Islamic State"
    with pytest.raises(Invalid, match="forbidden_phone"):
        checked(NewTerm("call 064 123 45 67", "اللجوء", no_name=True), TODAY)


@pytest.mark.parametrize(
    "word", ["temporary guardian", "привремени старатељ", "UNHCR", "вождь", "Red cross", "شهادة تسجيل", "تذکره"]
)
def test_ordinary_words_are_no_names(word: str) -> None:
    assert not looks_like_a_name(word)


@pytest.mark.parametrize(
    "word", ["على", "العمر", "عمر", "رضا", "حسن النية", "عبد", "نور", "али", "ali", "милост", "вера", "بالله"]
)
def test_names_that_are_words_are_not_asked_about(word: str) -> None:
    assert not looks_like_a_name(word)


def test_no_word_of_the_base_glossary_looks_like_a_name() -> None:
    pairs = [
        one
        for officer in OFFICER_COLUMNS
        for language in PERSON_COLUMNS
        for one in load_glossary().pair(officer, language, None)
    ]
    texts = {text for one in pairs for text in (one["officer_term"], one["person_term"])}
    assert len(texts) > 300
    assert [text for text in texts if looks_like_a_name(text)] == []


def test_words_are_compared_without_case_vowel_signs_and_tatweel() -> None:
    assert folded(" Старатељ ") == folded("старатељ")
    assert folded("وصيّ مؤقّت") == folded("وصي مؤقت")
    assert folded("عـــربي") == folded("عربي")


async def test_a_term_is_proposed_agreed_kept_and_withdrawn(world: World, clock: ManualClock) -> None:
    session_id = await planned(world)
    term_id, n = await propose(world, session_id, "interpreter")
    assert n == 1
    with pytest.raises(Forbidden, match="term_own"):
        await move(world, session_id, "interpreter", term_id, TermMove.AGREE)
    clock.advance(5)
    assert await move(world, session_id, "officer", term_id, TermMove.AGREE) == 2
    (kept,) = await living(world, session_id)
    assert (kept["state"], kept["officer_term"], kept["note"]) == ("agreed", "старатељ", "за дете")
    assert "X-1" not in str(kept), "officer and interpreter see sides, not codes"
    with pytest.raises(Conflict, match="term_exists"):
        await propose(world, session_id, "officer", NewTerm("Старатељ", "سرپرست"))
    assert await move(world, session_id, "interpreter", term_id, TermMove.WITHDRAW) == 3
    assert await living(world, session_id) == []
    assert (await propose(world, session_id, "officer", NewTerm("Старатељ", "سرپرست")))[1] == 4


async def test_a_wiped_term_is_gone_and_its_history_stays(world: World) -> None:
    session_id = await planned(world)
    term_id, _ = await propose(world, session_id, "officer", NewTerm("Petar Petrović", "x", no_name=True))
    await move(world, session_id, "interpreter", term_id, TermMove.WIPE)
    async with world.database.read(SYSTEM) as unit:
        session = await unit.session.get(Session, session_id)
        assert session is not None
        (found,) = await BOOK.history(unit, session.case_id or "")
        stored = str((await unit.session.execute(text("SELECT * FROM case_terms"))).all())
    assert (found["officer_term"], found["person_term"], found["state"]) == ("", "", "wiped")
    assert [(one["move"], one["part"], one["code"]) for one in found["moves"]] == [
        ("propose", "officer", "X-1"),
        ("wipe", "interpreter", "X-1"),
    ]
    assert "Petrović" not in stored


async def test_the_history_cannot_be_rewritten(world: World) -> None:
    session_id = await planned(world)
    await propose(world, session_id, "officer")
    with pytest.raises((Conflict, DatabaseError)):
        async with world.database.unit(SYSTEM) as uow:
            await uow.session.execute(text("UPDATE case_term_moves SET part = 'interpreter'"))


async def test_two_who_propose_the_same_word_at_once_make_one_term(world: World) -> None:
    session_id = await planned(world)
    words = [NewTerm("старатељ", "سرپرست قانونی"), NewTerm("Старатељ", "وصی")]
    results = await asyncio.gather(
        *(propose(world, session_id, part, word) for part, word in zip(("officer", "interpreter"), words, strict=True)),
        return_exceptions=True,
    )
    assert [type(one) for one in results if isinstance(one, BaseException)] == [Conflict]
    assert len(await living(world, session_id)) == 1


async def test_many_at_once_are_numbered_without_a_gap(world: World) -> None:
    session_id = await planned(world)
    made = await asyncio.gather(
        *(propose(world, session_id, "officer", NewTerm(f"реч {'абвгд'[n]}", "کلمه")) for n in range(5))
    )
    assert sorted(n for _, n in made) == [1, 2, 3, 4, 5]


async def test_a_term_of_another_case_does_not_exist(world: World) -> None:
    session_id = await planned(world)
    with pytest.raises(NotFound, match="term_unknown"):
        await move(world, session_id, "officer", "term_none", TermMove.AGREE)
