"""Speech recognition through the screens, with the real base model: a draft transcript in a call, and the listening helper.

One installation for both. Voices are synthetic (espeak-ng); asserted is who was asked, that lines come to both screens and go away,
and that a clear voice is among the candidates: never how well the model writes.
"""

from __future__ import annotations

import asyncio
import re
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import Playwright, expect
from scipy.signal import resample_poly

from core.access import Actor
from core.clock import SystemClock
from core.db.session import Database
from records.procedures import load_catalogue
from signaling.speech.models import COUNTRY_SWITCH
from signaling.speech.switches import SpeechSwitches
from tests import people
from tests.browser.desk import LAPTOP, TABLET, Desk, desk, violations
from tests.browser.test_the_job import be_available, open_case, through_the_check
from tests.media.speech import clips
from tests.media.speech.weights import base
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.models, pytest.mark.slow, pytest.mark.timeout(900)]
SERBIAN = "Добар дан. Помоћи ће нам преводилац. Да ли добро разумете преводиоца?"
TURKISH = (
    "Merhaba. Üç gün önce kardeşimle birlikte sınıra geldik. Yolda çok yorulduk ve geceyi ormanda geçirdik. "
    "Burada kimseyi tanımıyoruz ve yardıma ihtiyacımız var."
)


@pytest.fixture(scope="module")
def house(client_built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One process with the base model; draft transcripts are allowed at the first step in Serbia."""
    made = Stack.make("single", tmp_path_factory.mktemp("speech"))
    made.environment |= {"TARJUMAN_SPEECH__MODELS": f"default={base()}"}
    people.fill(made.database_url, interpreters=1)
    people.ring_long(made.database_url)
    asyncio.run(allow(made.database_url))
    made.start()
    yield made
    made.stop()


async def allow(database_url: str) -> None:
    """The switches of country and step, as a coordinator turns them."""
    database = Database.open(database_url, SystemClock())
    switches = SpeechSwitches(load_catalogue())
    async with database.unit(Actor.system()) as uow:
        for step in (COUNTRY_SWITCH, "RS-ID-10"):
            await switches.turn(uow, "RS", step, on=True, by="user_c")
    await database.close()


def microphone(path: Path, *parts: tuple[str, str], pause: float = 8) -> Path:
    """A WAV file of sentences (voice, text), each followed by ``pause`` seconds of silence, in which the machine can write it down.

    A browser says it again and again.
    """
    sound = b"".join(clips.say(voice, text) + clips.silence(pause) for voice, text in parts)
    samples = resample_poly(np.frombuffer(sound, "<i2").astype(np.float32), 3, 1).astype("<i2")
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48_000)
        out.writeframes(samples.tobytes())
    return path


async def test_a_draft_of_a_talk_with_the_person_beside_the_officer(
    house: Stack, playwright: Playwright, axe: str, tmp_path: Path
) -> None:
    """The person is asked through the interpreter, both microphones are written down, and a word takes it all back."""
    url = house.url
    beside = microphone(tmp_path / "officer.wav", ("sr", SERBIAN), ("fa", clips.FARSI))
    booth = microphone(tmp_path / "booth.wav", ("fa", clips.FARSI), ("sr", SERBIAN))
    async with (
        desk(playwright, url, speech=beside, locale="sr-Cyrl") as officer,
        desk(playwright, url, speech=booth, locale="ar") as interpreter,
    ):
        await into_a_call(officer, interpreter, url)
        panel = officer.page.get_by_test_id("draft-panel")
        await panel.get_by_test_id("near-applicant").check()
        await officer.press("speech.ask")
        await interpreter.press("speech.agree")
        await panel.get_by_test_id("asked-applicant").get_by_role("button").click()
        words = officer.page.get_by_test_id("question-words")
        await expect(words).to_have_attribute("lang", "fa")
        await looked_at(officer, "draft-question", axe)
        await officer.press("speech.note.yes")
        await expect(panel.get_by_test_id("asked-applicant")).to_contain_text(officer.say("speech.note.waits"))
        await looked_at(interpreter, "draft-confirm", axe)
        await interpreter.press("speech.note.confirm")
        await expect(panel).to_have_attribute("data-flow", "running", timeout=120_000)
        for one in (officer, interpreter):
            await expect(one.page.get_by_test_id("draft-line").locator(".said").nth(1)).to_be_visible(timeout=120_000)
        await looked_at(officer, "draft-officer", axe)
        await looked_at(interpreter, "draft-interpreter", axe)
        spoken = await officer.page.get_by_test_id("draft-line").locator(".said").all_inner_texts()
        assert any(len(text) > 10 for text in spoken), spoken
        await panel.get_by_test_id("asked-applicant").get_by_role("button").click()
        await expect(panel).to_have_attribute("data-flow", "stopped")
        for one in (officer, interpreter):
            await expect(one.page.get_by_test_id("draft-line")).to_have_count(0)
        assert [text for one in (officer, interpreter) for text in one.errors if "favicon" not in text] == []


async def into_a_call(officer: Desk, interpreter: Desk, url: str) -> None:
    """From a case to a talk in progress."""
    await asyncio.gather(
        officer.sign_in(url, people.OFFICER.code, people.PASSWORD),
        interpreter.sign_in(url, people.interpreter(1).code, people.PASSWORD),
    )
    await be_available(interpreter)
    await open_case(officer, url)
    await officer.press("booking.now")
    await interpreter.page.get_by_test_id("ring").wait_for()
    await interpreter.press("home.accept")
    await officer.press("case.join")
    await asyncio.gather(through_the_check(officer), through_the_check(interpreter))
    for one in (officer, interpreter):
        await expect(one.page.get_by_test_id("room")).to_have_attribute("data-state", "active", timeout=120_000)


async def looked_at(one: Desk, name: str, axe: str) -> None:
    """Pictures on tablet and laptop with the draft in view; axe finds nothing."""
    for width, height in (TABLET, LAPTOP):
        await one.page.set_viewport_size({"width": width, "height": height})
        shown = one.page.get_by_test_id("draft-line").or_(one.page.get_by_test_id("draft-panel")).last
        await shown.scroll_into_view_if_needed()
        await one.shot(name)
        assert await violations(one, axe) == [], (name, width)


async def test_the_listening_helper_hears_the_browser_s_microphone(
    house: Stack, playwright: Playwright, axe: str, tmp_path: Path
) -> None:
    """From the fake microphone to the model and back: the language is among the candidates, and choosing it is a person's act."""
    voice = microphone(tmp_path / "person.wav", ("tr", TURKISH), pause=0.5)
    async with desk(playwright, house.url, speech=voice) as officer:
        page = officer.page
        await officer.sign_in(house.url, people.OFFICER.code, people.PASSWORD)
        await page.goto(f"{house.url}/language")
        await page.get_by_test_id("language-desk").wait_for()
        await officer.press("language.helper.button")
        heard = page.get_by_test_id("heard-tur")
        too_slow = page.get_by_text(officer.say("error.helper_failed"))
        for _ in range(3):
            # The first answer needs the model to be loaded; on a busy machine that takes longer than anybody is let wait.
            await officer.press("language.helper.start")
            # Pauses are cut out before the model hears it: eight seconds of voice are needed.
            await expect(page.locator("dialog .timer")).to_have_text(re.compile(r"^(1[4-9]|2\d) /"), timeout=120_000)
            await officer.press("language.helper.send")
            await expect(heard.or_(too_slow).first).to_be_visible(timeout=120_000)
            if await heard.is_visible():
                break
        await expect(heard).to_be_visible()
        await officer.shot("language-helper")
        assert await violations(officer, axe) == []
        await heard.click()
        await expect(page.get_by_test_id("card-tur")).to_be_visible()
        assert [text for text in officer.errors if "favicon" not in text and "503" not in text] == []
