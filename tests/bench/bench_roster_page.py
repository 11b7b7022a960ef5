"""How long a coordinator waits for the roster's grid: 100 people, 28 days, 1,500 shifts, in a real Chromium, until it is painted.

A running server gives the page; the roster itself is invented here in the server's shape, because its making is not what is measured.
From the arrival of the roster in the page (or from the press of a button) to the first frame in which all its shifts stand.
"""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from playwright.async_api import CDPSession, Page, Route, async_playwright

from scheduler.rosters.shifts import TIMES
from scheduler.rosters.view_shapes import RosterRow, RosterView
from signaling.api.shown import shown
from signaling.rehearsal.client import Json
from tests import people
from tests.bench.figures import Figure, percentile
from tests.browser.desk import Desk, desk
from tests.stack import Stack

RUNS = 7
LIMIT_MS = 250
PEOPLE, DAYS, SHIFTS_EACH = 100, 28, 15
LINES = ("apc", "acm", "pes", "prs", "pbt", "urd", "kmr", "tur")
ROSTER = "roster_measured"
MONDAY = date(2026, 11, 23)
WATCH = """
(() => {
  const drawn = rows => [...document.querySelectorAll('[data-testid="roster-grid"] .person')].slice(0, rows)
    .reduce((n, row) => n + row.querySelectorAll('.sh[data-stop]').length, 0)
  // Looked at in each frame, before it is painted; the message is read when that frame is done.
  const painted = (rows, shifts) => new Promise(done => requestAnimationFrame(function look() {
    if (drawn(rows) !== shifts) return void requestAnimationFrame(look)
    const channel = new MessageChannel()
    channel.port1.onmessage = () => done(performance.now())
    channel.port2.postMessage(0)
  }))
  window.rosterWaits = shifts => Promise.all([painted(8, shifts[0]), painted(1000, shifts[1])])
  window.rosterArrived = id =>
    performance.getEntriesByType('resource').filter(one => one.name.endsWith(`/api/rosters/${id}`))[0]?.responseEnd
})()
"""


@dataclass(frozen=True)
class _Measured:
    """Two waits and what the main thread did meanwhile, in milliseconds; opening the page includes the whole page."""

    first: float
    """Until the rows in view are painted."""
    whole: float
    """Until all rows are."""
    script: float
    style: float
    layout: float


def invented() -> Json:
    """A month: each has fifteen shifts of two lines, some leave and a fixed cell; each line lacks people at some hours of most days."""
    dice = random.Random(20261122)
    kinds = [
        {"id": f"{one.id}:{line}", "word": one.word, "line": line, "start": one.start, "length": one.minutes,
         "on_call": one.on_call, "night": one.night}
        for line in LINES for one in TIMES
    ]  # fmt: skip
    rows: list[dict[str, Any]] = []
    for number in range(PEOPLE):
        lines = sorted(dice.sample(LINES, 2))
        worked = sorted(dice.sample(range(DAYS), SHIFTS_EACH))
        cells = [f"{dice.choice(TIMES).id}:{dice.choice(lines)}" if day in worked else None for day in range(DAYS)]
        free = [day for day in range(DAYS) if day not in worked]
        bars = [{"day": day, "rule": "leave"} for day in free[:2]] if number % 4 == 0 else []
        rows.append(
            {"id": f"interp_{number:03d}", "code": f"I-{number:04d}", "lines": lines, "cells": cells, "pins": worked[:1], "bars": bars,
             "target_minutes": 7200, "minutes": SHIFTS_EACH * 480, "nights": 2, "weekends": 2}
        )  # fmt: skip
    gaps = [
        {"day": day, "line": line, "start": start, "end": start + 120, "missing": 1, "women": start == 1080}
        for line in LINES for day in range(DAYS) for start in (0, 1080) if dice.random() < 0.7
    ]  # fmt: skip
    return _as_sent(
        RosterView,
        {
            "id": ROSTER, "country": "RS", "starts_on": MONDAY, "days": DAYS, "zone": "Europe/Belgrade", "state": "draft", "newest": 2,
            "published": None, "search": None, "kinds": kinds, "lines": list(LINES), "people": rows, "gaps": gaps, "overtaken": [],
            "version": {"number": 2, "cause": "search", "cost": 1, "bound": None, "coverage_permille": 912, "fairness_permille": 950,
                        "gaps": len(gaps), "made_at": datetime(2026, 11, 20, 9, tzinfo=UTC)},
        },
    )  # fmt: skip


def _as_sent(view: Any, values: Json) -> Json:
    """The values as the server sends this view; one that is not of its shape is refused."""
    return dict(shown(view).model_validate(values).model_dump(mode="json"))


