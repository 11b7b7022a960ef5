"""Putting told values into a case: every value against its closed list, free text against what is forbidden (domain 2.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypedDict

from core.errors import Conflict, Invalid
from records.case_values import (
    AGE_GROUPS,
    LANGUAGE_SOURCES,
    LITERACY,
    NEEDS,
    TRACKS,
    UAM,
    URGENT_MEDICAL,
    WISHES,
    avoid_token,
    country_code,
    language_code,
    one_of,
    staff_code,
    time_zone,
)
from records.forbidden import ForbiddenKind, check_text, find_forbidden
from records.models import Case, CaseLanguage

URGENT_FOR = timedelta(hours=24)
MOST_LANGUAGES = 8
MOST_AVOIDED = 8
REMOVAL_PAST, REMOVAL_AHEAD = timedelta(hours=24), timedelta(days=366)
"""A removal is entered at most so long after and before its instant; anything else is a slip."""
NOTE_LIMIT, FILE_NUMBER_LIMIT = 80, 60


@dataclass(frozen=True)
class NewLanguage:
    """A language as it was told, in the order of preference."""

    code: str
    source: str
    region_note: str | None = None


@dataclass(frozen=True)
class SexWishInput:
    """The person's answer about the sex of the interpreter or officer; ``asked`` says that the question was put (M-3)."""

    wish: str = "none"
    must: bool = False
    asked: bool = False


@dataclass(frozen=True)
class GuardianInput:
    """The guardian of an unaccompanied minor."""

    assigned: bool
    code: str | None = None
    """Staff code, never a name."""
    arrived_at: datetime | None = None


@dataclass(frozen=True)
class NewCase:
    """What opens a case (docs/protocol.md, NewCase)."""

    country: str
    site: str
    age_group: str
    first_step: str
    languages: Sequence[NewLanguage] = ()
    literacy: str = "unknown"
    uam: str = "no"
    interp_sex: SexWishInput | None = None
    officer_sex: SexWishInput | None = None
    needs: Sequence[str] = ()
    country_of_origin: str | None = None
    track: str = "regular"
    ext_ref: str | None = None
    emergency: bool = False


@dataclass(frozen=True)
class RemovalInput:
    """When the person is to be removed, as the officer entered it; none in the changes takes it out of the case."""

    at: datetime
    zone: str


@dataclass(frozen=True)
class AvoidInput:
    """One more whom the person asks not to have as an interpreter (M-5); with ``anew`` all that was said before is forgotten."""

    kind: str | None = None
    """interpreter (``value``: the pool code) or origin (``value``: ISO 3166-1 alpha-2)."""
    value: str | None = None
    anew: bool = False


class CaseChanges(TypedDict, total=False):
    """What may be changed; a key that is absent stays as it is."""

    languages: Sequence[NewLanguage]
    interp_sex: SexWishInput
    officer_sex: SexWishInput
    guardian: GuardianInput | None
    needs: Sequence[str]
    literacy: str
    age_group: str
    uam: str
    removal: RemovalInput | None
    avoid: AvoidInput
    accepted_languages: Sequence[str]


def put_values(case: Case, new: NewCase, now: datetime) -> None:
    """The plain values of a new case. Raises ``Invalid('value_unknown')`` (field)."""
    case.age_group = one_of("age_group", new.age_group, AGE_GROUPS)
    case.literacy = one_of("literacy", new.literacy, LITERACY)
    case.uam = one_of("uam", new.uam, UAM)
    case.track = one_of("track", new.track, TRACKS)
    case.country_of_origin = country_code(new.country_of_origin)
    _put_needs(case, new.needs, now)


