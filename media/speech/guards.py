"""What a transcriber invents is dropped here: loops, the wrong script, text where nobody spoke. Pure."""

from __future__ import annotations

import unicodedata
import zlib
from enum import StrEnum

from media.speech.endpointer import Utterance
from media.speech.languages import PASHTO, PASHTO_LETTERS, Script, scripts

COMPRESSION_MOST = 2.4
"""Text that compresses better than this repeats itself: a loop."""
SCRIPT_LEAST = 0.7
"""Share of the letters that must be of the language's script."""
PASHTO_SURE_FROM = 20
"""Letters from which a Pashto text without one Pashto letter is no Pashto."""
LETTERS_PER_SECOND_MOST = 30
"""Faster than anybody speaks: it was not said."""
TOKENS_PER_SECOND = 14
TOKENS_BASE = 24
TOKENS_MOST = 220


class Drop(StrEnum):
    """Why a text is not shown."""

    NOTHING = "nothing"
    """The model heard nothing."""
    LOOP = "loop"
    SCRIPT = "script"
    TOO_MUCH = "too_much"


def token_cap(utterance: Utterance) -> int:
    """Tokens that the model may write for so much sound: the end of every endless loop."""
    seconds = (utterance.to_ms - utterance.from_ms) / 1000
    return min(TOKENS_MOST, TOKENS_BASE + int(seconds * TOKENS_PER_SECOND))


def judge(text: str, language: str, utterance: Utterance) -> Drop | None:
    """None when the text may be shown. ``language``: the token it was forced to."""
    letters = [char for char in text if char.isalpha()]
    if not letters:
        return Drop.NOTHING
    if compression_ratio(text) > COMPRESSION_MOST:
        return Drop.LOOP
    if not script_fits(letters, language):
        return Drop.SCRIPT
    if len(letters) > max(12.0, LETTERS_PER_SECOND_MOST * utterance.voiced_ms / 1000):
        return Drop.TOO_MUCH
    return None


def compression_ratio(text: str) -> float:
    """Bytes before and after zlib, as Whisper's own measure."""
    raw = text.encode()
    return len(raw) / len(zlib.compress(raw)) if raw else 0.0


def script_fits(letters: list[str], language: str) -> bool:
    """Whether enough letters are of a script of this language; for Pashto also its own letters must occur."""
    wanted = scripts(language)
    if Script.OTHER in wanted:
        return True
    if sum(_script(letter) in wanted for letter in letters) < SCRIPT_LEAST * len(letters):
        return False
    if language == PASHTO and len(letters) >= PASHTO_SURE_FROM:
        return any(letter in PASHTO_LETTERS for letter in letters)
    return True


def _script(letter: str) -> Script:
    name = unicodedata.name(letter, "")
    for script in (Script.ARABIC, Script.CYRILLIC, Script.LATIN):
        if name.startswith(script.value.upper()):
            return script
    return Script.OTHER
