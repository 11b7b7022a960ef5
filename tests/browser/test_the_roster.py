"""A month of duty through the screens: drafted, searched, changed by mouse, finger and keys, published; a shift changes hands.

Which move is allowed is asked of the server beforehand (``why``), so the test follows whatever roster the search has found.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from playwright.async_api import Locator, Playwright, Route, expect

from signaling.rehearsal.client import Json
from tests import people
from tests.browser.desk import Desk, desk
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
WEEK = 7
Wanted = Callable[[Json, int, int, list[str]], bool]


@dataclass(frozen=True)
class Move:
    """A shift that goes from one person to another."""

    giver: str
    taker: str
    day: int
    to: int
    kind: str


class Office:
    """The coordinator before the grid."""

    def __init__(self, one: Desk, roster_id: str) -> None:
        self.one = one
        self.page = one.page
        self.path = f"/api/rosters/{roster_id}"

    async def roster(self) -> Json:
        """The newest version, as the server has it."""
        return dict(await (await self.page.request.get(self.path)).json())

    def cell(self, person: str, day: int) -> Locator:
        return self.page.locator(f'[data-person="{person}"] [data-day="{day}"]')

    def shift(self, person: str, day: int) -> Locator:
        return self.cell(person, day).locator(".sh[data-stop]")

    async def empty(self, row: int) -> None:
        """Somebody else frees a person meanwhile: the page tells it and follows, and others' shifts have a place to go."""
        roster = await self.roster()
        person = roster["people"][row]
        moves = [
            {"interpreter_id": person["id"], "day": day, "kind": None}
            for day, kind in enumerate(person["cells"]) if kind is not None
        ]  # fmt: skip
        body = {"version": roster["version"]["number"], "moves": moves[:20]}
        await self.elsewhere(f"{self.path}/cells", body)
        await self.one.sees("roster.news.changed")
        await expect(self.page.locator(f'[data-person="{person["id"]}"] .sh[data-stop]')).to_have_count(0)

    def banner(self, key: str) -> Locator:
        """The banner above the grid that says this."""
        return self.page.locator(".banner").filter(has_text=self.one.say(key))

    async def elsewhere(self, path: str, body: Json) -> None:
        """The same coordinator at another screen."""
        me = await (await self.page.request.get("/api/me")).json()
        headers = {"X-CSRF-Token": me["csrf"], "Origin": self.page.url.partition("/roster")[0]}
        answer = await self.page.request.post(path, data=body, headers=headers)
        assert answer.ok, await answer.text()

    async def move(self, wanted: Wanted, *, days_later: int = 0) -> Move:
        """A move within the first week that ``wanted`` takes: ``(roster, row of the giver, row of the taker, rules against it)``."""
        roster = await self.roster()
        rows = roster["people"]
        for row, day, kind in _shifts(roster):
            to = (day + days_later) % WEEK
            answer = await self.page.request.get(f"{self.path}/why", params={"day": to, "kind": kind})
            why = {one["interpreter_id"]: one["rules"] for one in (await answer.json())["items"]}
            for other, taker in enumerate(rows):
                if (
                    row != other
                    and taker["cells"][to] is None
                    and wanted(roster, row, other, why.get(taker["id"], ["not_able"]))
                ):
                    return Move(rows[row]["id"], taker["id"], day, to, kind)
        raise AssertionError("no such move in this roster")

    async def done(self, move: Move, act: Callable[[Move], Awaitable[None]]) -> None:
        """The move is made, seen and stored."""
        async with self.page.expect_response(lambda answer: answer.url.endswith("/cells")) as said:
            await act(move)
        assert (await said.value).status == 200, await (await said.value).text()
        await expect(self.shift(move.taker, move.to)).to_be_visible()
        await expect(self.shift(move.giver, move.day)).to_have_count(0)
        cells = {person["id"]: person["cells"] for person in (await self.roster())["people"]}
        assert (cells[move.giver][move.day], cells[move.taker][move.to]) == (None, move.kind)

    async def way(self, move: Move) -> tuple[tuple[float, float], tuple[float, float]]:
        """From the middle of the shift to the middle of the cell."""
        return await _middle(self.shift(move.giver, move.day)), await _middle(self.cell(move.taker, move.to))

    async def by_mouse(self, move: Move) -> None:
        start, end = await self.way(move)
        await self.page.mouse.move(*start)
        await self.page.mouse.down()
        await self.page.mouse.move(end[0], (start[1] + end[1]) / 2, steps=3)
        await self.page.mouse.move(*end, steps=3)
        await self.page.mouse.up()

    async def by_finger(self, move: Move) -> None:
        """Rests on the shift until it is lifted, then carries it; the grid must not scroll away meanwhile."""
        (x, y), end = await self.way(move)
        devtools = await self.one.context.new_cdp_session(self.page)

        async def touch(kind: str, *at: float) -> None:
            points = [{"x": at[0], "y": at[1]}] if at else []
            await devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        await touch("touchStart", x, y)
        await self.page.locator(".sh.lifted").wait_for()
        for part in (0.3, 0.7, 1.0):
            await touch("touchMove", x + (end[0] - x) * part, y + (end[1] - y) * part)
        await touch("touchEnd")
        await devtools.detach()

    async def by_keys(self, move: Move) -> None:
        """One row down or up; the focus goes with the shift."""
        ids = [person["id"] for person in (await self.roster())["people"]]
        await self.shift(move.giver, move.day).focus()
        await self.page.keyboard.press(
            "Alt+ArrowDown" if ids.index(move.taker) > ids.index(move.giver) else "Alt+ArrowUp"
        )
        await expect(self.shift(move.taker, move.to)).to_be_focused()


