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

from playwright.async_api import Page, Route, async_playwright

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
  const grid = '[data-testid="roster-grid"]'
  const drawn = () => document.querySelectorAll(`${grid} .sh[data-stop]:not(.gap)`).length
  const afterPaint = () => new Promise(done => requestAnimationFrame(() => {
    const channel = new MessageChannel()
    channel.port1.onmessage = () => done(performance.now())
    channel.port2.postMessage(0)
  }))
  // Looked at in each frame, before it is painted; the answer comes when that frame is done.
  window.rosterPainted = wanted => new Promise(done => {
    const look = () => drawn() === wanted ? void afterPaint().then(done) : void requestAnimationFrame(look)
    look()
  })
  window.rosterArrived = id =>
    performance.getEntriesByType('resource').filter(one => one.name.endsWith(`/api/rosters/${id}`)).at(-1)?.responseEnd
})()
"""


@dataclass(frozen=True)
class _Measured:
    """A wait in milliseconds and what the browser did meanwhile, in milliseconds."""

    wait: float
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
    }
    for path, body in bodies.items():
        await page.route(path, _answering(body))


def _answering(body: str) -> Callable[[Route], Awaitable[None]]:
    async def answer(route: Route) -> None:
        await route.fulfill(body=body, content_type="application/json")

    return answer


async def _spent(one: Desk) -> dict[str, float]:
    session = await one.context.new_cdp_session(one.page)
    await session.send("Performance.enable")
    found = {row["name"]: row["value"] for row in (await session.send("Performance.getMetrics"))["metrics"]}
    await session.detach()
    return {name: found[name] * 1000 for name in ("ScriptDuration", "RecalcStyleDuration", "LayoutDuration")}


async def _opened(one: Desk, url: str, zoom: str, shifts: int) -> _Measured:
    """From the arrival of the roster to the painted grid, when the page is opened."""
    await one.page.goto(f"{url}/roster?zoom={zoom}", wait_until="commit")
    painted = await one.page.evaluate("wanted => rosterPainted(wanted)", shifts)
    arrived = await one.page.evaluate("id => rosterArrived(id)", ROSTER)
    spent = await _spent(one)
    return _Measured(painted - arrived, *spent.values())


async def _pressed(one: Desk, url: str, shifts: int) -> _Measured:
    """From pressing "Whole period" to the painted grid."""
    await one.page.goto(f"{url}/roster")
    await one.page.get_by_test_id("roster-grid").wait_for()
    await one.page.wait_for_load_state("networkidle")
    before = await _spent(one)
    begun = one.page.evaluate(
        """shifts => new Promise(done => addEventListener('pointerdown', pressed =>
            void rosterPainted(shifts).then(at => done(at - pressed.timeStamp)), {once: true, capture: true}))""",
        shifts,
    )
    press = one.page.get_by_role("radio", name=one.say("roster.zoom.period"), exact=True)
    wait, _ = await asyncio.gather(begun, press.click())
    after = await _spent(one)
    return _Measured(wait, *(after[name] - before[name] for name in before))


def _figures(title: str, runs: Sequence[_Measured]) -> list[Figure]:
    def middle(name: str) -> float:
        return percentile([getattr(one, name) for one in runs], 50)

    parts = f"script {middle('script'):.0f}, style {middle('style'):.0f}, layout {middle('layout'):.0f} ms of the main thread"
    worst = max(one.wait for one in runs)
    return [
        Figure(title, middle("wait"), "ms", limit=LIMIT_MS, note=f"median of {len(runs)}, worst {worst:.0f}; {parts}")
    ]


async def run() -> list[Figure]:
    """The page opened in both spans, and the change between them."""
    roster = invented()
    week = sum(kind is not None for person in roster["people"] for kind in person["cells"][:7])
    month = PEOPLE * SHIFTS_EACH
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
                await _opened(one, stack.url, "week", week)  # The first visit also fetches and compiles the page.
                for title, zoom, shifts in (("a week", "week", week), ("four weeks", "period", month)):
                    runs = [await _opened(one, stack.url, zoom, shifts) for _ in range(RUNS)]
                    found += _figures(
                        f"{title} of 100 people ({shifts} shifts), from its arrival to the painted grid", runs
                    )
                runs = [await _pressed(one, stack.url, month) for _ in range(RUNS)]
                found += _figures(f"from a press to the painted whole period ({month} shifts)", runs)
        finally:
            stack.stop()
    return found
