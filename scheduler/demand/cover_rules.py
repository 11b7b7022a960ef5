"""The table of minimum cover, read from ``cover_rules.yaml``: which languages must be there when, and for whom R-3 asks a woman."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.yaml_text import read_yaml

_Language = Annotated[str, Field(pattern=r"^[a-z]{3}$")]
_Clock = Annotated[str, Field(pattern=r"^(?:[01]\d|2[0-3]):[03]0$|^24:00$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class CoverRow(_Model):
    """One line of the heat map: languages that one interpreter serves alike, named after the first."""

    key: _Language
    languages: tuple[_Language, ...]
    kind: Literal["reachable", "on_call"]
    """``reachable``: at once, from the desk or from home; ``on_call``: within ``report_in`` minutes."""
    opens: _Clock = Field(alias="from")
    closes: _Clock = Field(alias="to")
    least: Annotated[int, Field(ge=0, le=50)]
    woman: bool = False
    """A core language: at least one woman, at the desk or on call, at all times (R-3), also when the minimum (R-2) does not count."""
    report_in: Annotated[int, Field(ge=0, le=240)] = 0

    def holds_at(self, half_hour: int) -> bool:
        """Whether the minimum counts in that half-hour of the local day (0 to 47)."""
        return _half_hour(self.opens) <= half_hour < _half_hour(self.closes)


class CoverRules(_Model):
    """One country's table with the numbers of the service it promises."""

    rows: tuple[CoverRow, ...]
    officer_languages: tuple[_Language, ...]
    handling_minutes: float = 25.0
    ring_seconds: float = 14.0
    share: float = 0.9
    within_seconds: float = 60.0

    def row_of(self, language: str) -> CoverRow | None:
        """The line to which a person's language belongs; none for languages that are booked 48 hours ahead (R-2)."""
        return next((row for row in self.rows if language in row.languages), None)


@cache
def load_rules() -> Mapping[str, CoverRules]:
    """The shipped table by country. Raises ``ValueError`` when the file is wrong."""
    text = files("scheduler.demand").joinpath("cover_rules.yaml").read_text(encoding="utf-8")
    data = read_yaml(text)
    common = {
        "handling_minutes": data["handling_minutes"],
        "ring_seconds": data["ring_seconds"],
        "share": data["share_percent"] / 100,
        "within_seconds": data["within_seconds"],
    }
    return {code: CoverRules.model_validate({**common, **one}) for code, one in data["countries"].items()}


def _half_hour(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 2 + int(minutes) // 30
