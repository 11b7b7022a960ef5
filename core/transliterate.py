"""Serbian Cyrillic to Latin, letter by letter (30 letters). One way only: the reverse is ambiguous. Never for names of people.

The web client does the same in ``web_client/scripts/serbian.mjs``; a test runs both on the same catalogue.
"""

from __future__ import annotations

_PAIRS = {
    **dict(zip("абвгдђежзијклмнопрстћуфхцчш", "abvgdđežzijklmnoprstćufhcčš", strict=True)),
    "љ": "lj",
    "њ": "nj",
    "џ": "dž",
}


def to_latin(text: str) -> str:
    """``text`` in Latin script; whatever is not Serbian Cyrillic, such as ``{{count}}``, stays.

    A capital Љ Њ Џ becomes LJ NJ DŽ inside a word in capitals and Lj Nj Dž otherwise.
    """
    return "".join(_letter(text, index) for index in range(len(text)))


def _letter(text: str, index: int) -> str:
    letter = text[index]
    latin = _PAIRS.get(letter.lower())
    if latin is None:
        return letter
    if not _is_capital(letter):
        return latin
    after = text[index + 1] if index + 1 < len(text) else ""
    before = text[index - 1] if index else ""
    ends_word = after.lower() not in _PAIRS
    if _is_capital(after) or (_is_capital(before) and ends_word):
        return latin.upper()
    return latin[0].upper() + latin[1:]


def _is_capital(letter: str) -> bool:
    return letter != letter.lower() and letter.lower() in _PAIRS
