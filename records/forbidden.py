"""What may not enter a case record (domain 2.1), refused at the border with the reason. Pure.

Free text is short and holds no telephone, identity or document number, mail address or birth date; fields for names,
statements, diagnoses and the like do not exist. The patterns look for numbers that name a person; they cannot know a
name when they see one, so the warning on the screen stays.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from enum import StrEnum

from core.errors import Invalid
from records.case_ref import parse_case_ref

TEXT_LIMIT = 200
"""Longest free text in characters."""


class ForbiddenKind(StrEnum):
    """Families of data that a case record never holds; the error code is ``forbidden_<kind>``."""

    NAME = "name"
    BIRTH_DATE = "birth_date"
    PHONE = "phone"
    EMAIL = "email"
    ID_NUMBER = "id_number"
    DOCUMENT_NUMBER = "document_number"
    BIOMETRIC = "biometric"
    STATEMENT = "statement"
    HEALTH = "health"
    RELIGION = "religion"
    ETHNICITY = "ethnicity"
    SEXUAL_ORIENTATION = "sexual_orientation"
    SMUGGLER = "smuggler"
    FILE = "file"


_FIELDS: dict[ForbiddenKind, str] = {
    ForbiddenKind.NAME: "name first_name last_name full_name surname given_name family_name father_name mother_name nickname",
    ForbiddenKind.BIRTH_DATE: "birth_date birthdate birthday date_of_birth dob birth_year year_of_birth place_of_birth",
    ForbiddenKind.PHONE: "phone phone_number mobile telephone whatsapp viber",
    ForbiddenKind.EMAIL: "email e_mail mail",
    ForbiddenKind.ID_NUMBER: "id_number jmbg embg national_id personal_number police_number",
    ForbiddenKind.DOCUMENT_NUMBER: "document_number passport passport_number id_card travel_document",
    ForbiddenKind.BIOMETRIC: "photo picture image portrait fingerprint fingerprints eurodac eurodac_number biometric iris face",
    ForbiddenKind.STATEMENT: "statement statements grounds asylum_grounds reasons_for_asylum story testimony transcript minutes",
    ForbiddenKind.HEALTH: "diagnosis health illness disease medical medical_record disability pregnancy pregnant therapy",
    ForbiddenKind.RELIGION: "religion faith belief denomination",
    ForbiddenKind.ETHNICITY: "ethnicity ethnic_group ethnic_origin tribe clan race caste",
    ForbiddenKind.SEXUAL_ORIENTATION: "sexual_orientation sexuality orientation gender_identity sogi",
    ForbiddenKind.SMUGGLER: "smuggler smugglers smuggling route facilitator",
    ForbiddenKind.FILE: "file files document documents attachment attachments upload uploads scan",
}
_KIND_OF = {name: kind for kind, names in _FIELDS.items() for name in names.split()}

_EMAIL = re.compile(r"[^\s@<>()]+@[^\s@<>()]+\.[^\W\d_]{2,}")
_CASE_REF = re.compile(r"\b(?:RS|MK)[-\s]?\w{2}[-\s]?\w{4}[-\s]?\w{2}\b", re.IGNORECASE)
_TIME = re.compile(r"(?<![\d.:/+])(?:[01]?\d|2[0-3])[:.][0-5]\d(?:h\b)?(?![\d:/]|[.]\d)")
_DATE = re.compile(r"(?<!\d)(\d{4}|\d{1,2})\s?([./-])\s?(\d{1,2})\s?\2\s?(\d{4}|\d{2})(?!\d)")
_BORN = re.compile(
    r"\b(?:born|birth|birthday|dob|d\.o\.b|ro[đd]en[aio]?|ro[đd]enj[ea]|rodjen[ai]?|рођен[аио]?|рођењ[ае]|роден[аио]?|раѓање|datum ro)"
    r"|متولد|تولد|ميلاد|مولود|زېږ|پیدایش",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?<!\d)(?:1[34]\d{2}|19\d{2}|20\d{2})(?!\d)")
_PHONE_WORD = re.compile(
    r"\b(?:tel|telefon|phone|mob|mobil\w*|whatsapp|viber|call|broj|тел|телефон|моб\w*|вибер)\b|هاتف|تلفن|موبایل|جوال",
    re.IGNORECASE,
)
_PHONE_ABROAD = re.compile(r"(?:\+|(?<![\w:.,-])00)\s?[1-9](?:[\s()./-]{0,2}\d){6,14}(?!\d)")
_PHONE_HOME = re.compile(r"(?<![\w.,:])\(?0[1-9]\d?\)?[\s./-]{0,2}\d{2,4}(?:[\s./-]?\d{2,4}){1,3}(?!\w)")
_NUMBER = re.compile(r"(?<!\w)\d(?:[ -]?\d){8,}(?!\w)")
_NATIONAL = re.compile(r"(?<!\d)\d(?:[ .-]?\d){12}(?!\d)")
_PASSPORT = re.compile(r"(?<![\w-])[A-Z]{1,3}[\s-]?\d{6,9}(?!\w)", re.IGNORECASE)
_DOCUMENT_WORD = re.compile(
    r"\b(?:passport|paso[sš]\w*|id card|li[čc]n[ae] kart\w+|пасош\w*|личн[ае] карт\w+|eurodac)\b|جواز|پاسپورت|گذرنامه|تذکره",
    re.IGNORECASE,
)
_FIVE_DIGITS = re.compile(r"\d(?:[ -]?\d){4,}")
_SEVEN_DIGITS = re.compile(r"\d(?:[ ./-]?\d){6,}")


def check_text(field: str, text: str, *, today: date, limit: int = TEXT_LIMIT) -> str:
    """The text, trimmed and in NFC, if nothing forbidden is seen in it.

    Raises :class:`Invalid` with ``params['field']``: ``forbidden_text_length`` (length, limit), ``forbidden_email``,
    ``forbidden_id_number``, ``forbidden_birth_date``, ``forbidden_phone``, ``forbidden_document_number``. The found
    text itself is never part of the error. A date counts as a birth date if it lies more than a year back or is of
    the Solar Hijri or Hijri calendar, or if a word about birth stands in the text.
    """
    clean = unicodedata.normalize("NFC", text).strip()
    if len(clean) > limit:
        raise Invalid("forbidden_text_length", {"field": field, "length": len(clean), "limit": limit})
    kind = find_forbidden(clean, today)
    if kind is not None:
        raise Invalid(f"forbidden_{kind.value}", {"field": field})
    return clean


def find_forbidden(text: str, today: date) -> ForbiddenKind | None:
    """The first kind of personal number seen in a text, or none."""
    seen = _plain_digits(text)
    if _EMAIL.search(seen):
        return ForbiddenKind.EMAIL
    if any(_is_national_number(match[0]) for match in _NATIONAL.finditer(seen)):
        return ForbiddenKind.ID_NUMBER
    seen = _CASE_REF.sub(_blank_if_ours, seen)
    if _has_birth_date(seen, today):
        return ForbiddenKind.BIRTH_DATE
    if _PHONE_ABROAD.search(seen):
        return ForbiddenKind.PHONE
    seen = _TIME.sub(" ", _DATE.sub(" ", seen))
    if _DOCUMENT_WORD.search(seen) and _FIVE_DIGITS.search(seen):
        return ForbiddenKind.DOCUMENT_NUMBER
    if any(_has_phone_length(match[0]) for match in _PHONE_HOME.finditer(seen)):
        return ForbiddenKind.PHONE
    if _PHONE_WORD.search(seen) and _SEVEN_DIGITS.search(seen):
        return ForbiddenKind.PHONE
    if _PASSPORT.search(seen) or _NUMBER.search(seen):
        return ForbiddenKind.DOCUMENT_NUMBER
    return None


def forbidden_field(name: str) -> ForbiddenKind | None:
    """The kind of data that a field of this name would hold, if a case record never holds it; none for any other name."""
    return _KIND_OF.get(_snake(name))


def is_national_number(digits: str) -> bool:
    """Whether 13 digits are a JMBG or EMBG: a day and month, and the check digit modulo 11 (both countries alike)."""
    values = [int(digit) for digit in digits]
    if len(values) != 13 or not 1 <= int(digits[:2]) <= 31 or not 1 <= int(digits[2:4]) <= 12:
        return False
    weights = (7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
    check = 11 - sum(weight * value for weight, value in zip(weights, values, strict=False)) % 11
    return values[12] == (0 if check >= 10 else check)


def _is_national_number(text: str) -> bool:
    return is_national_number(_digits(text))


def _digits(text: str) -> str:
    return "".join(char for char in text if char.isdigit())


def _plain_digits(text: str) -> str:
    """Compatibility forms made plain, digits of all scripts as ASCII, invisible and direction marks removed."""
    plain: list[str] = []
    for char in unicodedata.normalize("NFKC", text):
        if char.isdecimal():
            plain.append(str(unicodedata.decimal(char)))
        elif unicodedata.category(char) == "Pd":
            plain.append("-")
        elif unicodedata.category(char) != "Cf":
            plain.append(char)
    return "".join(plain)


def _blank_if_ours(match: re.Match[str]) -> str:
    """A case reference with the right check character is no document number."""
    try:
        parse_case_ref(match[0])
    except Invalid:
        return match[0]
    return " "


def _has_birth_date(text: str, today: date) -> bool:
    if _BORN.search(text) and (_DATE.search(text) or _YEAR.search(text)):
        return True
    return any(_is_long_ago(match, today) for match in _DATE.finditer(text))


def _is_long_ago(match: re.Match[str], today: date) -> bool:
    first, last = match[1], match[4]
    if len(first) == 4:
        year = int(first)
    elif len(last) == 4:
        year = int(last)
    else:
        # Two-digit years: only the near past and future are taken as appointments.
        year = 2000 + int(last)
        if year > today.year + 5:
            year -= 100
    return 1300 <= year < today.year - 1


def _has_phone_length(text: str) -> bool:
    return 8 <= len(_digits(text)) <= 11


def _snake(name: str) -> str:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[\s\-.]+", "_", spaced).lower()
