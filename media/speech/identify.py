"""Which of the configured languages is being spoken? A ranked guess for the language desk; a person always decides (M-12).

It ranks languages, never people: no origin, no nationality, no dialect. The sound is used once, in a worker process, and
kept nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from media.speech.languages import FOLDED, token

VOICED_LEAST_S = 8.0
"""Less voiced sound than this is never ranked: the guess would be noise."""
USED_MOST_S = 30.0
"""One pass of the model hears so much; more is cut off."""
MARGIN = 0.25
"""The first must lead the second by so much (of 1, after restriction), or the answer is *unsure*."""
INSIDE_LEAST = 0.02
"""With less total probability on the configured set it is probably another language: *unsure* (a hint, never a refusal)."""
HEARD_LEAST = 0.5
"""Of all languages that the model knows, the first must have at least this much for itself, or the answer is *unsure*: what leads among
five candidates only because they are what is left of a sound that the model took for another language says nothing. About twice what a
wrong first had at most on the synthetic clips that it was set on, 0.22; on others, held out, 0.23 (docs/language-desk.md)."""


BETWEEN_LEAST = 0.75
"""Of the probability of two languages together, what one must have to be taken."""
TOGETHER_LEAST = 0.15
"""What the two must have together: with less the model heard something else, and its rest says nothing about which of them it was.
Measured with the base model and voices of espeak: without a floor 4 of 32 utterances got the wrong language, from 0.1 on none."""
_NEAR: Mapping[str, frozenset[str]] = {
    "sr": frozenset({"sr", "hr", "bs", "sl", "mk", "bg"}),
    "mk": frozenset({"mk", "bg", "sr", "hr", "bs", "sl"}),
    "fa": frozenset({"fa", "tg"}),
    "ps": frozenset({"ps", "sd"}),
    "ur": frozenset({"ur", "hi", "pa"}),
}
"""Whose probability counts for a language where only two can be meant: a model that hears Bulgarian there heard Macedonian."""


class Unsure(StrEnum):
    """Why a ranking must not be trusted."""

    TOO_SHORT = "too_short"
    """Less than ``VOICED_LEAST_S`` of voice: nothing is ranked."""
    CLOSE = "close"
    """The first two are too near to each other."""
    FAINT = "faint"
    """The first has less than half of the probability over all languages: it is what is left, not what was heard."""
    OUTSIDE = "outside"
    """Most probability lies outside of the candidates."""
    NOTHING_TO_RANK = "nothing_to_rank"
    """No candidate is known to the model."""


class Unavailable(Exception):  # noqa: N818 - a state, told to people in words
    """No answer: no model is configured, or the workers are busy or down. ``args[0]`` is one of ``no_model``, ``busy``, ``lost``."""


@dataclass(frozen=True)
class Detection:
    """What the model said about all its languages (probability by token), and how much voice it had (seconds)."""

    probabilities: Mapping[str, float]
    voiced_seconds: float


class Detector(Protocol):
    """Worker processes that can hear; ``media.speech.workers.SpeechWorkers`` is one."""

    async def detect(self, pcm16k: bytes, least_seconds: float) -> Detection:
        """One pass over the voiced part of 16 kHz mono s16le sound; no probabilities below ``least_seconds`` of voice.

        Raises :class:`Unavailable`.
        """
        ...


@dataclass(frozen=True)
class Identification:
    """The ranking over the candidates, best first, probabilities sum to 1; empty when nothing could be ranked."""

    ranked: tuple[tuple[str, float], ...]
    voiced_seconds: float
    unsure: Unsure | None
    together: Mapping[str, tuple[str, ...]]
    """Candidates that the model cannot tell from the ranked one: Dari and Farsi; variants of Arabic. Always chosen by hand."""
    by_hand: tuple[str, ...]
    """Candidates that the model does not know at all (Kurdish): they may well be it."""


async def identify(detector: Detector, pcm16k: bytes, candidates: Sequence[str]) -> Identification:
    """Rank ``candidates`` (ISO 639-3, in the order in which equals are shown) by 8-30 s of sound, 16 kHz mono s16le.

    Leave out the languages of the interviewers and English: unclear sound drifts to them (measured). Raises
    :class:`Unavailable`.
    """
    detection = await detector.detect(pcm16k, VOICED_LEAST_S)
    return rank(detection, candidates)


def one_of(detection: Detection, pair: Sequence[str]) -> str | None:
    """Which of the two languages (ISO 639-3) of a talk an utterance is in, or none where the sound does not tell. Pure.

    Only for a microphone that two people share, so that nothing else tells: it chooses between languages that people named before,
    for the spelling of a line, and says nothing about anybody.
    """
    if token(pair[0]) == token(pair[1]):
        return pair[1]  # One language to the model (Serbian and Bosnian).
    mass = []
    for number, code in enumerate(pair):
        known, other = token(code), token(pair[1 - number])
        near = _NEAR.get(known or "", frozenset({known}))
        # What is near to both (Serbian beside Macedonian) counts for neither.
        theirs = _NEAR.get(other or "", frozenset({other}))
        own = near - theirs or {known}
        mass.append(sum(detection.probabilities.get(name, 0.0) for name in own if name is not None))
    total = sum(mass)
    if total < TOGETHER_LEAST or max(mass) / total < BETWEEN_LEAST:
        return None
    return pair[mass.index(max(mass))]


def rank(detection: Detection, candidates: Sequence[str]) -> Identification:
    """Restrict to the candidates, renormalise, say how sure. Pure."""
    groups: dict[str, list[str]] = {}
    by_hand = []
    for code in candidates:
        known = token(code)
        if known is None:
            by_hand.append(code)
        else:
            groups.setdefault(FOLDED.get(known, known), []).append(code)
    mass: dict[str, float] = dict.fromkeys(groups, 0.0)
    for heard, probability in detection.probabilities.items():
        folded = FOLDED.get(heard, heard)
        if folded in mass:
            mass[folded] += probability
    total = sum(mass.values())
    unsure: Unsure | None = None
    ranked: list[tuple[str, float]] = []
    if not groups:
        unsure = Unsure.NOTHING_TO_RANK
    elif detection.voiced_seconds < VOICED_LEAST_S or total <= 0:
        unsure = Unsure.TOO_SHORT
    else:
        order = sorted(groups, key=lambda name: -mass[name])
        ranked = [(groups[name][0], mass[name] / total) for name in order]
        if total < INSIDE_LEAST:
            unsure = Unsure.OUTSIDE
        elif len(ranked) > 1 and ranked[0][1] - ranked[1][1] < MARGIN:
            unsure = Unsure.CLOSE
        elif mass[order[0]] < HEARD_LEAST:
            unsure = Unsure.FAINT
    together = {codes[0]: tuple(codes[1:]) for codes in groups.values() if len(codes) > 1}
    return Identification(tuple(ranked), detection.voiced_seconds, unsure, together, tuple(by_hand))
