"""Which talks are drawn for a review: a stated share of each language, spread over the stages of the procedure, by a seed. Pure.

The draw is systematic sampling within a language: its talks stand by stage, within a stage in an order that the seed makes, and
every talk has exactly the stated chance. So each stage has its share within one talk, and nobody can tell beforehand which talk
it is: the seed is made after the week is over. With the seed and the list anybody can draw again and find the same.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib.resources import files

from core.yaml_text import read_yaml
from records.stages import Stage

_STAGES = {stage: place for place, stage in enumerate(Stage)}


@dataclass(frozen=True)
class Talk:
    """One interpreter's part in a talk that was held."""

    id: str
    interpreter_id: str
    language: str
    stage: Stage


@dataclass(frozen=True)
class Rates:
    """Percent of the talks that are drawn."""

    others: int
    languages: Mapping[str, int]

    def of(self, language: str) -> int:
        """Percent for a language."""
        return self.languages.get(language, self.others)


def parse_rates(text: str) -> dict[str, Rates]:
    """Rates by country; raises ``ValueError`` or ``KeyError`` for a table that cannot be applied."""
    found = {
        country: Rates(int(row["others"]), {code: int(rate) for code, rate in row["languages"].items()})
        for country, row in read_yaml(text).items()
    }
    if not all(1 <= rate <= 100 for one in found.values() for rate in (one.others, *one.languages.values())):
        raise ValueError("a share of talks is between 1 and 100 percent")
    return found


@cache
def sample_rates() -> Mapping[str, Rates]:
    """The shipped table."""
    return parse_rates(files("scheduler.pool_life").joinpath("sample_rates.yaml").read_text(encoding="utf-8"))


def drawn(talks: Iterable[Talk], rates: Rates, seed: str) -> list[Talk]:
    """The talks that are reviewed, by language and then in the order of the draw."""
    lines: dict[str, list[Talk]] = defaultdict(list)
    for talk in talks:
        lines[talk.language].append(talk)
    found: list[Talk] = []
    for language in sorted(lines):
        order = sorted(lines[language], key=lambda one: (_STAGES[one.stage], _number(seed, one.id), one.id))
        share = Fraction(rates.of(language), 100)
        start = Fraction(_number(seed, f"start {language}"), 2**64)
        found += [talk for place, talk in enumerate(order) if _passed(start, share, place)]
    return found


def frame_hash(talks: Iterable[Talk]) -> str:
    """One number for the whole list that was drawn from."""
    lines = sorted(f"{one.id} {one.interpreter_id} {one.language} {one.stage.value}" for one in talks)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def by_language(talks: Sequence[Talk]) -> dict[str, int]:
    """Talks by language."""
    found: dict[str, int] = {}
    for talk in talks:
        found[talk.language] = found.get(talk.language, 0) + 1
    return dict(sorted(found.items()))


def _passed(start: Fraction, share: Fraction, place: int) -> bool:
    """Whether the running sum of shares passes a whole number at this place."""
    return (start + share * (place + 1)).__floor__() > (start + share * place).__floor__()


def _number(seed: str, what: str) -> int:
    """A number below 2**64 that follows from the seed alone."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{what}".encode()).digest()[:8], "big")
