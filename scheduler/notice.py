"""How late an appointment is given up, and what of it is paid although nothing is interpreted. Pure; the values are data.

The classes are in ``notice_data.yaml``. What applied is stored with the work that was given up, for timesheets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from core.yaml_text import read_yaml

NO_SHOW = "no_show"
"""Code of the class that applies when nobody came on the officer's side."""


@dataclass(frozen=True)
class NoticeClass:
    """One class of notice."""

    code: str
    from_hours: int
    """Least notice for the class."""
    percent: int
    """Share of the planned time that is paid."""


@dataclass(frozen=True)
class Notice:
    """What applies to one cancellation."""

    code: str
    hours: int
    """Whole hours of notice, rounded down; 0 after the start."""
    percent: int
    until: datetime | None
    """From when on the next stricter class applies; none if there is none."""


@dataclass(frozen=True)
class NoticeRules:
    """The classes of one country, the mildest first."""

    classes: Sequence[NoticeClass]
    no_show: NoticeClass

    def at(self, starts_at: datetime, now: datetime) -> Notice:
        """The class for a cancellation at ``now``. A moment exactly at a limit still has the milder class."""
        left = max(starts_at - now, timedelta(0))
        for place, rule in enumerate(self.classes):
            limit = timedelta(hours=rule.from_hours)
            if left >= limit:
                last = place == len(self.classes) - 1
                hours = int(left.total_seconds() // 3600)
                return Notice(rule.code, hours, rule.percent, None if last else starts_at - limit)
        raise ValueError("the last class of notice must begin at 0 hours")

    def nobody_came(self) -> Notice:
        """The class when nobody came on the officer's side."""
        return Notice(self.no_show.code, 0, self.no_show.percent, None)


def parse_notice(text: str) -> dict[str, NoticeRules]:
    """The rules by country; raises ``ValueError`` or ``KeyError`` for a table that cannot be applied."""
    found: dict[str, NoticeRules] = {}
    for country, entry in read_yaml(text).items():
        classes = [_class(row) for row in entry["classes"]]
        hours = [rule.from_hours for rule in classes]
        if hours != sorted(set(hours), reverse=True) or hours[-1:] != [0]:
            raise ValueError(f"{country}: classes of notice must go down to 0 hours")
        found[country] = NoticeRules(tuple(classes), _class({**entry["no_show"], "from_hours": 0, "code": NO_SHOW}))
    return found


def _class(row: Mapping[str, Any]) -> NoticeClass:
    rule = NoticeClass(str(row["code"]), int(row["from_hours"]), int(row["percent"]))
    if not 0 <= rule.percent <= 100:
        raise ValueError(f"{rule.code}: percent is between 0 and 100")
    return rule


@cache
def notice_rules() -> Mapping[str, NoticeRules]:
    """The shipped rules."""
    return parse_notice(files("scheduler").joinpath("notice_data.yaml").read_text(encoding="utf-8"))