def put_wish(case: Case, field: Literal["interp_sex", "officer_sex"], wish: SexWishInput | None, now: datetime) -> None:
    """Store a wish; the time of asking is kept from the first answer on, and a new answer has a new time."""
    told = wish or SexWishInput()
    one_of(f"{field}.wish", told.wish, WISHES)
    if told.must and told.wish == "none":
        raise Invalid("must_without_wish", {"field": field})
    if told.wish != "none" and not told.asked:
        # A wish comes from the person: an officer cannot enter one without having asked (M-3).
        raise Invalid("wish_not_asked", {"field": field})
    setattr(case, field, told.wish)
    setattr(case, f"{field}_must", told.must)
    setattr(case, f"{field}_asked_at", now if told.asked else None)


def put_languages(
    case: Case, languages: Sequence[NewLanguage], now: datetime, is_language: Callable[[str], bool]
) -> None:
    """Replace the languages; ranks follow the order, confirmations of languages that stay are kept.

    Raises ``Invalid``: ``language_unknown`` (language), ``language_twice`` (language), ``too_many_languages``.
    """
    if len(languages) > MOST_LANGUAGES:
        raise Invalid("too_many_languages", {"most": MOST_LANGUAGES})
    known = {row.code: row for row in case.languages}
    rows: list[CaseLanguage] = []
    for rank, told in enumerate(languages, start=1):
        code = language_code(told.code)
        if not is_language(code):
            raise Invalid("language_unknown", {"language": code})
        if any(row.code == code for row in rows):
            raise Invalid("language_twice", {"language": code})
        row = known.get(code) or CaseLanguage(case_id=case.id, country=case.country, code=code)
        row.source = one_of("languages.source", told.source, LANGUAGE_SOURCES)
        row.region_note = _note(told.region_note, now)
        row.rank = rank
        if row.source == "interpreter_confirmed" and row.confirmed_at is None:
            row.confirmed_at = now
        rows.append(row)
    case.languages = rows


def apply_changes(
    case: Case, changes: CaseChanges, now: datetime, is_language: Callable[[str], bool], *, by: str
) -> None:
    """Put the changed values into an existing case; ``by`` is the staff code of whoever enters them.

    Raises what the single values raise, ``Conflict('wish_change_needs_second')`` (field) where a wish that must be met would
    be taken back or turned round: that is asked for and decided by somebody else (M-3, ``records.wish_changes``).
    """
    if "languages" in changes:
        put_languages(case, changes["languages"], now, is_language)
    if "interp_sex" in changes:
        keep_must(case, "interp_sex", changes["interp_sex"])
        put_wish(case, "interp_sex", changes["interp_sex"], now)
    if "officer_sex" in changes:
        keep_must(case, "officer_sex", changes["officer_sex"])
        put_wish(case, "officer_sex", changes["officer_sex"], now)
    if "literacy" in changes:
        case.literacy = one_of("literacy", changes["literacy"], LITERACY)
    if "age_group" in changes:
        case.age_group = one_of("age_group", changes["age_group"], AGE_GROUPS)
    if "uam" in changes:
        case.uam = one_of("uam", changes["uam"], UAM)
    if "needs" in changes:
        _put_needs(case, changes["needs"], now)
    if "guardian" in changes:
        _put_guardian(case, changes["guardian"], now)
    if "removal" in changes:
        _put_removal(case, changes["removal"], now, by)
    if "avoid" in changes:
        _put_avoid(case, changes["avoid"])
    if "accepted_languages" in changes:
        _put_accepted(case, changes["accepted_languages"], now, is_language)


def keep_must(case: Case, field: Literal["interp_sex", "officer_sex"], wish: SexWishInput) -> None:
    """Raises ``Conflict('wish_change_needs_second')`` (field) unless the answer keeps a wish that must be met as it is."""
    if getattr(case, f"{field}_must") and not (wish.must and wish.asked and wish.wish == getattr(case, field)):
        raise Conflict("wish_change_needs_second", {"field": field})


