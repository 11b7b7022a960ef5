"""Serbian Cyrillic to Latin, letter by letter (30 letters). One way only: the reverse is ambiguous. Never for names of people.

The web client does the same in ``web_client/scripts/serbian.mjs``; a test runs both on the same catalogue.
"""

from __future__ import annotations

import re

_PAIRS = {
    **dict(zip("абвгдђежзијклмнопрстћуфхцчш", "abvgdđežzijklmnoprstćufhcčš", strict=True)),
    "љ": "lj",
    "њ": "nj",
    "џ": "dž",
}

_SMALL = str.maketrans(_PAIRS)
_CAPITAL = re.compile(f"[{''.join(_PAIRS).upper()}]")


def to_latin(text: str) -> str:
    """``text`` in Latin script; whatever is not Serbian Cyrillic, such as ``{{count}}``, stays.

    A capital Љ Њ Џ becomes LJ NJ DŽ inside a word in capitals and Lj Nj Dž otherwise.
    """
    return _CAPITAL.sub(_capital, text).translate(_SMALL)


def _capital(found: re.Match[str]) -> str:
    text, index = found.string, found.start()
    latin = _PAIRS[text[index].lower()]
    after = text[index + 1] if index + 1 < len(text) else ""
    before = text[index - 1] if index else ""
    ends_word = after.lower() not in _PAIRS
    if _is_capital(after) or (_is_capital(before) and ends_word):
        return latin.upper()
    return latin[0].upper() + latin[1:]


def _is_capital(letter: str) -> bool:
    return letter != letter.lower() and letter.lower() in _PAIRS
