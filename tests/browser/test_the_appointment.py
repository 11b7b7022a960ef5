"""A first appointment through the screens: booked for a time, confirmed by an interpreter, joined when the window opens, recorded."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Playwright, expect
from sqlalchemy import select

from core.access import Actor
from core.clock import SystemClock
from core.db.session import Database
from records.models import Session
from scheduler.models import Assignment, Booking
from tests import people
from tests.browser.desk import desk
from tests.browser.test_the_job import be_available, heard, open_case, through_the_check
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


async def bring_forward(stack: Stack, booking_id: str) -> None:
    """The appointment is in two minutes: instead of the clock of everybody, the appointment is moved."""
    database = Database.open(stack.database_url, SystemClock(), conflicts={})
    try:
        async with database.unit(Actor.system()) as uow:
            booking = await uow.session.get_one(Booking, booking_id)
            session = await uow.session.get_one(Session, booking.session_id)
            (work,) = (await uow.session.scalars(select(Assignment).where(Assignment.booking_id == booking_id))).all()
            sooner = uow.now + timedelta(minutes=2) - booking.starts_at
            booking.starts_at, booking.ends_at = booking.starts_at + sooner, booking.ends_at + sooner
            booking.next_round_at = booking.next_round_at + sooner if booking.next_round_at else None
            session.starts_at, session.join_opens_at = session.starts_at + sooner, session.join_opens_at + sooner
            session.join_by += sooner
            work.starts_at, work.ends_at = work.starts_at + sooner, work.ends_at + sooner
            work.busy_until += sooner
    finally:
        await database.close()


async def test_an_appointment(single: Stack, playwright: Playwright, voices: dict[str, Path]) -> None:
    url = single.url
    async with (
        desk(playwright, url, speech=voices["officer"]) as officer,
        desk(playwright, url, speech=voices["interpreter"]) as interpreter,
    ):
        await asyncio.gather(
            officer.sign_in(url, people.OFFICER.code, people.PASSWORD),
            interpreter.sign_in(url, people.interpreter(1).code, people.PASSWORD),
        )
        await be_available(interpreter)
        await open_case(officer, url)
        await officer.press("booking.book")
        await officer.page.get_by_role("radio", name=officer.say("scheduling.how.other"), exact=True).click()
        await officer.page.get_by_role("button", name=officer.say("booking.submit"), exact=True).click()
        await officer.page.wait_for_url("**/bookings/booking_*")
        booking_id = officer.page.url.rpartition("/")[2]

        offer = interpreter.page.get_by_test_id("offer")
        await expect(offer).to_be_visible()
        text = await offer.inner_text()
        assert "RS-26" not in text, "an offer must not show the case"
        await interpreter.press("home.take")
        await officer.sees("waiting.found")
        await expect(officer.button("case.join")).to_have_attribute("aria-disabled", "true")

        await bring_forward(single, booking_id)
        await asyncio.gather(officer.page.reload(), interpreter.page.reload())
        await officer.press("case.join")
        await interpreter.press("home.join")
        await asyncio.gather(through_the_check(officer), through_the_check(interpreter))
        for one in (officer, interpreter):
            await expect(one.page.get_by_test_id("room")).to_have_attribute("data-state", "active", timeout=120_000)
        print("heard", await heard(officer, voices, "interpreter", "applicant"))

        await officer.press("call.end")
        await officer.page.get_by_test_id("outcome-completed").check()
        await officer.page.get_by_role("dialog").get_by_role("button", name=officer.say("call.end")).click()
        await officer.press("call.over.record")
        await officer.sees("record.chain_ok_other")
