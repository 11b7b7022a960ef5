"""What Whisper knows of our languages (ISO 639-3): its token, the script that text must have, what it cannot tell apart. Pure.

Whisper has no token for Kurdish, Tigrinya, Hazaragi and many others, one for all of Persian, and one for all of Arabic. A
language that is missing here is never transcribed and never ranked; people choose it by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Script(StrEnum):
    """Scripts that can be told by their letters."""

    ARABIC = "arabic"
    CYRILLIC = "cyrillic"
    LATIN = "latin"
    OTHER = "other"


_ARABIC = "ara arb apc acm ayp afb ars acw arz apd ayl ary arq aeb ayn acq"
_TOKENS: dict[str, str] = {
    "ar": _ARABIC,
    "fa": "fas pes prs",
    "ps": "pus pbt pbu pst",
    "ur": "urd",
    "tr": "tur",
    "sr": "srp hrv bos cnr hbs",
    "mk": "mkd",
    "sq": "sqi als aln",
    "en": "eng",
    "fr": "fra",
    "ru": "rus",
    "so": "som",
    "am": "amh",
    "uz": "uzn",
    "tg": "tgk",
    "tk": "tuk",
    "az": "azj",
    "pa": "pan",
    "hi": "hin",
    "bn": "ben",
    "ne": "nep",
    "ta": "tam",
    "sd": "snd",
    "ln": "lin",
}
_OF_CODE = {code: token for token, codes in _TOKENS.items() for code in codes.split()}

FOLDED: Mapping[str, str] = {"hr": "sr", "bs": "sr"}
"""Tokens whose probability belongs to another: without it Serbian is never first (measured)."""
PASHTO = "ps"
PASHTO_LETTERS = frozenset("ټډړږښڼېۍځڅګ")
"""Letters of Pashto that neither Arabic nor Persian nor Urdu (all at once) has; stock models write none of them."""

_SCRIPTS: dict[str, frozenset[Script]] = {
    **dict.fromkeys(("ar", "fa", "ps", "ur", "sd"), frozenset({Script.ARABIC})),
    **dict.fromkeys(("en", "tr", "sq", "fr", "so", "az", "tk", "ln"), frozenset({Script.LATIN})),
    **dict.fromkeys(("mk", "ru", "tg"), frozenset({Script.CYRILLIC})),
    **dict.fromkeys(("sr", "uz"), frozenset({Script.CYRILLIC, Script.LATIN})),
}


def token(code: str) -> str | None:
    """Whisper's token for a language (ISO 639-3), or none."""
    return _OF_CODE.get(code)


def tokens() -> tuple[str, ...]:
    """All tokens that some language of ours uses."""
    return tuple(_TOKENS)


def scripts(of: str) -> frozenset[Script]:
    """Scripts in which text of this token may stand."""
    return _SCRIPTS.get(of, frozenset({Script.OTHER}))
