"""What waits for the one transcriber of a process: bounded; under load captions are dropped first, oldest first, and it is said."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from media.speech.endpointer import Utterance

WAITING_MOST = 6
"""Utterances that wait, at most."""
WAITING_MOST_MS = 40_000
"""Sound that waits, at most: later than that no draft is of use in a talk."""
QUESTIONS_MOST = 2
"""Questions of the language helper that wait, at most."""


@dataclass(frozen=True)
class Caption:
    """An utterance to be transcribed."""

    channel: str
    language: str
    """ISO 639-3."""
    utterance: Utterance
    between: tuple[str, ...] = ()
    """Two languages of which the sound decides; ``language`` is then only what stands there until it has."""

    @property
    def length_ms(self) -> int:
        """How long it is."""
        return self.utterance.to_ms - self.utterance.from_ms


@dataclass(frozen=True)
class Question:
    """Voiced sound of which the language is asked."""

    id: int
    pcm: bytes


class Backlog:
    """Filled by one thread, emptied by another. A question goes before captions: somebody waits for its answer."""

    def __init__(
        self, *, captions: int = WAITING_MOST, ms: int = WAITING_MOST_MS, questions: int = QUESTIONS_MOST
    ) -> None:
        self._captions: deque[Caption] = deque()
        self._questions: deque[Question] = deque()
        self._most, self._most_ms, self._most_questions = captions, ms, questions
        self._change = threading.Condition()
        self._closed = False

    def put(self, caption: Caption) -> list[Caption]:
        """Add; returns what had to be dropped for it."""
        with self._change:
            self._captions.append(caption)
            dropped = []
            while len(self._captions) > self._most or sum(c.length_ms for c in self._captions) > self._most_ms:
                dropped.append(self._captions.popleft())
            self._change.notify()
        return dropped

    def ask(self, question: Question) -> bool:
        """Add a question; False when too many wait."""
        with self._change:
            if len(self._questions) >= self._most_questions:
                return False
            self._questions.append(question)
            self._change.notify()
            return True

    def forget(self, channel: str) -> None:
        """Throw away what waits of a channel."""
        with self._change:
            self._captions = deque(c for c in self._captions if c.channel != channel)

    def close(self) -> None:
        """The taker gets None when everything is taken."""
        with self._change:
            self._closed = True
            self._change.notify_all()

    def take(self) -> Caption | Question | None:
        """The next thing, waiting for it; None at the end."""
        with self._change:
            while not (self._questions or self._captions or self._closed):
                self._change.wait()
            if self._questions:
                return self._questions.popleft()
            return self._captions.popleft() if self._captions else None
