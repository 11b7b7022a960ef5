"""One person at a real Chromium: with a microphone that says a WAV file, and ears that keep what the page plays.

Texts are looked up in the catalogues by key, so that a test reads a screen as people do and follows its wording.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.audio.resampler import AudioResampler
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Playwright, Request

from tests.services import missing

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = Path("/usr/bin/chromium")
SHOTS = ROOT / "build" / "screenshots"
LAPTOP = (1366, 768)
TABLET = (800, 1280)
DESK_ZONE = "Europe/Belgrade"
"""What the devices of the desks are set to; another one is told above every page."""
_SETTLED_WITHIN_S = 8.0
_IDLE = "new Promise(done => requestIdleCallback(() => setTimeout(done, 50)))"
EARS = (Path(__file__).parent / "ears.js").read_text()


@dataclass
class Desk:
    """A browser of its own, because the sound of a fake microphone belongs to the whole browser."""

    page: Page
    context: BrowserContext
    locale: str = "en"
    errors: list[str] = field(default_factory=list)
    """What the console complained about."""
    fetching: set[Request] = field(default_factory=set)
    """Requests under way."""
    fetched: int = 0
    """How many requests the page has begun."""

    def say(self, key: str) -> str:
        """The text of a catalogue key in the language of this desk; of one with slots the longest piece."""
        return max(re.split(r"\{\{\w+\}\}", str(_texts(self.locale)[key])), key=len).strip(" .,:")

    def button(self, key: str) -> Locator:
        """A button or link-button by its text."""
        name = self.say(key)
        return self.page.get_by_role("button", name=name).or_(self.page.get_by_role("link", name=name)).first

    async def press(self, key: str, *, timeout: float = 90_000) -> None:
        """Press it once it can be pressed."""
        await self.button(key).click(timeout=timeout)

    async def sees(self, key: str, *, timeout: float = 90_000) -> None:
        """Wait until the text is on the screen."""
        await self.page.get_by_text(self.say(key)).first.wait_for(timeout=timeout)

    async def listen(self, seconds: float) -> npt.NDArray[np.float32]:
        """What the page plays now, as samples at 48 kHz."""
        data = await self.page.evaluate("seconds => window.tarjumanEars(seconds)", seconds)
        return decoded(base64.b64decode(data))

    async def shot(self, name: str) -> Path:
        """A picture of the screen for people to look at."""
        width = self.page.viewport_size["width"] if self.page.viewport_size else 0
        path = SHOTS / f"{name}.{self.locale}-{width}.png"
        await self.page.screenshot(path=path)
        return path

    async def settled(self) -> None:
        """Until nothing is fetched and the page has nothing to do, three times in a row.

        Playwright's ``networkidle`` is half a second without a request, whatever the page does: with hundreds of pages, minutes.
        """
        quiet = 0
        try:
            async with asyncio.timeout(_SETTLED_WITHIN_S):
                while quiet < 3:
                    before = self.fetched
                    await self.page.evaluate(_IDLE)
                    quiet = quiet + 1 if not self.fetching and self.fetched == before else 0
        except TimeoutError:
            await self.page.wait_for_load_state("networkidle")

    async def sign_in(self, base_url: str, code: str, password: str) -> None:
        """Through the screen."""
        await self.page.goto(f"{base_url}/sign-in")
        await self.page.get_by_label(self.say("auth.code")).fill(code)
        await self.page.get_by_label(self.say("auth.password"), exact=True).fill(password)
        await self.press("auth.submit")
        await self.page.wait_for_url(lambda url: "sign-in" not in url)
        self.errors.clear()  # Asking who is signed in is answered with 401 before, and browsers note that.


@cache
def _texts(locale: str) -> dict[str, str]:
    """All areas of one language."""
    texts: dict[str, str] = {}
    for path in (ROOT / "web_client" / "locales").rglob(f"{locale}.json"):
        texts |= json.loads(path.read_text())
    return texts


def decoded(recording: bytes) -> npt.NDArray[np.float32]:
    """A WebM recording as mono samples at 48 kHz."""
    resampler = AudioResampler(format="flt", layout="mono", rate=48_000)
    pieces = []
    with av.open(io.BytesIO(recording), "r") as container:
        for frame in container.decode(audio=0):
            pieces += [made.to_ndarray().reshape(-1) for made in resampler.resample(frame)]
    return np.concatenate(pieces).astype(np.float32) if pieces else np.zeros(0, np.float32)


@asynccontextmanager
async def desk(
    playwright: Playwright,
    base_url: str,
    *,
    speech: Path | None = None,
    locale: str = "en",
    size: tuple[int, int] = LAPTOP,
    dark: bool = False,
    beside: Desk | None = None,
    zone: str = DESK_ZONE,
) -> AsyncIterator[Desk]:
    """Open a browser for one person; everything is closed at the end.

    ``beside``: in the browser of that desk, with cookies and storage apart, for somebody who says nothing: starting a browser
    takes longer than many a page.
    """
    browser = await _browser(playwright, speech) if beside is None else beside.context.browser
    assert browser is not None
    context = None
    try:
        context = await browser.new_context(
            base_url=base_url,
            viewport={"width": size[0], "height": size[1]},
            permissions=["microphone", "camera"],
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            timezone_id=zone,
        )
        await context.add_init_script(
            f"localStorage.getItem('tarjuman.locale') ?? localStorage.setItem('tarjuman.locale', '{locale}')"
        )
        await context.add_init_script(EARS)
        page = await context.new_page()
        page.set_default_timeout(90_000)
        made = Desk(page, context, locale)

        def note(message: ConsoleMessage) -> None:
            # A page on a busy machine asks whether the server lives, and a browser has no icon to show.
            if message.type == "error" and not message.location["url"].endswith(("/livez", "favicon.ico")):
                made.errors.append(message.text)

        def began(request: Request) -> None:
            made.fetching.add(request)
            made.fetched += 1

        def ended(request: Request) -> None:
            made.fetching.discard(request)

        page.on("console", note)
        page.on("pageerror", lambda error: made.errors.append(str(error)))
        page.on("request", began)
        page.on("requestfinished", ended)
        page.on("requestfailed", ended)
        yield made
    finally:
        if beside is None:
            await browser.close()
        elif context is not None:
            await context.close()


async def _browser(playwright: Playwright, speech: Path | None) -> Browser:
    """A Chromium whose microphone says ``speech``."""
    if shutil.which(str(CHROMIUM)) is None:
        missing("Chromium")
    arguments = [
        "--no-sandbox",
        "--disable-gpu",
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        "--autoplay-policy=no-user-gesture-required",
        "--disable-features=WebRtcHideLocalIpsWithMdns",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--disable-background-timer-throttling",
        "--disable-renderer-backgrounding",
    ]
    if speech is not None:
        arguments.append(f"--use-file-for-fake-audio-capture={speech}")
    return await playwright.chromium.launch(executable_path=str(CHROMIUM), headless=True, args=arguments)


async def violations(desk: Desk, axe: str) -> list[dict[str, Any]]:
    """What axe finds against WCAG 2.0 to 2.2, A and AA, on the page as it stands."""
    if not await desk.page.evaluate("'axe' in window"):
        await desk.page.evaluate(axe)
    found = await desk.page.evaluate(
        """async () => (await axe.run(document, {runOnly: ['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa']}))
            .violations.map(v => ({id: v.id, nodes: v.nodes.map(n => n.target.join(' '))}))"""
    )
    return list(found)
