"""Putting told values into a profile of the pool: every value against its closed list, and what must hold between them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypedDict
from zoneinfo import ZoneInfo

from core.access import Country
from core.errors import Invalid
from records.stages import Level
from scheduler.languages import LanguageTable
from scheduler.models import Interpreter, InterpreterPair
from scheduler.need import AsylumCase, LocationStatus

_LISTS: dict[str, tuple[str, ...]] = {
    "nominated_by": ("RS", "MK", "MARRI", "IOM", "UNHCR", "NGO"),
    "engagement": ("staff", "contract", "roster", "volunteer"),
    "base_country": tuple(country.value for country in Country),
    "location_status": tuple(status.value for status in LocationStatus),
    "sex": ("woman", "man", "other"),
    "level": tuple(level.value for level in Level),
    "vetting_result": ("none", "pass", "fail"),
    "own_asylum_case": tuple(case.value for case in AsylumCase),
}
_LEVELS = ("native", "C2", "C1", "B2", "B1")
_VERIFIED = ("test", "degree", "sworn", "self")
_TRAINING = ("EUAA-INT-ASYLUM", "UNHCR-SSM3", "CHILD", "GBV-TRAUMA", "REMOTE", "LLD", "RSD")
_REACHED = ("app", "sms", "phone")
_GOOD = ("native", "C2", "C1", "B2")
_LEAST_PAIR: dict[Level, tuple[str, ...]] = {Level.L1: _GOOD, Level.L2: _GOOD, Level.L3: ("native", "C2", "C1")}
"""Language levels that an accreditation asks for (domain 3.3)."""


class PairInput(TypedDict):
    """A working pair as it is entered; languages ISO 639-3."""

    from_lang: str
    to_lang: str
    level_from: str
    level_to: str
    modes: list[str]
    verified_by: str


class ProfileInput(TypedDict, total=False):
    """What may be entered or changed; a key that is absent stays as it is (or gets its default in a new profile)."""

    code: str
    user_id: str | None
    active: bool
    nominated_by: str
    engagement: str
    base_country: str
    time_zone: str
    location_status: str
    sex: str
    level: str
    pairs: list[PairInput]
    officer_languages: list[str]
    region_of_language: str | None
    training: list[dict[str, Any]]
    sworn: dict[str, Any] | None
    vetting_result: str
    vetting_expires: datetime | None
    nda_version: str | None
    nda_expires: datetime | None
    conduct_version: str | None
    conduct_expires: datetime | None
    own_asylum_case: str
    country_of_origin: str | None
    communities_declared: list[str]
    max_minutes_day: int
    max_block_min: int
    no_topics: list[str]
    no_children: bool
    reachable_by: list[str]
    on_call: bool


NEEDED = frozenset(
    {"code", "nominated_by", "engagement", "base_country", "time_zone", "location_status", "sex", "level", "pairs"}
)
"""Without these a profile cannot be made."""


def put_values(person: Interpreter, values: ProfileInput, table: LanguageTable) -> None:
    """Put told values into a profile.

    Raises ``Invalid``: ``value_unknown`` (field), ``field_missing`` (field), ``language_unknown`` (language),
    ``open_asylum_case`` (level), ``pair_level_too_low`` (level).
    """
    for name, value in values.items():
        if name in _LISTS and value not in _LISTS[name]:
            raise Invalid("value_unknown", {"field": name})
        if name == "pairs":
            continue
        setattr(person, name, value)
    _check_profile(person)
    if "pairs" in values:
        _put_pairs(person, values["pairs"], table)
    elif person.pairs and "level" in values:
        _check_levels(person)


def _put_pairs(person: Interpreter, pairs: Sequence[PairInput], table: LanguageTable) -> None:
    if not pairs:
        raise Invalid("field_missing", {"field": "pairs"})
    known = {(pair.from_lang, pair.to_lang): pair for pair in person.pairs}
    rows: dict[tuple[str, str], InterpreterPair] = {}
    for told in pairs:
        spoken, officer = table.canonical(told["from_lang"]), table.officer(told["to_lang"])
        for code in (spoken, officer):
            if code not in table:
                raise Invalid("language_unknown", {"language": code[:8]})
        if told["level_from"] not in _LEVELS or told["level_to"] not in _LEVELS:
            raise Invalid("value_unknown", {"field": "pairs.level"})
        if told["verified_by"] not in _VERIFIED:
            raise Invalid("value_unknown", {"field": "pairs.verified_by"})
        row = known.get((spoken, officer)) or InterpreterPair(
            interpreter_id=person.id, from_lang=spoken, to_lang=officer
        )
        row.level_from, row.level_to = told["level_from"], told["level_to"]
        row.modes, row.verified_by = list(told["modes"]), told["verified_by"]
        rows[(spoken, officer)] = row
    person.pairs = list(rows.values())
    _check_levels(person)


def _check_profile(person: Interpreter) -> None:
    """What must hold between the values of a profile."""
    try:
        ZoneInfo(person.time_zone)
    except (KeyError, ValueError, OSError):
        raise Invalid("value_unknown", {"field": "time_zone"}) from None
    if not 15 <= person.max_minutes_day <= 480:
        raise Invalid("value_unknown", {"field": "max_minutes_day"})
    if not 10 <= person.max_block_min <= 60:
        raise Invalid("value_unknown", {"field": "max_block_min"})
    if any(entry.get("code") not in _TRAINING for entry in person.training):
        raise Invalid("value_unknown", {"field": "training"})
    if any(way not in _REACHED for way in person.reachable_by):
        raise Invalid("value_unknown", {"field": "reachable_by"})
    if person.own_asylum_case == AsylumCase.OPEN.value and Level(person.level) is not Level.L0:
        # Domain 3.5: people with an open asylum claim are not L1 to L3 interpreters.
        raise Invalid("open_asylum_case", {"level": person.level})


def _check_levels(person: Interpreter) -> None:
    """Accreditation asks for a level in both languages of at least one pair (domain 3.3)."""
    least = _LEAST_PAIR.get(Level(person.level))
    if least is None:
        return
    if not any(pair.level_from in least and pair.level_to in least for pair in person.pairs):
        raise Invalid("pair_level_too_low", {"level": person.level})
