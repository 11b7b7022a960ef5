"""The listening helper: ranks the configured candidates by half a minute of sound. A hint for people; decides nothing.

The sound comes in one request, goes to a worker's memory once and is dropped with the answer: it is never written, logged or
kept. Kurdish and Dari are always for people to choose, because no model here tells them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import TooMany, Unavailable
from media.speech.identify import Detector, Identification, identify
from media.speech.identify import Unavailable as NoAnswer
from scheduler.languages import LanguageTable

CANDIDATES = ("ara", "pes", "prs", "pus", "urd", "tur", "ckb", "kmr")
"""The pool's languages and their nearest neighbours. English and what officers speak are left out: unclear sound drifts there."""
WAITING_MOST = 2
"""Requests at the same time in one process; more are told to come again."""
LIMIT_S = 20.0


@dataclass(frozen=True)
class HelperState:
    """What the page may offer."""

    ready: bool
    why: str | None
    """``not_set_up`` when no model is configured."""
    candidates: tuple[str, ...]


class ListeningHelper:
    """One per process."""

    def __init__(self, table: LanguageTable, detector: Detector | None, candidates: Sequence[str] = CANDIDATES) -> None:
        """``detector`` is none where no model is configured. Raises ``ValueError`` for a candidate that officers speak."""
        wrong = [code for code in candidates if (entry := table.get(code)) is None or entry.is_officer_language]
        if wrong:
            raise ValueError(f"no candidates for the listening helper: {', '.join(wrong)}")
        self._detector = detector
        self._candidates = tuple(candidates)
        self._under_way = 0

    @property
    def state(self) -> HelperState:
        """Whether there is a helper."""
        ready = self._detector is not None
        return HelperState(ready, None if ready else "not_set_up", self._candidates)

    async def listen(self, pcm16k: bytes) -> Identification:
        """Rank the candidates. Raises ``Unavailable('helper_not_set_up' | 'helper_failed')``, ``TooMany('helper_busy')``."""
        if self._detector is None:
            raise Unavailable("helper_not_set_up")
        if self._under_way >= WAITING_MOST:
            raise TooMany("helper_busy", {"retry_after": 5})
        self._under_way += 1
        try:
            async with asyncio.timeout(LIMIT_S):
                return await identify(self._detector, pcm16k, self._candidates)
        except TimeoutError:
            raise Unavailable("helper_failed") from None
        except NoAnswer as silent:
            why = silent.args[0] if silent.args else ""
            if why == "no_model":
                raise Unavailable("helper_not_set_up") from None
            if why == "busy":
                raise TooMany("helper_busy", {"retry_after": 5}) from None
            raise Unavailable("helper_failed") from None
        finally:
            self._under_way -= 1
