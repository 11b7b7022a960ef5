"""The closed lists of the case record (domain 2.1, 2.3) and the checks of values against them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.errors import Invalid

AGE_GROUPS = ("0-13", "14-15", "16-17", "18-64", "65+")
CHILD_GROUPS = frozenset(AGE_GROUPS[:3])
LITERACY = ("can_read", "cannot", "unknown")
UAM = ("no", "suspected", "confirmed")
WISHES = ("none", "woman", "man")
TRACKS = ("regular", "accelerated", "border", "subsequent")
LANGUAGE_SOURCES = ("self_declared", "card", "officer_guess", "interpreter_confirmed")
URGENT_MEDICAL = "URGENT_MEDICAL"
"""Expires by itself after 24 h."""
NEEDS = (
    "SHORT_SESSIONS",
    "EXTRA_BREAKS",
    "SAME_SEX_TEAM",
    "CHILD_TRAINED_INTERPRETER",
    "TRAUMA_TRAINED_INTERPRETER",
    "IN_PERSON_ONLY",
    "NO_VIDEO_OF_PERSON",
    "NO_RECORDING",
    "SIGN_LANGUAGE",
    "HEARING_AID",
    "LOW_VISION",
    "WHEELCHAIR",
    "SUPPORT_PERSON",
    URGENT_MEDICAL,
    "SEPARATE_FROM_COMPANIONS",
    "SPECIALIST_REFERRAL_OPEN",
)
"""Practical needs, never the group behind them (domain 2.3)."""

DROP_REASONS = ("not_needed", "person_left", "planned_wrongly", "other")
POSTPONE_REASONS = ("person_ill", "person_absent", "no_interpreter", "guardian_missing", "lawyer_missing", "other")
CLOSE_REASONS = ("finished", "person_left", "transferred", "opened_wrongly", "rehearsal", "other")
"""Why a step or a case went out of use. Closed lists: a word of one's own could name a person or an illness."""

_LANGUAGE = re.compile(r"^[a-z]{3}$")
_COUNTRY = re.compile(r"^[A-Z]{2}$")
_STAFF_CODE = re.compile(r"^[A-Z]{1,3}-[A-Z0-9-]{1,27}$")


def one_of(field: str, value: str, allowed: Iterable[str]) -> str:
    """``value``; raises ``Invalid('value_unknown')`` (field) if it is not in the list."""
    if value not in allowed:
        raise Invalid("value_unknown", {"field": field})
    return value


def language_code(code: str) -> str:
    """An ISO 639-3 code by its form; raises ``Invalid('language_unknown')`` (language)."""
    if not _LANGUAGE.match(code):
        raise Invalid("language_unknown", {"language": code[:8]})
    return code


def country_code(code: str | None) -> str | None:
    """An ISO 3166-1 alpha-2 code by its form, or none; raises ``Invalid('value_unknown')``."""
    if code is not None and not _COUNTRY.match(code):
        raise Invalid("value_unknown", {"field": "country_of_origin"})
    return code


def avoid_token(kind: str, value: str) -> str:
    """The opaque token of a wish to avoid (M-5): an interpreter by code, or all who stated a country of origin.

    Region and community, which the profile knows as free words, cannot be named here: two spellings would never meet, and the
    wish would be recorded and not kept. Raises ``Invalid``: ``value_unknown`` (field), ``code_malformed`` (field).
    """
    if kind == "interpreter":
        return staff_code("avoid", value.strip().upper())
    if kind == "origin" and _COUNTRY.match(value):
        return f"origin:{value}"
    raise Invalid("value_unknown", {"field": "avoid"})


def time_zone(name: str) -> str:
    """An IANA time zone; raises ``Invalid('value_unknown')``."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid("value_unknown", {"field": "zone"}) from None
    return name


def staff_code(field: str, code: str) -> str:
    """A code such as ``G-0031``, never a name. Raises ``Invalid('code_malformed')`` (field)."""
    if not _STAFF_CODE.match(code):
        raise Invalid("code_malformed", {"field": field})
    return code
