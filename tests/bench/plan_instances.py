"""Instances for the assignment benchmark, made up after measured shares: languages by Zipf, long interviews and short identifications.

They are needs and people, so that the real rules decide who may do what.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from records.stages import Level, Mode, Stage
from scheduler.languages import PersonLanguage, load_languages
from scheduler.need import Candidate, LocationStatus, MatchRules, Need, Presence, Sex, SexWish, TransferGate
from scheduler.plans.prepare import Ask, Frame, Span

MONDAY = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)
"""Midnight in Belgrade."""
SPOKEN = [
    "pbt",
    "prs",
    "apc",
    "pes",
    "acm",
    "urd",
    "pbu",
    "som",
    "tir",
    "kmr",
    "ckb",
    "ary",
    "arq",
    "ben",
    "fra",
    "tur",
    "arz",
    "amh",
    "rus",
    "lin",
    "tam",
    "nep",
]
"""22 languages of the people, most frequent first."""
TOWARD = ("srp", "mkd", "eng")
_BREAK_SHORT, _BREAK_LONG = 15, 30


def rest(minutes: int) -> timedelta:
    """Break owed in the measured instances: 15 minutes, after two hours of work 30."""
    return timedelta(minutes=_BREAK_LONG if minutes >= 120 else _BREAK_SHORT)


@dataclass(frozen=True)
class Instance:
    """Everything that ``prepare`` takes."""

    asks: Sequence[Ask]
    people: Sequence[Candidate]
    rules: MatchRules
    frame: Frame
    free: dict[str, list[Span]]


def instance(bookings: int, people: int, *, seed: int, available: float = 0.55, weeks: int = 4) -> Instance:
    """``available``: share of half-days (Monday to Saturday) on which somebody works."""
    dice = random.Random(f"{bookings}-{people}-{seed}-{available}")
    weights = [1 / (rank + 1) ** 0.8 for rank in range(len(SPOKEN))]
    days = [week * 7 + day for week in range(weeks) for day in range(6)]
    pool = [_person(number, dice, weights) for number in range(people)]
    free = {who.id: _half_days(dice, days, available) for who in pool}
    asks: list[Ask] = []
    while len(asks) < bookings:
        case = f"case_{len(asks)}"
        language = dice.choices(SPOKEN, weights)[0]
        country = dice.choice(["RS", "RS", "MK"])
        wish = dice.random()
        avoid = frozenset(f"I-{dice.randrange(people):05d}" for _ in range(dice.choice([0, 0, 0, 1])))
        for _ in range(min(dice.choice([1, 1, 1, 2, 3]), bookings - len(asks))):
            asks.append(_ask(len(asks), case, language, country, wish, avoid, days, dice))
    gates = tuple(
        TransferGate(f"ti_{a}{b}", a, b, MONDAY - timedelta(days=99), None, frozenset({Stage.IDENTIFICATION, Stage.ASYLUM}), "bench")
        for a, b in (("RS", "MK"), ("MK", "RS"))
    )  # fmt: skip
    hours = {who.id: dice.choice([1_200, 1_500, 1_800]) for who in pool}
    return Instance(
        asks,
        pool,
        MatchRules(load_languages(), gates),
        Frame(MONDAY, week_minutes=hours, rest=rest, day_minutes=420),
        free,
    )


def _person(number: int, dice: random.Random, weights: list[float]) -> Candidate:
    spoken = set(dice.choices(SPOKEN, weights, k=dice.choice([1, 1, 2, 2, 3])))
    home = dice.choice(["RS", "RS", "MK"])
    toward = {"srp" if home == "RS" else "mkd"} if dice.random() < 0.75 else {"eng"}
    if dice.random() < 0.35:
        toward.add("eng")
    pairs = {(own, other) for own in spoken for other in toward}
    if "eng" in toward and len(toward) > 1:
        pairs |= {("eng", other) for other in toward - {"eng"}}
    until = MONDAY + timedelta(days=dice.choice([15, 400, 400, 400, 400, 400]))
    return Candidate(
        id=f"int_{number:05d}",
        code=f"I-{number:05d}",
        pairs=frozenset(pairs),
        level=dice.choices([Level.L1, Level.L2, Level.L3], [3, 4, 3])[0],
        vetting_until=until,
        nda_until=until,
        conduct_until=until,
        sex=dice.choice([Sex.WOMAN, Sex.MAN]),
        base_country=home,
        location=LocationStatus.APPROVED_HOME,
        modes=frozenset(Mode),
        tokens=frozenset({f"I-{number:05d}"}),
        sworn_countries=frozenset({home} if dice.random() < 0.5 else ()),
        max_minutes_day=dice.choice([300, 360, 420]),
        presence=Presence.AVAILABLE,
        quality=dice.randint(-10, 10),
    )


def _half_days(dice: random.Random, days: Sequence[int], available: float) -> list[Span]:
    spans: list[Span] = []
    for day in days:
        for begin, end in ((7, 13), (13, 20)):
            if dice.random() >= available:
                continue
            start, stop = (MONDAY + timedelta(days=day, hours=hour) for hour in (begin, end))
            if spans and spans[-1][1] == start:
                spans[-1] = (spans[-1][0], stop)
            else:
                spans.append((start, stop))
    return spans


def _ask(
    number: int,
    case: str,
    language: str,
    country: str,
    wish: float,
    avoid: frozenset[str],
    days: Sequence[int],
    dice: random.Random,
) -> Ask:
    long = dice.random() < 0.6
    minutes = dice.choice(range(120, 241, 15)) if long else dice.choice([15, 20, 25, 30])
    begin = dice.choice(range(8 * 60, 19 * 60 - minutes + 1, 15))
    at = MONDAY + timedelta(days=dice.choice(days), minutes=begin)
    need = Need(
        case_id=case,
        country=country,
        stage=Stage.ASYLUM if long else Stage.IDENTIFICATION,
        step_code=f"{country}-{'ASY-50' if long else 'ID-10'}",
        languages=(PersonLanguage(language),),
        officer_languages=frozenset({"eng"} if dice.random() < 0.15 else {"srp" if country == "RS" else "mkd"}),
        min_level=(dice.choice([Level.L2, Level.L2, Level.L3]) if long else Level.L1),
        now=MONDAY,
        at=at,
        minutes=minutes,
        on_demand=False,
        sex_wish=SexWish.WOMAN if wish < 0.2 else SexWish.NONE,
        sex_must=wish < 0.1,
        avoid=avoid,
        sworn_required=long and dice.random() < 0.2,
        relay_approval="bench" if long else "",
    )
    return Ask(f"booking_{number:05d}", need, dice.choices([1, 3, 10], [6, 3, 1])[0], relay_too=True)
