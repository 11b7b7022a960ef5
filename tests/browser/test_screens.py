"""Every screen in three languages, on laptop and tablet, with the demo's data: pictures for people, axe for machines.

The pictures lie in build/screenshots; a screen that scrolls sideways, has a text outside the catalogues or a WCAG 2.2 AA
violation fails.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Playwright, expect

from core.settings import load
from signaling.demo import demo_link
from signaling.rehearsal.client import Json
from tests import people
from tests.browser.desk import LAPTOP, TABLET, Desk, desk, violations
from tests.browser.test_the_job import be_available, open_case, through_the_check
from tests.demo import copy_told
from tests.speech import wav
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
LOCALES = ("en", "sr-Cyrl", "ar")
OFFICER, INTERPRETER, COORDINATOR, AUDITOR = "O-1183", "I-0402", "C-07", "U-02"
ADMINISTRATOR = "A-01"
OFFICER_OF_ASYLUM = "O-2040"


@pytest.fixture
def demo(client_built: None, tmp_path: Path) -> Iterator[Stack]:
    """The demo, as ``make demo`` fills it."""
    made = Stack.make("single", tmp_path)
    made.environment |= {"TARJUMAN_DEMO": "true"}
    copy_told(tmp_path)
    people.ring_long(made.database_url)
    try:
        made.start()
        yield made
    finally:
        made.stop()
    if os.environ.get("KEEP_LOGS"):
        print(made.programs["signaling-1"].tail(100))


async def enter(one: Desk, stack: Stack, code: str) -> None:
    """By a one-click link of the demo."""
    settings = load(stack.environment | {"TARJUMAN_PUBLIC_URL": stack.url})
    await one.page.goto(await demo_link(settings, code))
    await one.settled()


async def judge(one: Desk, name: str, axe: str) -> None:
    """Take the pictures on laptop and tablet; nothing may stick out, and axe must find nothing."""
    page = one.page
    await one.settled()
    await page.evaluate("document.fonts.ready")
    assert await page.evaluate("document.documentElement.dir") == ("rtl" if one.locale == "ar" else "ltr")
    for width, height in (TABLET, LAPTOP):
        await page.set_viewport_size({"width": width, "height": height})
        await page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        await one.shot(name)
        wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 1, f"{name} is {wide} px too wide at {width}"
        found = await violations(one, axe)
        assert found == [], (name, width, found)


@pytest.mark.parametrize("locale", LOCALES)
async def test_screens(demo: Stack, playwright: Playwright, axe: str, tmp_path: Path, locale: str) -> None:
    voice = wav(tmp_path, "officer")
    async with desk(playwright, demo.url, locale=locale) as coordinator:
        async with (
            desk(playwright, demo.url, speech=voice, locale=locale) as officer,
            desk(playwright, demo.url, speech=voice, locale=locale) as interpreter,
        ):
            await officer.page.goto(demo.url + "/sign-in")
            await judge(officer, "sign-in", axe)
            await asyncio.gather(
                enter(officer, demo, OFFICER),
                enter(interpreter, demo, INTERPRETER),
                enter(coordinator, demo, COORDINATOR),
            )
            # A call costs a processor as long as it lasts, so what shows no call comes before it or behind it.
            await asyncio.gather(
                desk_pages(officer, demo, axe),
                booth_pages(interpreter, demo, axe),
                coordinator_pages(coordinator, demo, axe),
                waiting_line(playwright, coordinator, demo, axe),
                auditor_pages(playwright, coordinator, demo, axe),
                administrator_pages(playwright, coordinator, demo, axe),
            )
            await in_a_call(playwright, officer, interpreter, coordinator, demo, axe, voice)
        await briefing_pages(playwright, coordinator, demo, axe)


async def in_a_call(
    playwright: Playwright, officer: Desk, interpreter: Desk, coordinator: Desk, demo: Stack, axe: str, voice: Path
) -> None:
    """From the request to a guest in the room."""
    await officer.press("booking.now")
    await officer.page.wait_for_url("**/bookings/*")
    await expect(interpreter.page.get_by_test_id("ring")).to_be_visible(timeout=120_000)
    await asyncio.gather(judge(officer, "waiting", axe), judge(interpreter, "home-ring", axe))
    # Who accepts has to be in the room within seconds: nothing comes between.
    await interpreter.press("home.accept")
    await officer.press("case.join")
    await asyncio.gather(into_the_room(officer), into_the_room(interpreter))
    await coordinator.page.goto(demo.url + "/board")
    await expect(coordinator.page.get_by_test_id("board")).to_be_visible()
    await judge(coordinator, "board", axe)
    await asyncio.gather(judge(officer, "call-officer", axe), judge(interpreter, "call-interpreter", axe))
    await officer.page.get_by_test_id("aid-tab-date").click()
    await interpreter.page.get_by_test_id("aid-tab-terms").click()
    await asyncio.gather(judge(officer, "call-calendars", axe), judge(interpreter, "call-terms", axe))
    await officer.page.get_by_test_id("invite").click()
    await officer.press("call.invite.applicant")
    link = await officer.page.get_by_test_id("invite-url").input_value()
    async with desk(playwright, demo.url, speech=voice, locale=officer.locale) as guest:
        await guest.page.goto(demo.url + "/t#" + link.partition("#")[2])
        await judge(guest, "guest", axe)
        await guest.press("guest.join")
        await expect(guest.page.get_by_test_id("guest-room")).to_be_visible(timeout=120_000)
        await judge(guest, "guest-room", axe)


async def coordinator_pages(coordinator: Desk, demo: Stack, axe: str) -> None:
    """The coordinator's pages that show no call."""
    page = coordinator.page
    await page.goto(demo.url + "/roster")
    await expect(page.get_by_test_id("roster-grid")).to_be_visible()
    await judge(coordinator, "roster", axe)
    for path, name in (
        ("/cover", "cover"),
        ("/surge", "surge-planner"),
        ("/plans", "plans"),
        ("/briefings", "briefings"),
        ("/ring", "ring-ladder"),
    ):
        await page.goto(demo.url + path)
        await expect(page.get_by_test_id(name)).to_be_visible()
        await judge(coordinator, name, axe)
    await page.goto(demo.url + "/holidays")
    await expect(page.locator("tbody td b").first).to_be_visible()
    await judge(coordinator, "holidays", axe)
    await page.goto(demo.url + "/speech")
    await expect(page.locator("dl dd").first).to_be_visible()
    await judge(coordinator, "speech", axe)
    await pool_pages(coordinator, demo, axe)