def file_number(text: str | None, now: datetime) -> str | None:
    """The authority's own file number, or none. May be any number but one that names a person.

    Raises ``Invalid``: ``forbidden_text_length``, ``forbidden_name`` without any digit, ``forbidden_id_number``,
    ``forbidden_birth_date``, ``forbidden_email``.
    """
    if text is None or not text.strip():
        return None
    if len(text) > FILE_NUMBER_LIMIT:
        raise Invalid("forbidden_text_length", {"field": "ext_ref", "length": len(text), "limit": FILE_NUMBER_LIMIT})
    kind = find_forbidden(text, now.date())
    if kind in (ForbiddenKind.ID_NUMBER, ForbiddenKind.BIRTH_DATE, ForbiddenKind.EMAIL):
        raise Invalid(f"forbidden_{kind.value}", {"field": "ext_ref"})
    if not any(char.isdecimal() for char in text):
        # A file has a number; a word in its place is somebody's name.
        raise Invalid("forbidden_name", {"field": "ext_ref"})
    return text.strip()


def _note(text: str | None, now: datetime) -> str | None:
    clean = check_text("region_note", text or "", today=now.date(), limit=NOTE_LIMIT)
    return clean or None


def _put_needs(case: Case, needs: Sequence[str], now: datetime) -> None:
    for need in needs:
        one_of("needs", need, NEEDS)
    urgent_before = URGENT_MEDICAL in (case.needs or []) and case.urgent_medical_until is not None
    case.needs = list(dict.fromkeys(needs))
    if URGENT_MEDICAL not in needs:
        case.urgent_medical_until = None
    elif not urgent_before or (case.urgent_medical_until is not None and case.urgent_medical_until <= now):
        case.urgent_medical_until = now + URGENT_FOR


def _put_removal(case: Case, removal: RemovalInput | None, now: datetime, by: str) -> None:
    if removal is None:
        case.removal_at = case.removal_zone = None
    else:
        if not now - REMOVAL_PAST <= removal.at <= now + REMOVAL_AHEAD:
            raise Invalid("removal_out_of_reach", {"days": REMOVAL_AHEAD.days})
        case.removal_at, case.removal_zone = removal.at, time_zone(removal.zone)
    case.removal_noted_at, case.removal_noted_by = now, by


def _put_avoid(case: Case, told: AvoidInput) -> None:
    tokens = [] if told.anew else list(case.avoid)
    if told.kind is not None:
        tokens.append(avoid_token(told.kind, told.value or ""))
    tokens = list(dict.fromkeys(tokens))
    if len(tokens) > MOST_AVOIDED:
        raise Invalid("too_many_avoided", {"most": MOST_AVOIDED})
    case.avoid = tokens


def _put_accepted(case: Case, codes: Sequence[str], now: datetime, is_language: Callable[[str], bool]) -> None:
    for code in codes:
        if not is_language(language_code(code)):
            raise Invalid("language_unknown", {"language": code})
    case.accepted_languages, case.accepted_at = list(dict.fromkeys(codes)), now


def _put_guardian(case: Case, guardian: GuardianInput | None, now: datetime) -> None:
    if guardian is None or not guardian.assigned:
        case.guardian_assigned_at = case.guardian_code = case.guardian_arrived_at = None
        return
    if guardian.arrived_at is not None and guardian.arrived_at > now + timedelta(minutes=1):
        raise Invalid("arrival_in_future")
    if guardian.arrived_at is not None and guardian.code is None:
        raise Invalid("guardian_code_missing")
    case.guardian_assigned_at = case.guardian_assigned_at or now
    case.guardian_code = _guardian_code(guardian.code, now) if guardian.code else None
    case.guardian_arrived_at = guardian.arrived_at


def _guardian_code(code: str, now: datetime) -> str:
    """A staff code with a number, and none that is a telephone, identity or document number."""
    if not any(char.isdigit() for char in code):
        raise Invalid("code_malformed", {"field": "guardian"})
    return staff_code("guardian", check_text("guardian", code, today=now.date()))