def _shifts(roster: Json) -> Iterator[tuple[int, int, str]]:
    for row, person in enumerate(roster["people"]):
        for day, kind in enumerate(person["cells"][:WEEK]):
            if kind is not None:
                yield row, day, kind


async def _middle(place: Locator) -> tuple[float, float]:
    await place.scroll_into_view_if_needed()
    box = await place.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def _allowed(_: Json, row: int, other: int, rules: list[str]) -> bool:
    return not rules


def _allowed_beside(_: Json, row: int, other: int, rules: list[str]) -> bool:
    return abs(row - other) == 1 and not rules


def _forbidden(_: Json, row: int, other: int, rules: list[str]) -> bool:
    return bool(rules) and "not_able" not in rules


def _man_gives(roster: Json, row: int, other: int, rules: list[str]) -> bool:
    """Then no hour without a woman can come of it, and no coordinator need be asked. Even numbers are men."""
    return not rules and int(roster["people"][row]["code"][-1]) % 2 == 0


async def drafted(one: Desk, url: str) -> Office:
    """Four weeks, and a search that is stopped once it has found something."""
    page = one.page
    await page.goto(f"{url}/roster")
    await one.press("roster.new")
    async with page.expect_response(
        lambda answer: answer.url.endswith("/api/rosters") and answer.status == 201
    ) as made:
        await page.get_by_role("dialog").get_by_role("button", name=one.say("roster.new.make"), exact=True).click()
    office = Office(one, (await (await made.value).json())["id"])
    await expect(page.locator(".person .sh[data-stop]")).to_have_count(0)
    await one.press("roster.search")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("radio", name=f"5 {one.say('roster.minutes')}", exact=True).click()
    await dialog.get_by_role("button", name=one.say("roster.search.begin"), exact=True).click()
    await page.locator(".person .sh[data-stop]").first.wait_for(timeout=90_000)
    await one.press("roster.search.stop")
    await one.button("roster.refresh").wait_for()
    return office


async def test_a_month_of_duty(single: Stack, playwright: Playwright) -> None:
    url = single.url
    async with desk(playwright, url) as coordinator, desk(playwright, url) as giving, desk(playwright, url) as taking:
        await coordinator.sign_in(url, people.COORDINATOR.code, people.PASSWORD)
        office = await drafted(coordinator, url)

        await office.empty(2)
        await office.done(await office.move(_allowed), office.by_mouse)
        await office.done(await office.move(_allowed), office.by_finger)
        await office.done(await office.move(_allowed_beside), office.by_keys)

        await too_late(office, await office.move(_allowed))
        await refused(office, await office.move(_forbidden, days_later=5))
        await coordinator.shot("roster-refused")

        await coordinator.press("roster.publish")
        await (
            coordinator.page.get_by_role("dialog").get_by_role("button", name=coordinator.say("roster.publish")).click()
        )
        await coordinator.sees("roster.was_published")

        swap = await office.move(_man_gives)
        codes = {person["id"]: person["code"] for person in (await office.roster())["people"]}
        await asyncio.gather(
            giving.sign_in(url, codes[swap.giver], people.PASSWORD),
            taking.sign_in(url, codes[swap.taker], people.PASSWORD),
        )
        await changes_hands(url, office, giving, taking, swap)
        await drops_out(office, swap)
        await from_right_to_left(office)
        for one in (coordinator, giving, taking):
            assert [text for text in one.errors if "favicon" not in text and "409" not in text] == []