async def desk_pages(officer: Desk, demo: Stack, axe: str) -> None:
    """The officer's pages; ends on a new case."""
    page = officer.page
    for path, name in (("/cases", "cases"), ("/cases/new", "case-new"), ("/bookings", "bookings")):
        await page.goto(demo.url + path)
        await judge(officer, name, axe)
    await signed_out_meanwhile(officer, demo, axe)
    cases = await all_cases(officer)
    held, record = next((case, found) for case in cases if (found := sealed_session(case)) is not None)
    locked = next(case for case in cases if case["locked_by"] is not None and case["languages"])
    for path, name in (
        (f"/cases/{held['id']}", "case"),
        (f"/cases/{held['id']}/terms", "case-terms"),
        (f"/sessions/{record}", "record"),
        (f"/cases/{locked['id']}", "case-locked"),
    ):
        await page.goto(demo.url + path)
        await judge(officer, name, axe)
    await open_case(officer, demo.url, "apc")
    here = page.url
    await officer.press("booking.book")
    await page.wait_for_url("**/book*")
    await judge(officer, "booking", axe)
    for path, name in ((f"{here}/language", "language-desk"), (demo.url + "/phrases", "phrases")):
        await page.goto(path)
        await expect(page.get_by_test_id(name)).to_be_visible()
        if name == "language-desk":
            await page.get_by_test_id("card-ara").get_by_role("button").first.click()
        await judge(officer, name, axe)
    await page.goto(here)
    await officer.sees("case.this_step")