async def _give(page: Page, roster: Json) -> None:
    """The page is told this roster and no other."""
    head = {key: roster[key] for key in ("id", "country", "starts_on", "days", "state", "newest", "published")}
    row = _as_sent(RosterRow, {**head, "gaps": 9, "coverage_permille": 912})
    bodies = {
        "**/api/rosters": json.dumps({"items": [row]}),
        f"**/api/rosters/{ROSTER}": json.dumps(roster),
        f"**/api/rosters/{ROSTER}/versions": json.dumps({"items": []}),
        f"**/api/rosters/{ROSTER}/diff?**": json.dumps({"items": []}),
    }
    for path, body in bodies.items():
        await page.route(path, _answering(body))


def _answering(body: str) -> Callable[[Route], Awaitable[None]]:
    async def answer(route: Route) -> None:
        await route.fulfill(body=body, content_type="application/json")

    return answer


@dataclass(frozen=True)
class _Meter:
    """The page with a look at the processor time of its main thread, which other work on the machine does not lengthen."""

    one: Desk
    url: str
    devtools: CDPSession

    @classmethod
    async def begin(cls, one: Desk, url: str) -> _Meter:
        devtools = await one.context.new_cdp_session(one.page)
        await devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
        return cls(one, url, devtools)

    async def opened(self, zoom: str, shifts: list[int]) -> _Measured:
        """From the arrival of the roster to the painted grid, when the page is opened."""
        page = self.one.page
        await page.goto(f"{self.url}/livez")
        before = await self._spent()
        await page.goto(f"{self.url}/roster?zoom={zoom}", wait_until="commit")
        first, whole = await page.evaluate("shifts => rosterWaits(shifts)", shifts)
        after = await self._spent()
        arrived = await page.evaluate("id => rosterArrived(id)", ROSTER)
        return _Measured(first - arrived, whole - arrived, *_between(before, after))

    async def pressed(self, shifts: list[int]) -> _Measured:
        """From pressing "Whole period" to the painted grid."""
        page = self.one.page
        await page.goto(f"{self.url}/roster")
        await page.get_by_test_id("roster-grid").wait_for()
        await page.wait_for_load_state("networkidle")
        before = await self._spent()
        begun = page.evaluate(
            """shifts => new Promise(done => addEventListener('pointerdown', pressed =>
                void rosterWaits(shifts).then(ends => done(ends.map(at => at - pressed.timeStamp))), {once: true, capture: true}))""",
            shifts,
        )
        press = page.get_by_role("radio", name=self.one.say("roster.zoom.period"), exact=True)
        (first, whole), _ = await asyncio.gather(begun, press.click())
        return _Measured(first, whole, *_between(before, await self._spent()))

    async def _spent(self) -> dict[str, float]:
        found = (await self.devtools.send("Performance.getMetrics"))["metrics"]
        return {row["name"]: row["value"] * 1000 for row in found}


def _between(before: dict[str, float], after: dict[str, float]) -> tuple[float, ...]:
    return tuple(after[name] - before[name] for name in ("ScriptDuration", "RecalcStyleDuration", "LayoutDuration"))


def _figures(title: str, runs: Sequence[_Measured]) -> list[Figure]:
    def middle(name: str) -> float:
        return percentile([getattr(one, name) for one in runs], 50)

    cpu = f"script {middle('script'):.0f}, style {middle('style'):.0f}, layout {middle('layout'):.0f} ms of processor time"
    found = []
    for name, what in (("first", "the rows in view"), ("whole", "all rows")):
        worst = max(getattr(one, name) for one in runs)
        note = f"median of {len(runs)}, worst {worst:.0f}; {cpu}"
        found.append(Figure(f"{title}, {what} painted", middle(name), "ms", limit=LIMIT_MS, note=note))
    return found


def _shifts(roster: Json, days: int) -> list[int]:
    """Shifts of the first eight people, and of all, in the first ``days``."""
    each = [sum(kind is not None for kind in person["cells"][:days]) for person in roster["people"]]
    return [sum(each[:8]), sum(each)]


async def run() -> list[Figure]:
    """The page opened in both spans, and the change between them."""
    roster = invented()
    week, month = _shifts(roster, 7), _shifts(roster, DAYS)
    found: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack.make("single", Path(folder))
        await people.populate(stack.database_url, interpreters=1)
        stack.start()
        try:
            async with async_playwright() as playwright, desk(playwright, stack.url) as one:
                await one.context.add_init_script(WATCH)
                await one.sign_in(stack.url, people.COORDINATOR.code, people.PASSWORD)
                await _give(one.page, roster)
                meter = await _Meter.begin(one, stack.url)
                await meter.opened("week", week)  # The first visit also fetches and compiles the page.
                for title, zoom, shifts in (("a week", "week", week), ("four weeks", "period", month)):
                    runs = [await meter.opened(zoom, shifts) for _ in range(RUNS)]
                    found += _figures(f"{title} of {PEOPLE} people ({shifts[1]} shifts) arrived", runs)
                runs = [await meter.pressed(month) for _ in range(RUNS)]
                found += _figures(f"four weeks ({month[1]} shifts) asked for by a press", runs)
        finally:
            stack.stop()
    return found
