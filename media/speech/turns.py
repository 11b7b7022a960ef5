"""In which language is somebody speaking now? From the session's facts and whose turn it is, never from the sound. Pure.

Everybody but an interpreter has one language. An interpreter stands between two: what was heard last is rendered into the
other one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

FAR_BACK_MS = 120_000
"""After a pause of this length a turn no longer follows from what was said before it."""


@dataclass(frozen=True)
class Speaks:
    """The languages of one channel (ISO 639-3): one, or the two of an interpreter, the officer's side second."""

    languages: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.languages) not in (1, 2):
            raise ValueError("one language, or the two of an interpreter")


class Turns:
    """The order of speaking in one room."""

    def __init__(self) -> None:
        self._heard: list[tuple[int, str, str]] = []

    def language(self, channel: str, speaks: Speaks, from_ms: int) -> str:
        """The language of an utterance that begins at ``from_ms``, and remember it. An interpreter who renders nothing yet
        speaks to the officer."""
        chosen = speaks.languages[-1]
        if len(speaks.languages) == 2:
            before = self._before(channel, speaks.languages, from_ms)
            own = [language for _, who, language in self._heard if who == channel]
            if before is not None:
                first, second = speaks.languages
                chosen = second if before == first else first
            elif own:
                chosen = own[-1]
        self._heard = [*self._heard[-15:], (from_ms, channel, chosen)]
        self._heard.sort()
        return chosen

    def _before(self, channel: str, pair: Sequence[str], from_ms: int) -> str | None:
        """What somebody else said last, in one of the two languages, before ``from_ms``."""
        for at, who, language in reversed(self._heard):
            if who != channel and at <= from_ms and language in pair:
                return language if from_ms - at <= FAR_BACK_MS else None
        return None
