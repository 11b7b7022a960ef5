"""The language desk from a case to a ringing interpreter, and a phrasebook that opens without a line."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Playwright, Route, expect

from tests import people
from tests.browser.desk import TABLET, Desk, desk, violations
from tests.browser.test_the_job import be_available, open_case
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


async def test_from_a_card_to_a_ring(shared_single: Stack, playwright: Playwright, axe: str) -> None:
    """The person points to a card and a way of speaking; it goes into the case, and an interpreter is rung for it."""
    url = shared_single.url
    async with desk(playwright, url) as officer, desk(playwright, url) as interpreter:
        await asyncio.gather(
            officer.sign_in(url, people.OFFICER.code, people.PASSWORD),
            interpreter.sign_in(url, people.interpreter(1).code, people.PASSWORD),
        )
        await be_available(interpreter)
        await open_case(officer, url, "kmr")
        page = officer.page
        await officer.press("language.open_desk")
        await page.get_by_test_id("language-desk").wait_for()
        await page.get_by_test_id("card-ara").get_by_role("button").first.click()
        await expect(page.get_by_text(officer.say("language.open"))).to_be_visible()
        await page.get_by_test_id("ways").locator(".spot").nth(0).click()
        await expect(page.get_by_test_id("way-apc")).to_have_attribute("aria-pressed", "true")
        assert await violations(officer, axe) == []
        await listening_says_it_is_not_set_up(officer)
        rung = asyncio.Event()

        async def slow(route: Route) -> None:
            if route.request.method == "GET":
                await rung.wait()
            await route.continue_()

        # Saved is saved: the call does not wait until the page has read the case again over a slow line.
        await page.route(re.compile(r"/api/cases/[^/]+(/language)?$"), slow)
        await page.get_by_role("button", name=officer.say("language.put"), exact=True).click()
        await expect(page.get_by_text(officer.say("language.saved.text"))).to_be_visible()
        await officer.press("booking.now")
        ring = interpreter.page.get_by_test_id("ring")
        await expect(ring).to_contain_text(officer.say("lang.apc"))
        rung.set()
        await page.wait_for_url("**/bookings/*")
        await officer.press("waiting.to_case")
        await expect(page.get_by_test_id("case-language")).to_contain_text(officer.say("language.by.person"))
        assert [text for text in officer.errors if "favicon" not in text] == []


async def listening_says_it_is_not_set_up(officer: Desk) -> None:
    """No speech model is configured here, and the page does not pretend."""
    await officer.press("language.helper.button")
    await expect(officer.page.get_by_text(officer.say("language.helper.off"))).to_be_visible()
    await officer.page.keyboard.press("Escape")


async def test_the_phrasebook_opens_without_a_line(shared_single: Stack, playwright: Playwright, axe: str) -> None:
    """Seen once, it opens without a server; what was used meanwhile is noted in the case when the line is back."""
    url = shared_single.url
    async with desk(playwright, url, size=TABLET) as officer:
        page = officer.page
        await officer.sign_in(url, people.OFFICER.code, people.PASSWORD)
        await open_case(officer, url, "apc")
        case_url = page.url
        await officer.press("language.open_phrases")
        book = page.get_by_test_id("phrases")
        await expect(book).to_have_attribute("data-offline", "kept", timeout=120_000)
        assert await violations(officer, axe) == []
        phrases_url = page.url
        await officer.context.set_offline(True)
        await page.get_by_test_id("phrase-P05").click()
        await expect(page.get_by_test_id("phrase-full")).to_contain_text("امرأة")
        await page.keyboard.press("Escape")
        await expect(page.get_by_text(officer.say("phrases.waits"))).to_be_visible()
        await page.goto("about:blank")
        await page.goto(phrases_url)
        await expect(book).to_be_visible()
        await page.get_by_test_id("phrase-P16").click()
        await expect(page.get_by_test_id("phrase-full")).to_contain_text("طبيب")
        heard = await page.evaluate("fetch('/voices/ar-P16.mp3').then(answer => answer.ok)")
        assert heard, "the sample is there without a line"
        kept = await page.evaluate(
            "caches.open('phrases-1').then(c => c.keys()).then(all => all.map(r => new URL(r.url).pathname))"
        )
        assert not [path for path in kept if path.startswith("/api")], "nothing of a case is kept"
        await officer.context.set_offline(False)
        await page.goto(phrases_url)
        await expect(book).to_be_visible()
        await expect(page.get_by_text(officer.say("phrases.noted"))).to_be_visible()
        await page.goto(case_url)
        await expect(page.get_by_test_id("case-language")).to_contain_text(officer.say("language.aids_other"))
