"""The quality loop: error typology of reviews, what ratings and reviews add up to, which reviews are due. Pure.

A score never goes to officers; the matcher reads one number of -10..10 (M-8), the interpreter reads where it comes from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

WINDOW = timedelta(days=365)
"""Older ratings and reviews say nothing about today."""
PRIOR = 5.0
"""As many neutral answers are added to what was said, so that one bad day of a newcomer weighs little."""
CRITICAL_REPEATS = 1
"""From this number of critical errors on a review asks whether the interview has to be repeated."""


class Answer(StrEnum):
    """How well it went, in three steps for all sides (S-6, S-16: the person has three faces)."""

    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"


class Side(StrEnum):
    """Who rates."""

    OFFICER = "officer"
    INTERPRETER = "interpreter"
    """The interpreter rates the conduct of the session, not the person."""
    PERSON = "person"


CODES: dict[Side, frozenset[str]] = {
    Side.OFFICER: frozenset(
        {"late", "another_language", "left_out", "added", "own_opinion", "side_talk", "sound", "careful"}
    ),
    Side.INTERPRETER: frozenset({"too_fast", "no_breaks", "language_hard", "sound", "not_alone", "hard_to_bear"}),
    Side.PERSON: frozenset(),
}
"""The closed lists of what may be said besides the answer; the person is asked one question only."""


class ErrorKind(StrEnum):
    """What a reviewer may find."""

    OMISSION = "omission"
    ADDITION = "addition"
    DISTORTION = "distortion"
    """The meaning was changed."""
    TERM = "term"
    NUMBER = "number"
    """A number, a date or a name came over wrong."""
    REGISTER = "register"
    PERSON = "person"
    """Not in the first person."""
    SIDE_TALK = "side_talk"
    OPINION = "opinion"


class Severity(StrEnum):
    """How much an error may cost the person."""

    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"
    """May change the outcome of the procedure."""


_POINTS = {Severity.MINOR: 1, Severity.MAJOR: 5, Severity.CRITICAL: 25}
_FAIR_FROM, _POOR_FROM = 3.0, 10.0
_WEIGHT = {Side.OFFICER: 1.0, Side.PERSON: 1.0}
_REVIEW_WEIGHT = 4.0
"""A review by a second linguist says more than a tap after the call."""
_VALUE = {Answer.GOOD: 1.0, Answer.FAIR: 0.0, Answer.POOR: -1.0}


@dataclass(frozen=True)
class FoundError:
    """Errors of one kind and severity in a review."""

    kind: ErrorKind
    severity: Severity
    count: int


@dataclass(frozen=True)
class ReviewResult:
    """What a review adds up to."""

    points_per_10_min: float
    answer: Answer
    repeat: bool
    """A critical error was found: somebody has to decide whether the interview is held again."""


def review_result(errors: Iterable[FoundError], minutes: int) -> ReviewResult:
    """Weighted errors on ten minutes: below 3 good, below 10 fair, else poor. Raises ``ValueError`` for no minutes."""
    if minutes < 1:
        raise ValueError("a review covers at least a minute")
    found = list(errors)
    points = sum(_POINTS[error.severity] * error.count for error in found) * 10 / minutes
    critical = sum(error.count for error in found if error.severity is Severity.CRITICAL)
    answer = Answer.GOOD if points < _FAIR_FROM else Answer.FAIR if points < _POOR_FROM else Answer.POOR
    if critical >= CRITICAL_REPEATS and answer is Answer.GOOD:
        answer = Answer.FAIR
    return ReviewResult(round(points, 1), answer, critical >= CRITICAL_REPEATS)


@dataclass(frozen=True)
class Said:
    """One answer about an interpreter; ``side`` none for a review."""

    answer: Answer
    side: Side | None
    at: datetime


@dataclass(frozen=True)
class Quality:
    """The number that the matcher reads, and what it rests on."""

    points: int
    """-10..10 (M-8)."""
    officers: int
    people: int
    reviews: int


def quality(said: Iterable[Said], at: datetime) -> Quality:
    """Mean of what officers, people and reviews said within a year, drawn towards 0 by a neutral prior, times ten.

    What interpreters say about a session does not count for or against themselves.
    """
    counted = [one for one in said if one.side is not Side.INTERPRETER and at - WINDOW < one.at <= at]
    total = weight = 0.0
    for one in counted:
        share = _REVIEW_WEIGHT if one.side is None else _WEIGHT[one.side]
        total += share * _VALUE[one.answer]
        weight += share
    points = round(10 * total / (weight + PRIOR))
    return Quality(
        points=points,
        officers=sum(one.side is Side.OFFICER for one in counted),
        people=sum(one.side is Side.PERSON for one in counted),
        reviews=sum(one.side is None for one in counted),
    )


class ReviewCause(StrEnum):
    """Why a review is due."""

    NEWCOMER = "newcomer"
    """Not yet twenty reviewed hours."""
    TWICE_A_YEAR = "twice_a_year"
    """L3 (domain 3.3)."""
    YEARLY = "yearly"
    ANSWERS = "answers"
    """Officers or people said *poor* three times in thirty days."""
    SAMPLE = "sample"
    """A talk of this person was drawn."""


@dataclass(frozen=True)
class ReviewFacts:
    """What decides when somebody is reviewed next."""

    level: str
    joined_at: datetime
    last_review_at: datetime | None
    reviewed_minutes: int
    minutes_since_review: int
    poor_last_30_days: int


_POOR_LIMIT = 3
_NEWCOMER_EVERY_MIN = 300
_NEWCOMER_MINUTES = 20 * 60


def review_due(facts: ReviewFacts, at: datetime) -> ReviewCause | None:
    """Why somebody is due for a review now, the weightiest cause; none if nobody needs to look."""
    since = at - (facts.last_review_at or facts.joined_at)
    if facts.poor_last_30_days >= _POOR_LIMIT and since > timedelta(days=30):
        return ReviewCause.ANSWERS
    if facts.reviewed_minutes < _NEWCOMER_MINUTES and facts.minutes_since_review >= _NEWCOMER_EVERY_MIN:
        return ReviewCause.NEWCOMER
    if facts.level == "L3" and since > timedelta(days=182):
        return ReviewCause.TWICE_A_YEAR
    if since > timedelta(days=365):
        return ReviewCause.YEARLY
    return None


def totals(errors: Sequence[FoundError]) -> dict[str, int]:
    """Errors by kind, for lists."""
    found: dict[str, int] = {}
    for error in errors:
        found[error.kind.value] = found.get(error.kind.value, 0) + error.count
    return found