async def signed_out_meanwhile(officer: Desk, demo: Stack, axe: str) -> None:
    """A sign-in ends while a case is written: nothing of it is lost, and it is opened once the same person is back."""
    page = officer.page
    await page.goto(demo.url + "/cases/new")
    await page.get_by_label(officer.say("case.ext_ref")).fill("KU-77/26")
    await page.get_by_label(officer.say("case.language.not_known")).check()
    await officer.settled()  # Whatever is asked without a sign-in opens the dialog: first of all the press.
    await officer.context.clear_cookies()
    await officer.press("case.new.open")
    await expect(page.get_by_test_id("sign-in-again")).to_be_visible()
    await judge(officer, "sign-in-again", axe)
    tab = await officer.context.new_page()
    await tab.goto(await demo_link(load(demo.environment | {"TARJUMAN_PUBLIC_URL": demo.url}), OFFICER))
    await tab.close()
    # A look at who is signed in that finds no line is not repeated until the window has the focus again.
    again = page.get_by_test_id("sign-in-again")
    async with asyncio.timeout(60):
        while await again.count():
            await page.evaluate("dispatchEvent(new Event('focus'))")
            await officer.settled()
    await page.wait_for_url("**/cases/case_*")
    case = await (await page.request.get(page.url.replace("/cases/", "/api/cases/"))).json()
    assert case["ext_ref"] == "KU-77/26"


async def auditor_pages(playwright: Playwright, coordinator: Desk, demo: Stack, axe: str) -> None:
    """The audit log, the verdict on the chains, and the session logs."""
    async with desk(playwright, demo.url, locale=coordinator.locale, beside=coordinator) as auditor:
        await enter(auditor, demo, AUDITOR)
        check = auditor.page.get_by_test_id("audit-check")
        await check.get_by_role("button").click()
        await expect(check).to_have_attribute("data-whole", "true")
        await judge(auditor, "audit", axe)
        await auditor.page.goto(demo.url + "/logs")
        await expect(auditor.page.locator("tbody .badge").first).to_be_visible()
        await judge(auditor, "audit-logs", axe)


async def administrator_pages(playwright: Playwright, coordinator: Desk, demo: Stack, axe: str) -> None:
    """The administrator's first page: the accounts, and one of them."""
    async with desk(playwright, demo.url, locale=coordinator.locale, beside=coordinator) as administrator:
        await enter(administrator, demo, ADMINISTRATOR)
        page = administrator.page
        accounts = page.get_by_test_id("accounts")
        await accounts.get_by_role("button", name=COORDINATOR, exact=True).click()
        await expect(page.get_by_role("dialog")).to_contain_text(COORDINATOR)
        await judge(administrator, "account-open", axe)
        await page.keyboard.press("Escape")
        await judge(administrator, "accounts", axe)


async def pool_pages(coordinator: Desk, demo: Stack, axe: str) -> None:
    """The coordinator's pages about the pool: everybody, one interpreter, quality, pay."""
    page = coordinator.page
    found = await (await page.request.get("/api/interpreters?q=I-0417")).json()
    paths = (
        ("/pool", "pool"),
        (f"/pool/{found['items'][0]['id']}", "member"),
        ("/quality", "quality"),
        ("/pay", "pay"),
    )
    for path, name in paths:
        await page.goto(demo.url + path)
        await expect(page.get_by_test_id(name).locator(".card").first).to_be_visible()
        await judge(coordinator, name, axe)


async def waiting_line(playwright: Playwright, coordinator: Desk, demo: Stack, axe: str) -> None:
    """An appointment with two interpreters that stands in the waiting list."""
    async with desk(playwright, demo.url, locale=coordinator.locale, beside=coordinator) as officer:
        await enter(officer, demo, OFFICER_OF_ASYLUM)
        found = await (await officer.page.request.get("/api/bookings?state=unfilled")).json()
        team = next(one for one in found["items"] if one["way"] == "team")
        await officer.page.goto(f"{demo.url}/bookings/{team['id']}")
        await expect(officer.page.get_by_test_id("waiting-line")).to_be_visible()
        await judge(officer, "waiting-line", axe)


