"""Sentences for problem documents, from the same catalogues as the pages: one text per key and language, kept in one place.

The browser shows its own catalogue's text by code; these are for other readers of the interface and for the command line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.errors import Param

DEFAULT = "en"
_SLOT = re.compile(r"\{\{\s*-?\s*(\w+)(?:\s*,[^}]*)?\s*\}\}")


def catalogue_folder() -> Path:
    """Where the catalogues lie: inside the installed package, else in the checkout."""
    here = Path(__file__).resolve().parent
    packaged = here / "locale_files"
    return packaged if packaged.is_dir() else here.parent / "web_client" / "locales"


class CatalogueTexts:
    """Reads all catalogues of a folder at once; a missing folder gives no texts, and readers fall back to codes."""

    def __init__(self, folder: Path | None = None) -> None:
        self._catalogues: dict[str, dict[str, str]] = {}
        for path in sorted((folder or catalogue_folder()).glob("*.json")):
            entries = json.loads(path.read_text(encoding="utf-8"))
            self._catalogues[path.stem] = {key: text for key, text in entries.items() if isinstance(text, str)}

    @property
    def locales(self) -> Sequence[str]:
        """The locales that have a catalogue."""
        return sorted(self._catalogues)

    def text(self, key: str, locale: str, params: Mapping[str, Param] | None = None) -> str | None:
        """The sentence of ``key`` with its slots filled, in ``locale`` or in English; none if there is none."""
        values = dict(params or {})
        count = next((value for value in values.values() if isinstance(value, int)), None)
        for candidate in (locale, DEFAULT):
            found = self._find(candidate, key, count)
            if found is not None:
                if count is not None:
                    values.setdefault("count", count)
                return _SLOT.sub(lambda slot: str(values.get(slot[1], "")), found)
        return None

    def choose(self, accept_language: str | None) -> str:
        """The best locale for a header ``Accept-Language`` (RFC 9110, 12.5.4); English if nothing fits."""
        for wanted in _ranked(accept_language or ""):
            for locale in self._catalogues:
                if locale.lower() == wanted:
                    return locale
            for locale in self._catalogues:
                if locale.split("-")[0].lower() == wanted.split("-")[0]:
                    return locale
        return DEFAULT

    def _find(self, locale: str, key: str, count: int | None) -> str | None:
        catalogue = self._catalogues.get(locale, {})
        if key in catalogue:
            return catalogue[key]
        if count is None:
            return None
        forms = (("_one",) if count == 1 else ()) + ("_other", "_many", "_few")
        return next((catalogue[key + form] for form in forms if key + form in catalogue), None)


def _ranked(header: str) -> list[str]:
    """The language ranges of the header, best first."""
    ranges: list[tuple[float, str]] = []
    for part in header.split(",")[:20]:
        name, _, weight = part.strip().partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        if name and quality > 0:
            ranges.append((quality, name.strip().lower()))
    return [name for _, name in sorted(ranges, key=lambda entry: -entry[0])]
