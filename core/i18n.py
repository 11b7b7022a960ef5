"""The languages of the screens, how one is chosen, and the sentences that the server itself says, from the web client's catalogues."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from core.errors import Param
from core.transliterate import to_latin

LOCALES = ("en", "sr-Cyrl", "sr-Latn", "mk", "sq", "ar", "fa", "ps")
DEFAULT = "en"
_RIGHT_TO_LEFT = {"ar", "fa", "ps"}
_CLOSE = {
    "sr": "sr-Cyrl",
    "bs": "sr-Latn",
    "hr": "sr-Latn",
    "sh": "sr-Latn",
    "cnr": "sr-Latn",
    "me": "sr-Latn",
    "prs": "fa",
}
"""Languages whose readers read one of ours; ``cnr`` and ``me`` for Montenegrin, ``prs`` for Dari."""
_SLOT = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def direction(locale: str) -> Literal["ltr", "rtl"]:
    """The direction of writing of ``locale``."""
    return "rtl" if locale in _RIGHT_TO_LEFT else "ltr"


def choose_locale(accept_language: str | None) -> str:
    """The best of our locales for a header ``Accept-Language`` (RFC 9110 12.5.4, lookup of RFC 4647 3.4)."""
    for tag in _by_preference(accept_language or ""):
        found = match_locale(tag)
        if found is not None:
            return found
    return DEFAULT


def match_locale(tag: str) -> str | None:
    """Our locale for one language tag (BCP 47), or none."""
    parts = tag.replace("_", "-").split("-")
    language = parts[0].lower()
    if language == "sr" and "latn" in (part.lower() for part in parts[1:]):
        return "sr-Latn"
    if language in _CLOSE:
        return _CLOSE[language]
    return language if language in LOCALES else None


def plural_form(locale: str, count: int) -> str:
    """The CLDR plural category of ``count`` in ``locale``: zero, one, two, few, many or other."""
    count = abs(count)
    ten, hundred = count % 10, count % 100
    language = locale.partition("-")[0]
    if language == "ar":
        if count < 3:
            return ("zero", "one", "two")[count]
        return "few" if 3 <= hundred <= 10 else "many" if hundred >= 11 else "other"
    if language in {"sr", "mk"} and ten == 1 and hundred != 11:
        return "one"
    if language == "sr" and 2 <= ten <= 4 and not 12 <= hundred <= 14:
        return "few"
    if language == "fa" and count <= 1:
        return "one"
    return "one" if language in {"en", "sq", "ps"} and count == 1 else "other"


class Catalogues:
    """The sentences of all locales; ``sr-Latn`` is made from ``sr-Cyrl``."""

    def __init__(self, sentences: Mapping[str, Mapping[str, str]]) -> None:
        self._sentences = {locale: dict(flat) for locale, flat in sentences.items()}
        if "sr-Cyrl" in self._sentences:
            source = self._sentences["sr-Cyrl"]
            self._sentences["sr-Latn"] = {key: to_latin(sentence) for key, sentence in source.items()}

    @classmethod
    def read(cls, folder: Path) -> Catalogues:
        """Read ``<locale>.json`` for every locale that has a file. Raises ``ValueError`` naming the file when one is malformed."""
        found: dict[str, dict[str, str]] = {}
        for locale in LOCALES:
            path = folder / f"{locale}.json"
            if not path.exists():
                continue
            try:
                found[locale] = dict(_flat(json.loads(path.read_text(encoding="utf-8"))))
            except (ValueError, AttributeError) as error:
                raise ValueError(f"{path}: {error}") from None
        return cls(found)

    def text(self, key: str, locale: str, params: Mapping[str, Param] | None = None) -> str | None:
        """The sentence of ``key`` with its slots filled, in ``locale`` or in English; none if there is none.

        ``params['count']`` chooses the plural form. An empty slot is filled from the catalogue (``brand``) or left as it is.
        """
        for used in dict.fromkeys((locale, DEFAULT)):
            sentences = self._sentences.get(used, {})
            sentence = self._form(sentences, key, used, params or {})
            if sentence is not None:
                return self._filled(sentence, sentences, params or {})
        return None

    def choose(self, accept_language: str | None) -> str:
        """The locale for a header ``Accept-Language``."""
        return choose_locale(accept_language)

    @staticmethod
    def _form(sentences: Mapping[str, str], key: str, locale: str, params: Mapping[str, Param]) -> str | None:
        count = params.get("count")
        if isinstance(count, int):
            for form in (plural_form(locale, count), "other"):
                if f"{key}_{form}" in sentences:
                    return sentences[f"{key}_{form}"]
        return sentences.get(key, sentences.get(f"{key}_other"))

    @staticmethod
    def _filled(sentence: str, sentences: Mapping[str, str], params: Mapping[str, Param]) -> str:
        def fill(match: re.Match[str]) -> str:
            slot = match[1]
            return str(params[slot]) if slot in params else sentences.get(slot, match[0])

        return _SLOT.sub(fill, sentence)


def _by_preference(header: str) -> list[str]:
    weighted: list[tuple[float, int, str]] = []
    for place, item in enumerate(header.split(",")[:30]):
        tag, _, quality = item.strip().partition(";")
        try:
            weight = float(quality.strip().removeprefix("q=")) if quality else 1.0
        except ValueError:
            continue
        if tag.strip() and weight > 0:
            weighted.append((-weight, place, tag.strip()))
    return [tag for _, _, tag in sorted(weighted)]


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(value)