async def briefing_pages(playwright: Playwright, coordinator: Desk, demo: Stack, axe: str) -> None:
    """A briefing that is over, one that looks for somebody, and the page of a post that waits for it."""
    page = coordinator.page
    told = (await (await page.request.get("/api/briefings?country=RS")).json())["items"][0]
    await page.goto(f"{demo.url}/briefings/{told['id']}")
    await expect(page.get_by_test_id("briefing")).to_have_attribute("data-state", "over")
    await judge(coordinator, "briefing-over", axe)
    csrf = (await (await page.request.get("/api/me")).json())["csrf"]
    headers = {"X-CSRF-Token": csrf, "Origin": demo.url}
    switches = {"country": "RS", "reason": "three buses", "switches": {"group_briefing": True}}
    assert (await page.request.post("/api/surge", data=switches, headers=headers)).ok
    wanted = {"step_code": "RS-ID-10", "language": "som", "site": "RS-PRESEVO", "posts": ["RS-PRESEVO"] * 3}
    made = await (await page.request.post("/api/briefings", data=wanted, headers=headers)).json()
    await page.goto(f"{demo.url}/briefings/{made['id']}")
    await expect(page.get_by_test_id("briefing")).to_be_visible()
    await coordinator.press("briefings.link_make")
    link = await page.get_by_test_id("post-link").first.input_value()
    await judge(coordinator, "briefing", axe)
    async with desk(playwright, demo.url, locale=coordinator.locale, beside=coordinator) as post:
        await post.page.goto(demo.url + "/listen#" + link.partition("#")[2])
        await expect(post.page.get_by_test_id("listen")).to_be_visible()
        await judge(post, "listen", axe)


async def booth_pages(interpreter: Desk, demo: Stack, axe: str) -> None:
    """The interpreter's pages; ends available at home."""
    await interpreter.page.goto(demo.url + "/precheck")
    await judge(interpreter, "precheck", axe)
    await interpreter.page.goto(demo.url + "/shifts")
    await expect(interpreter.page.get_by_test_id("shifts")).to_be_visible()
    await judge(interpreter, "shifts", axe)
    await interpreter.page.goto(demo.url + "/month")
    await expect(interpreter.page.locator("table.month")).to_be_visible()
    await judge(interpreter, "month", axe)
    await interpreter.page.goto(demo.url + "/minutes")
    await expect(interpreter.page.get_by_test_id("minutes").locator(".meter")).to_be_visible()
    await judge(interpreter, "minutes", axe)
    await interpreter.page.goto(demo.url + "/papers")
    await expect(interpreter.page.get_by_test_id("paper").first).to_be_visible()
    await judge(interpreter, "papers", axe)
    await interpreter.page.goto(demo.url + "/account")
    await expect(interpreter.page.get_by_test_id("phone-card")).to_be_visible()
    await judge(interpreter, "account", axe)
    await interpreter.page.goto(demo.url + "/today")
    await be_available(interpreter)
    await judge(interpreter, "home", axe)


async def into_the_room(one: Desk) -> None:
    """Past the check, until interpreting began."""
    await through_the_check(one)
    await expect(one.page.get_by_test_id("room")).to_have_attribute("data-state", "active", timeout=120_000)


async def all_cases(one: Desk) -> list[Json]:
    """The cases of this desk, whole."""
    found = await (await one.page.request.get("/api/cases?per=50")).json()
    return [await (await one.page.request.get(f"/api/cases/{case['id']}")).json() for case in found["items"]]


def sealed_session(case: Json) -> str | None:
    """A sealed session of the case."""
    return next((s["id"] for step in case["steps"] for s in step["sessions"] if s["state"] == "sealed"), None)
