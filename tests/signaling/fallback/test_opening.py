"""Sealed to open: asked of everybody present, one no is enough, never back; and no telephone in a sealed session."""

from __future__ import annotations

import pytest

from core.errors import Conflict, Forbidden, Invalid
from tests.signaling.fallback.ladder import Stage


async def test_a_sealed_session_is_never_telephoned(sealed: Stage) -> None:
    await sealed.lose()
    await sealed.after(25)
    await sealed.after(25)
    assert sealed.phone.placed == []
    assert (await sealed.view())["closed"] == [{"rung": "phone", "why": "sealed"}]
    with pytest.raises(Conflict, match="phone_needs_open"):
        await sealed.phone_word("officer", "ring")


async def test_everybody_present_is_asked_and_all_must_agree(sealed: Stage) -> None:
    await sealed.guest()
    await sealed.opening("officer", ask="phone")
    question = (await sealed.view())["opening"]
    assert (question["reason"], question["by"]) == ("phone", "officer")
    with pytest.raises(Conflict, match="opening_asked_already"):
        await sealed.opening("interpreter", ask="phone")
    assert await sealed.opening("interpreter", yes=True) == {"state": "asked"}
    assert (await sealed.session()).mode == "sealed"
    assert await sealed.opening("applicant", yes=True) == {"state": "agreed"}
    assert (await sealed.session()).mode == "open"
    assert (await sealed.told())[-1]["mode"] == "open"
    answers = await sealed.log("agreement")
    assert [(one["part"], one["answer"]) for one in answers] == [
        ("officer", "yes"), ("interpreter", "yes"), ("applicant", "yes"),
    ]  # fmt: skip
    assert [one["people"] for one in await sealed.log("mode_opened")] == [3]
    with pytest.raises(Conflict, match="session_open_already"):
        await sealed.opening("officer", ask="phone")


async def test_any_no_leaves_it_sealed(sealed: Stage) -> None:
    await sealed.guest()
    await sealed.opening("interpreter", ask="recording")
    await sealed.opening("officer", yes=True)
    assert await sealed.opening("applicant", yes=False) == {"state": "refused"}
    assert (await sealed.session()).mode == "sealed"
    assert await sealed.log("mode_opened") == []
    assert (await sealed.view())["opening"] is None
    with pytest.raises(Conflict, match="nothing_asked"):
        await sealed.opening("officer", yes=True)


async def test_a_question_that_nobody_answers_lapses(sealed: Stage) -> None:
    await sealed.opening("officer", ask="phone")
    await sealed.after(60)
    assert (await sealed.view())["opening"] is not None
    await sealed.after(130)
    assert (await sealed.view())["opening"] is None
    assert (await sealed.session()).mode == "sealed"


async def test_somebody_who_is_gone_is_not_waited_for(sealed: Stage) -> None:
    await sealed.opening("officer", ask="phone")
    await sealed.lose()
    await sealed.after(2)
    assert (await sealed.session()).mode == "open"


async def test_who_may_ask_and_what_cannot_be_said(sealed: Stage) -> None:
    await sealed.guest()
    with pytest.raises(Forbidden):
        await sealed.opening("applicant", ask="phone")
    with pytest.raises(Invalid):
        await sealed.opening("officer")
    with pytest.raises(Invalid):
        await sealed.opening("officer", ask="phone", yes=True)


async def test_an_open_session_is_open_already(stage: Stage) -> None:
    with pytest.raises(Conflict, match="session_open_already"):
        await stage.opening("officer", ask="phone")
