"""A relay through the screens (M-9): nobody speaks Somali and Serbian, so two interpreters are rung, both or none, and sit in one session.

Each voice is heard by those whom its half concerns, alone and recognised; the log names both codes and the way.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import Locator, Playwright, expect
from sqlalchemy import select

from core.access import Actor
from core.clock import SystemClock
from core.db.session import Database
from scheduler.models import Interpreter, InterpreterPair
from tests import people
from tests.browser.desk import Desk, desk
from tests.browser.test_the_job import be_available, heard, open_case, through_the_check
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
HALVES = ((people.interpreter(1), "som", "eng"), (people.interpreter(2), "eng", "srp"))


async def speak_halves(database_url: str) -> None:
    """One works between Somali and English, one between English and Serbian, and nobody else knows any of it."""
    database = Database.open(database_url, SystemClock(), conflicts={})
    try:
        async with database.unit(Actor.system()) as uow:
            for person, spoken, other in HALVES:
                who = await uow.session.scalar(select(Interpreter.id).where(Interpreter.code == person.code))
                uow.session.add(
                    InterpreterPair(interpreter_id=who, from_lang=spoken, to_lang=other, level_from="native", level_to="C1",
                                    modes=["consecutive"], verified_by="test")
                )  # fmt: skip
    finally:
        await database.close()


def tile(one: Desk, code: str) -> Locator:
    """The tile of an interpreter."""
    return one.page.get_by_test_id("tile-interpreter").filter(has_text=code)


async def only(speaker: Desk, silent: tuple[Desk, ...]) -> None:
    """One speaks, the others have muted themselves, as people do who wait for their half."""
    for one, pressed in ((speaker, "false"), *((other, "true") for other in silent)):
        mute = one.page.get_by_test_id("mute")
        if await mute.get_attribute("aria-pressed") != pressed:
            await mute.click()
        await expect(mute).to_have_attribute("aria-pressed", pressed)


async def test_a_relay(single: Stack, playwright: Playwright, voices: dict[str, Path]) -> None:
    url = single.url
    await speak_halves(single.database_url)
    (first, _, _), (second, _, _) = HALVES
    async with (
        desk(playwright, url, speech=voices["officer"]) as officer,
        desk(playwright, url, speech=voices["applicant"]) as afar,
        desk(playwright, url, speech=voices["interpreter"]) as near,
    ):
        await asyncio.gather(
            officer.sign_in(url, people.OFFICER.code, people.PASSWORD),
            afar.sign_in(url, first.code, people.PASSWORD),
            near.sign_in(url, second.code, people.PASSWORD),
        )
        await asyncio.gather(be_available(afar), be_available(near))
        await open_case(officer, url, "som")
        await officer.press("booking.now")
        await asyncio.gather(*(one.page.get_by_test_id("ring").wait_for() for one in (afar, near)))
        await near.press("home.accept")
        await expect(near.page.get_by_test_id("held")).to_be_visible()
        await expect(officer.button("case.join")).to_have_count(0)
        await afar.press("home.accept")

        await officer.press("case.join")
        await asyncio.gather(*(through_the_check(one) for one in (officer, afar, near)))
        for one in (officer, afar, near):
            await expect(one.page.get_by_test_id("room")).to_have_attribute("data-state", "active", timeout=120_000)
        for code, spoken, other in ((person.code, spoken, other) for person, spoken, other in HALVES):
            for language in (spoken, other):
                await expect(tile(officer, code)).to_contain_text(officer.say(f"lang.{language}"))
        await officer.shot("call-officer-relay")

        # One after the other: several recordings at once would disturb each other on a small machine.
        for speaker, silent, said, listeners in (
            (near, (officer, afar), "interpreter", ((officer, "applicant"), (afar, "officer"))),
            (afar, (officer, near), "applicant", ((near, "officer"), (officer, "interpreter"))),
            (officer, (afar, near), "officer", ((near, "applicant"),)),
        ):
            await only(speaker, silent)
            for listener, foreign in listeners:
                print(said, "is heard alone", await heard(listener, voices, said, foreign))

        await officer.press("call.end")
        await officer.page.get_by_test_id("outcome-completed").check()
        await officer.page.get_by_role("dialog").get_by_role("button", name=officer.say("call.end")).click()
        # The officer says of each how it was, both halves say how the conditions were.
        for one, whom in ((officer, first.code), (officer, second.code), (afar, ""), (near, "")):
            card = one.page.get_by_test_id("after-call").filter(has_text=whom)
            await card.get_by_role("button", name=one.say("pool.answer.good")).click()
            await expect(card).to_have_count(0)
            await expect(one.page.get_by_text(one.say("pool.after.thanks")).first).to_be_visible()
        await officer.shot("after-relay")
        await officer.press("call.over.record")
        await officer.sees("record.chain_ok_other")
        await expect(officer.page.get_by_text(re.compile(f"{first.code}.*{second.code}")).first).to_be_visible()
        await officer.shot("record-relay")
        errors = [text for one in (officer, afar, near) for text in one.errors]
        assert [text for text in errors if "favicon" not in text] == []
