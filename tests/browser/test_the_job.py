"""The main job through the screens: from a case, an interpreter now, a call of three, and the sealed log in the case.

What each side hears is compared with what the others said: level, delay and similarity, not merely that a track exists.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import Playwright, expect

from media.similarity import compare
from tests import people
from tests.browser.desk import TABLET, Desk, desk
from tests.speech import read
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.services, pytest.mark.timeout(600)]
SAME, MARGIN = 0.6, 0.25
"""Through the codec the same speech is 0.8 to 0.99 alike, other speech 0.2 to 0.55; two voices at once are alike to neither."""


async def open_case(officer: Desk, base_url: str, language: str = "pes") -> None:
    """A new case for a grown-up who speaks ``language``, asked about the wish for a woman or a man."""
    page = officer.page
    await page.goto(f"{base_url}/cases/new")
    await page.get_by_label(officer.say("case.language.first")).select_option(language)
    await page.get_by_role("radio", name=officer.say("age.18-64"), exact=True).click()
    await page.get_by_role("radio", name=officer.say("wish.none"), exact=True).click()
    await officer.press("case.new.open")
    await officer.sees("case.this_step")


async def be_available(interpreter: Desk) -> None:
    """Be reachable."""
    await interpreter.page.get_by_role("radio", name=interpreter.say("home.choice.available"), exact=True).click()
    await interpreter.sees("home.available")


async def through_the_check(one: Desk) -> None:
    """The check before joining, when it comes: only the lines about the own room are asked here."""
    room, check = one.page.get_by_test_id("room"), one.page.get_by_test_id("room-tick-0")
    await expect(room.or_(check).first).to_be_visible(timeout=120_000)
    if await check.is_visible():
        await one.press("precheck.skip")
    await expect(room).to_be_visible(timeout=120_000)


async def heard(one: Desk, said: dict[str, Path], expected: str, foreign: str) -> dict[str, float]:
    """Listen: it is the voice of ``expected`` that is heard, and not that of ``foreign``, by a wide margin in the same stretch.

    A browser that stretches time for a moment (a busy machine) spoils one comparison, so up to five stretches of 4 s count.
    """
    found: dict[str, float] = {}
    for _ in range(5):
        sound = await one.listen(4.0)
        level = 20 * np.log10(np.sqrt(np.mean(sound**2)) + 1e-9)
        for part in (expected, foreign):
            samples, rate = read(said[part])
            found[part] = compare(samples, sound, rate, looped=True).similarity
        if level > -45 and found[expected] > SAME and found[expected] - found[foreign] > MARGIN:
            return found
    raise AssertionError(f"not heard as {expected} alone: {found}, {level:.0f} dBFS")


async def test_the_job(stack: Stack, playwright: Playwright, voices: dict[str, Path]) -> None:
    other_url = stack.urls[-1]
    async with (
        desk(playwright, stack.url, speech=voices["officer"]) as officer,
        desk(playwright, other_url, speech=voices["interpreter"]) as interpreter,
    ):
        await asyncio.gather(
            officer.sign_in(stack.url, people.OFFICER.code, people.PASSWORD),
            interpreter.sign_in(other_url, people.interpreter(1).code, people.PASSWORD),
        )
        await be_available(interpreter)
        await open_case(officer, stack.url)
        await officer.shot("case")

        clicked = time.monotonic()
        await officer.press("booking.now")
        ring = interpreter.page.get_by_test_id("ring")
        await ring.wait_for()
        print(f"click to ring {time.monotonic() - clicked:.2f} s")
        await asyncio.gather(officer.shot("waiting"), interpreter.shot("ring"))
        text = await ring.inner_text()
        assert "RS-26" not in text, "the ring must not show the case"
        assert people.OFFICER.code not in text

        accepted = time.monotonic()
        await interpreter.press("home.accept")
        await officer.press("case.join")
        await asyncio.gather(through_the_check(officer), through_the_check(interpreter))
        for one in (officer, interpreter):
            await expect(one.page.get_by_test_id("room")).to_have_attribute("data-state", "active", timeout=120_000)
        print(f"accept to active {time.monotonic() - accepted:.2f} s")

        found = await asyncio.gather(
            heard(officer, voices, "interpreter", "applicant"), heard(interpreter, voices, "officer", "applicant")
        )
        print("heard", *found)
        await asyncio.gather(officer.shot("call-officer"), interpreter.shot("call-interpreter"))

        await with_tablet(stack, playwright, voices, officer, interpreter)

        await interpreter.press("call.language.yes")
        await officer.press("call.end")
        await officer.page.get_by_test_id("outcome-completed").check()
        await officer.page.get_by_role("dialog").get_by_role("button", name=officer.say("call.end")).click()
        await officer.press("call.over.record")
        await officer.sees("record.chain_ok_other")
        await officer.shot("record")
        await expect(interpreter.page.get_by_test_id("call-over")).to_be_visible()
        serious = [text for one in (officer, interpreter) for text in one.errors if "favicon" not in text]
        assert serious == []


async def applicant_alone(officer: Desk, interpreter: Desk, voices: dict[str, Path]) -> None:
    """Officer and interpreter mute themselves, as people do while somebody speaks: both hear the applicant and nobody else."""
    for one in (officer, interpreter):
        await one.page.get_by_test_id("mute").click()
    for one, part in ((officer, "interpreter"), (interpreter, "officer")):
        await expect(one.page.get_by_test_id(f"tile-{part}")).to_contain_text(one.say("call.muted"))
    found = await asyncio.gather(
        heard(officer, voices, "applicant", "interpreter"), heard(interpreter, voices, "applicant", "officer")
    )
    print("the applicant alone", *found)
    for one in (officer, interpreter):
        await one.page.get_by_test_id("mute").click()
    for one, part in ((officer, "interpreter"), (interpreter, "officer")):
        await expect(one.page.get_by_test_id(f"tile-{part}")).not_to_contain_text(one.say("call.muted"))


async def with_tablet(
    stack: Stack, playwright: Playwright, voices: dict[str, Path], officer: Desk, interpreter: Desk
) -> None:
    """A third person joins on a tablet by a link, is heard by both, hears both, asks for a break and leaves."""
    await officer.page.get_by_test_id("invite").click()
    await officer.press("call.invite.applicant")
    link = await officer.page.get_by_test_id("invite-url").input_value()
    await officer.press("action.close")
    async with desk(playwright, stack.url, speech=voices["applicant"], locale="ar", size=TABLET) as tablet:
        await tablet.page.goto(stack.url + "/t#" + link.partition("#")[2])
        await tablet.shot("guest")
        await tablet.press("guest.join")
        await expect(tablet.page.get_by_test_id("guest-room")).to_be_visible(timeout=120_000)
        await expect(officer.page.get_by_test_id("tile-applicant")).to_be_visible()
        await expect(interpreter.page.get_by_test_id("tile-applicant")).to_be_visible()
        await applicant_alone(officer, interpreter, voices)
        levels = [np.sqrt(np.mean((await tablet.listen(3.0)) ** 2))]
        while levels[-1] <= 0.003 and len(levels) < 5:
            levels.append(np.sqrt(np.mean((await tablet.listen(3.0)) ** 2)))
        assert levels[-1] > 0.003, f"the tablet hears officer and interpreter: {levels}"
        await tablet.shot("guest-room")
        await tablet.page.get_by_test_id("signal-break").click()
        await expect(officer.page.get_by_test_id("incoming-break")).to_be_visible()
        await officer.shot("call-officer-three")
        await tablet.press("call.leave")
        await tablet.sees("guest.left")
        await expect(officer.page.get_by_test_id("tile-applicant")).to_be_hidden()
    again = await playwright.request.new_context()
    answer = await again.post(
        f"{stack.url}/api/guest/join", data={"token": link.partition("#")[2]}, headers={"Origin": stack.url}
    )
    assert answer.status == 401, "an invitation works once"
    await again.dispose()