async def refused(office: Office, move: Move) -> None:
    """A move that a rule forbids is put back, and the rule is named: by its id in the answer, in words on the screen."""
    page, one = office.page, office.one
    async with page.expect_response(lambda answer: answer.url.endswith("/cells")) as said:
        await office.by_mouse(move)
    answer = await said.value
    problem = await answer.json()
    assert (answer.status, problem["code"]) == (409, "roster_rule")
    rule = problem["params"]["reason"] if problem["params"]["rule"] == "barred" else problem["params"]["rule"]
    await expect(page.locator(".banner[role=alert]").filter(has_text=one.say(f"roster.rule.{rule}"))).to_be_visible()
    await expect(office.shift(move.giver, move.day)).to_be_visible()
    await expect(office.shift(move.taker, move.to)).to_have_count(0)


async def too_late(office: Office, move: Move) -> None:
    """A move of somebody who has not seen the newest version: it is told, nothing is lost, and one press makes the move after all."""

    async def older(route: Route) -> None:
        body = json.loads(route.request.post_data or "")
        await route.continue_(post_data=json.dumps(body | {"version": body["version"] - 1}))

    await office.page.route(re.compile("/cells$"), older, times=1)
    await office.by_mouse(move)
    clash = office.banner("roster.clash")
    await expect(clash).to_contain_text(office.one.say("roster.clash.open"))
    await expect(office.shift(move.giver, move.day)).to_be_visible()
    again = clash.get_by_role("button", name=office.one.say("roster.clash.make"), exact=True)
    await office.done(move, lambda _: again.click())
    await expect(clash).to_have_count(0)


async def drops_out(office: Office, swap: Move) -> None:
    """An absence is entered elsewhere: the roster tells by itself on whose shift it falls, and one press frees the day."""
    first = date.fromisoformat((await office.roster())["starts_on"]) + timedelta(days=swap.day)
    away = {"starts_local": f"{first}T00:00", "ends_local": f"{first + timedelta(days=2)}T00:00", "kind": "unexpected"}
    await office.elsewhere(f"/api/interpreters/{swap.taker}/absences", away)
    told = office.banner("roster.overtaken")
    await expect(told).to_be_visible()
    await office.one.shot("roster-absence")
    await told.get_by_role("button", name=office.one.say("roster.refresh"), exact=True).click()
    await expect(told).to_have_count(0)
    await expect(office.shift(swap.taker, swap.day)).to_have_count(0)


async def changes_hands(url: str, office: Office, giving: Desk, taking: Desk, swap: Move) -> None:
    """One interpreter sees the month and offers a shift, another takes it; the coordinator's page follows by itself."""
    await giving.page.goto(f"{url}/shifts")
    await giving.page.locator(".week .shift").first.wait_for()
    day = giving.page.locator(".week li").nth(await giving.page.locator(".week li").count() - 28 + WEEK + swap.day)
    await day.get_by_role("button").first.click()
    await (
        giving.page.get_by_role("dialog").get_by_role("button", name=giving.say("roster.own.offer"), exact=True).click()
    )
    await giving.sees("roster.own.offered")
    await expect(office.page.get_by_role("heading", name=office.one.say("roster.swaps")).locator("..")).to_contain_text(
        (await office.roster())["people"][0]["code"][:2]
    )
    await taking.page.goto(f"{url}/shifts")
    await taking.press("roster.own.take")
    await taking.sees("roster.own.taken")
    await office.one.sees("roster.news.swap")
    await expect(office.shift(swap.taker, swap.day)).to_be_visible()
    await expect(office.shift(swap.giver, swap.day)).to_have_count(0)


async def from_right_to_left(office: Office) -> None:
    """In Arabic the days run from the right, and so do the arrows."""
    page, one = office.page, office.one
    await page.evaluate("localStorage.setItem('tarjuman.locale', 'ar')")
    await page.reload()
    one.locale = "ar"
    await expect(page.locator("html")).to_have_attribute("dir", "rtl")
    row, day, _ = next(found for found in _shifts(await office.roster()) if found[1] < WEEK - 1)
    person = (await office.roster())["people"][row]["id"]
    await office.shift(person, day).wait_for()
    here, beside = await _middle(office.cell(person, day)), await _middle(office.cell(person, day + 1))
    assert beside[0] < here[0], "the next day stands to the left"
    await office.shift(person, day).focus()
    await page.keyboard.press("ArrowLeft")
    assert await page.evaluate("document.activeElement.dataset.stop") == str(day + 1)
    await one.shot("roster-month")
