"""Jobs of desks, interpreters and coordinators through the screens, and who else is at them: a button is pressed twice, somebody
else was quicker, a page is opened again, the device is set to another zone.

What people see is compared with what the server has.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Locator, Playwright, expect
from sqlalchemy import update

from core.access import Actor
from core.clock import SystemClock
from core.db.session import Database
from scheduler.models import Assignment, Booking
from scheduler.pool_life.timesheets import TimesheetService
from signaling.rehearsal.client import Json
from signaling.schema import CONFLICTS
from tests import people
from tests.browser.desk import DESK_ZONE, Desk, desk
from tests.browser.test_the_job import open_case
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
ELSEWHERE = "Asia/Tokyo"
NEW_CODE = "I-0901"
HOUR_RSD, MINUTES = 900, 30


async def test_an_office(single: Stack, playwright: Playwright) -> None:
    url = single.url
    async with (
        desk(playwright, url, zone=ELSEWHERE) as officer,
        desk(playwright, url, beside=officer) as colleague,
        desk(playwright, url, beside=officer) as interpreter,
        desk(playwright, url, beside=officer) as coordinator,
        desk(playwright, url, beside=officer) as second,
    ):
        everybody = (officer, colleague, interpreter, coordinator, second)
        broken: list[str] = []
        for one in everybody:
            one.page.on("response", lambda got: broken.append(f"{got.status} {got.url}") if got.status >= 500 else None)
        persons = (people.OFFICER, people.OFFICER, people.interpreter(1), people.COORDINATOR, people.COORDINATOR)
        await asyncio.gather(
            *(one.sign_in(url, who.code, people.PASSWORD) for one, who in zip(everybody, persons, strict=True))
        )
        await asyncio.gather(
            states_hours(interpreter),
            open_case(officer, url),
            open_case(colleague, url),
            changes_ladder(coordinator, second),
        )
        cases = officer.page.url, colleague.page.url
        booking_id = await holds(officer, colleague, cases)
        await hold_runs_out(single, officer, booking_id)
        booking_id = await books_and_moves(officer, colleague)
        owed = await withdraws(officer, colleague, booking_id)
        await asyncio.gather(is_paid(single, officer, interpreter, coordinator, owed), takes_application(second))
        await placed_by_hand(colleague, coordinator, second, cases[1])
        for one in everybody:
            # What failed with 503 is judged by its address, below.
            assert [text for text in one.errors if not any(known in text for known in ("favicon", "409", "503"))] == []
        # A busy machine is told by the page that others ask whether the server lives.
        assert [text for text in broken if not text.endswith("/livez")] == []


async def told(one: Desk, path: str) -> Json:
    """What the server says to this person."""
    answer = await one.page.request.get(path)
    assert answer.ok, await answer.text()
    return dict(await answer.json())


def in_dialog(one: Desk, key: str) -> Locator:
    """A button of the open dialog."""
    return one.page.get_by_role("dialog").get_by_role("button", name=one.say(key)).last


async def sure_times(one: Desk) -> Locator:
    """The times that are agreed at once, on the first day that has enough of them to choose from: of today an hour may be left."""
    days = one.page.locator(".day")
    await days.first.wait_for()
    for day in await days.all():
        await day.click()
        found = one.page.locator('.time[data-sure="true"]')
        if await found.count() >= 8:
            return found
    raise AssertionError("no day has enough times that are agreed at once")


def time_at_desk(booking: Json) -> str:
    return f"{datetime.fromisoformat(booking['starts_at']).astimezone(ZoneInfo(DESK_ZONE)):%H:%M}"


async def states_hours(interpreter: Desk) -> None:
    """Desk hours on every day of the week."""
    await interpreter.page.goto("/month")
    await interpreter.press("calendar.week.edit")
    days = interpreter.page.get_by_role("dialog").get_by_role("button", name=interpreter.say("calendar.week.add"))
    await expect(days).to_have_count(7)
    for day in await days.all():
        await day.click()
    await in_dialog(interpreter, "action.save").dblclick()
    await interpreter.sees("calendar.saved")
    rules = (await told(interpreter, "/api/calendar"))["rules"]
    assert sorted(rule["weekday"] for rule in rules) == list(range(7))


async def changes_ladder(coordinator: Desk, second: Desk) -> None:
    """Two change the ladder: who is later sees what holds now, and can save then."""
    before = (await told(second, "/api/ring/ladders/RS"))["version"]
    seconds = [one.page.get_by_label(one.say("ring.ladder.seconds")).first for one in (coordinator, second)]
    for one in (coordinator, second):
        await one.page.goto("/ring")
        await expect(one.page.get_by_test_id("ladder-version")).to_be_visible()
    await seconds[0].fill("25")
    await coordinator.press("ring.ladder.save")
    await coordinator.sees("ring.ladder.saved")
    await seconds[1].fill("31")
    await second.press("ring.ladder.save")
    await second.sees("error.changed_meanwhile")
    await expect(seconds[1]).to_have_value("25")
    await seconds[1].fill("31")
    await second.press("ring.ladder.save")
    await second.sees("ring.ladder.saved")
    ladder = await told(second, "/api/ring/ladders/RS")
    assert (ladder["version"] - before, ladder["policy"]["rungs"][0]["seconds"]) == (2, 31)


async def holds(officer: Desk, colleague: Desk, cases: tuple[str, str]) -> str:
    """A time is told by the clock of the desk on a device of another zone; who presses it later is told and chooses anew."""
    for one, case in zip((officer, colleague), cases, strict=True):
        await one.page.goto(f"{case}/book")
    wanted, same = (await sure_times(officer)).first, (await sure_times(colleague)).first
    clock = await wanted.locator("bdi").inner_text()
    assert clock == await same.locator("bdi").inner_text()
    await same.click()
    await wanted.click()
    await officer.sees("scheduling.zone.RS")
    await officer.button("scheduling.hold").dblclick()
    await officer.sees("scheduling.hold.title")
    (held,) = (await told(officer, "/api/bookings?state=held"))["items"]
    assert (time_at_desk(held), held["zone"]) == (clock, DESK_ZONE)
    await expect(officer.page.locator("main .lead")).to_contain_text(clock)

    await colleague.page.get_by_role("button", name=colleague.say("booking.submit"), exact=True).click()
    await colleague.sees("error.slot_on_request")
    await expect(colleague.page.locator('.time[data-sure="false"]').filter(has_text=clock).first).to_be_visible()
    assert (await told(colleague, f"/api/cases/{cases[1].rpartition('/')[2]}"))["bookings"] == []
    return str(held["id"])


async def hold_runs_out(stack: Stack, officer: Desk, booking_id: str) -> None:
    """Nobody confirms: the page says so by itself, and the next step stands there."""
    database = Database.open(stack.database_url, SystemClock(), conflicts=CONFLICTS)
    try:
        async with database.unit(Actor.system()) as uow:
            over = uow.now - timedelta(seconds=1)
            await uow.session.execute(update(Booking).where(Booking.id == booking_id).values(hold_until=over))
            held = update(Assignment).where(Assignment.booking_id == booking_id)
            await uow.session.execute(held.values(expires_at=over))
    finally:
        await database.close()
    await officer.sees("booking.why.lapsed")
    booking = await told(officer, f"/api/bookings/{booking_id}")
    assert (booking["state"], booking["unfilled_reason"]) == ("cancelled", "lapsed")
    await officer.press("booking.book")
    await officer.page.wait_for_url("**/book*")


async def books_and_moves(officer: Desk, colleague: Desk) -> str:
    """Pressed twice it is booked once; opened again it is the same; a choice in another window outlives what is told anew."""
    page = officer.page
    await page.get_by_label(officer.say("booking.minutes"), exact=True).select_option(str(MINUTES))
    await (await sure_times(officer)).first.click()
    await page.get_by_role("button", name=officer.say("booking.submit"), exact=True).dblclick()
    await officer.sees("waiting.found")
    (booked,) = (await told(officer, "/api/bookings?state=assigned"))["items"]
    path = f"/bookings/{booked['id']}"
    await page.reload()
    await officer.sees("waiting.found")
    await colleague.page.goto(path)
    for one in (officer, colleague):
        await one.page.get_by_role("button", name=one.say("scheduling.move"), exact=True).click()
    later = (await sure_times(officer)).nth(4)
    clock = await later.locator("bdi").inner_text()
    await later.click()
    chosen = (await sure_times(colleague)).nth(6)
    await chosen.click()
    await in_dialog(officer, "scheduling.move.to").dblclick()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page.locator("main .lead")).to_contain_text(clock)
    moved = await told(officer, f"/api{path}")
    assert (moved["state"], time_at_desk(moved)) == ("assigned", clock)
    await expect(colleague.page.get_by_role("dialog")).to_contain_text(clock)
    await expect(chosen).to_have_attribute("aria-pressed", "true")
    return str(booked["id"])


async def withdraws(officer: Desk, colleague: Desk, booking_id: str) -> int:
    """What it costs is told before; the other window has nothing left to decide. Returns the minutes that are paid all the same."""
    await officer.press("booking.withdraw")
    dialog = officer.page.get_by_role("dialog")
    notice = await told(officer, f"/api/bookings/{booking_id}/notice")
    await expect(dialog).to_contain_text(f"{notice['percent']} %")
    await dialog.get_by_role("combobox").select_option("not_needed")
    await in_dialog(officer, "booking.withdraw").dblclick()
    await officer.page.wait_for_url("**/cases/*")
    await expect(colleague.page.get_by_role("dialog")).to_have_count(0)
    await colleague.sees("booking.state.cancelled")
    assert (await told(officer, f"/api/bookings/{booking_id}"))["state"] == "cancelled"
    return int(MINUTES * notice["percent"] // 100)


async def is_paid(stack: Stack, officer: Desk, interpreter: Desk, coordinator: Desk, owed: int) -> None:
    """What was called off late: both sides say that the minutes are right, accounting gets a file, the money is noted as paid."""
    database = Database.open(stack.database_url, SystemClock(), conflicts=CONFLICTS)
    try:
        async with database.unit(Actor.system()) as uow:
            await TimesheetService().collect(uow)
    finally:
        await database.close()
    page = coordinator.page
    await page.goto("/pay")
    await coordinator.press("pool.rate.set")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label(coordinator.say("pool.rate.kind"), exact=True).select_option("late_cancel")
    await dialog.get_by_label(coordinator.say("pool.rate.hour"), exact=True).fill(str(HOUR_RSD))
    await in_dialog(coordinator, "pool.rate.set").click()
    await coordinator.sees("pool.saved")
    await interpreter.page.goto("/minutes")
    await interpreter.button("pool.line.right").dblclick()
    await interpreter.sees("pool.line.wait_officer")
    await officer.page.goto("/bookings")
    asked = officer.page.get_by_test_id("minutes-ask")
    await asked.get_by_role("button", name=officer.say("pool.line.right"), exact=True).dblclick()
    await expect(asked).to_have_count(0)
    async with page.expect_download() as file:
        await coordinator.button("pool.export").dblclick()
    assert people.interpreter(1).code in (await (await file.value).path()).read_text()
    await coordinator.sees("pool.exported.text")
    await page.get_by_test_id("batches").get_by_role("button", name=coordinator.say("pool.paid"), exact=True).dblclick()
    await expect(page.get_by_test_id("batches")).to_have_count(0)
    (line,) = (await told(coordinator, "/api/pay"))["lines"]
    assert (line["state"], line["minutes"], line["minor"]) == ("paid", owed, HOUR_RSD * 100 * owed // 60)


async def placed_by_hand(officer: Desk, coordinator: Desk, second: Desk, case: str) -> None:
    """Nobody is on duty: a coordinator places somebody, and the one at the other window is told that it is done."""
    await officer.page.goto(case)
    await officer.button("booking.now").dblclick()
    await officer.page.wait_for_url("**/bookings/*")
    await officer.sees("waiting.nobody.text")
    path = f"/api/bookings/{officer.page.url.rpartition('/')[2]}"
    ref = (await told(officer, path))["case_ref"]
    rows = [one.page.get_by_role("dialog").locator(".list > li") for one in (coordinator, second)]
    for one, row in zip((coordinator, second), rows, strict=True):
        await one.page.goto("/board")
        card = one.page.get_by_test_id("card-waiting").filter(has_text=ref)
        await card.get_by_role("button", name=one.say("board.place"), exact=True).click()
        await row.nth(1).wait_for()
    code = await rows[0].first.locator("b").first.inner_text()
    await rows[0].first.get_by_role("button").dblclick()
    await expect(coordinator.page.get_by_role("dialog")).to_have_count(0)
    await officer.sees("waiting.found")
    await rows[1].nth(1).get_by_role("button").click()
    await second.sees("error.move_not_allowed")
    placed = await told(officer, path)
    assert (placed["state"], placed["interpreter"]["code"]) == ("assigned", code)


async def takes_application(coordinator: Desk) -> None:
    """A code that is taken is refused in words; the next step is offered when the last is done."""
    page = coordinator.page
    await page.goto("/pool")
    await coordinator.press("pool.apply")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label(coordinator.say("pool.from"), exact=True).select_option("prs")
    await dialog.get_by_label(coordinator.say("pool.code"), exact=True).fill(people.interpreter(1).code)
    await in_dialog(coordinator, "pool.apply.send").click()
    await expect(dialog).to_contain_text(coordinator.say("error.code_taken"))
    await dialog.get_by_label(coordinator.say("pool.code"), exact=True).fill(NEW_CODE)
    await in_dialog(coordinator, "pool.apply.send").dblclick()
    await page.wait_for_url("**/pool/*")
    path = f"/api/pool/members/{page.url.rpartition('/')[2]}"
    way = page.get_by_role("region", name=coordinator.say("pool.way"))
    for move, stage in (("vet", "vetting"), ("test", "testing"), ("train", "training")):
        await way.get_by_role("button", name=coordinator.say(f"pool.move.{move}"), exact=True).dblclick()
        await expect(way).to_contain_text(coordinator.say(f"pool.stage.{stage}"))
        assert (await told(coordinator, path))["member"]["stage"] == stage
    await way.get_by_role("button", name=coordinator.say("pool.move.admit"), exact=True).click()
    await coordinator.sees("error.accreditation_gaps")
