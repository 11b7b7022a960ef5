"""Case references such as ``RS-26-7K4M-Q2``: a pseudonym that can be read aloud and typed back.

Country, year, five random characters and the check character. Nothing in it is derived from the person.
Characters are Crockford's base 32 (no I, L, O, U). The check is a weighted sum modulo 37 over the whole
reference, country and year included: the weights of all places differ and none is zero modulo the prime, so
every single wrong character and every swap of two characters is found.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from core.access import Country
from core.errors import Invalid

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PRIME = 37
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LOOKALIKES = str.maketrans({"O": "0", "I": "1", "L": "1"})
_BODY_LENGTH = 10
"""Characters without separators: 2 country, 2 year, 5 random, 1 check."""


@dataclass(frozen=True)
class CaseRef:
    """A reference whose check character is right."""

    country: Country
    year: int
    """Four digits: 2026."""
    text: str
    """Canonical form with separators, as stored and shown."""

    def __str__(self) -> str:
        return self.text


def _sum(body: str) -> int:
    """Weighted sum of the nine characters before the check; weights 2..10, the check itself has 1."""
    return sum(weight * _LETTERS.index(char) for weight, char in enumerate(body, start=2)) % _PRIME


def check_character(body: str) -> str | None:
    """The check character for nine characters, or none where its value has no character in the alphabet."""
    # sum + check = 0 (mod 37). Values are those of base 36, so five of 37 remainders have no character.
    value = (-_sum(body)) % _PRIME
    if value >= len(_LETTERS):
        return None
    char = _LETTERS[value]
    return char if char in ALPHABET else None


def _canonical(body: str) -> str:
    return f"{body[:2]}-{body[2:4]}-{body[4:8]}-{body[8:10]}"


def new_case_ref(country: Country, year: int) -> str:
    """A new random reference (25 random bits): the database keeps it unique, the caller draws again if taken."""
    head = f"{Country(country).value}{year % 100:02d}"
    while True:
        body = head + "".join(secrets.choice(ALPHABET) for _ in range(5))
        check = check_character(body)
        if check is not None:
            return _canonical(body + check)


def parse_case_ref(text: str) -> CaseRef:
    """Read a reference as people type it: any case, spaces or dashes anywhere, O for 0, I or L for 1.

    Raises :class:`Invalid`: ``case_ref_length`` (params found, expected), ``case_ref_country`` (country),
    ``case_ref_year`` (year), ``case_ref_character`` (character, place counted from 1), ``case_ref_check``.
    """
    typed = "".join(c for c in text.upper() if not c.isspace() and c not in "-–—_./")
    if len(typed) != _BODY_LENGTH:
        raise Invalid("case_ref_length", {"found": len(typed), "expected": _BODY_LENGTH})
    if typed[:2] not in Country.__members__:
        raise Invalid("case_ref_country", {"country": typed[:2]})
    rest = typed[2:].translate(_LOOKALIKES)
    if not (rest[:2].isascii() and rest[:2].isdigit()):
        raise Invalid("case_ref_year", {"year": typed[2:4]})
    for place, char in enumerate(rest, start=3):
        if char not in ALPHABET:
            raise Invalid("case_ref_character", {"character": char, "place": place})
    body = typed[:2] + rest
    if (_sum(body[:9]) + _LETTERS.index(body[9])) % _PRIME != 0:
        raise Invalid("case_ref_check")
    return CaseRef(country=Country(body[:2]), year=2000 + int(rest[:2]), text=_canonical(body))
