"""The base glossary: words of the procedure per language pair, from ``aids_glossary.yaml``, each pair with its status. Pure.

It suggests; what a case uses is what officer and interpreter agree on (``records.aids_terms``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, TypedDict, get_args

from core.yaml_text import read_yaml

Status = Literal["draft", "reviewed"]
OFFICER_COLUMNS = ("eng", "srp", "mkd", "sqi")
PERSON_COLUMNS = ("ara", "pes", "prs", "pus")
_GROUPS = {"arabic": "ara", "pashto": "pus"}
"""Groups of languages that are written in one standard form, and its column."""


class BaseEntry(TypedDict):
    """One word of the procedure in a language pair."""

    key: str
    officer_term: str
    person_term: str
    status: Status


@dataclass(frozen=True)
class _Word:
    text: str
    status: Status


class BaseGlossary:
    """Words by key and column; immutable after loading."""

    def __init__(self, words: Mapping[str, Mapping[str, _Word]]) -> None:
        self._words = words

    def pair(self, officer_language: str, language: str, group: str | None) -> list[BaseEntry]:
        """The words known in both languages, in the order of the procedure; empty for languages without a column.

        ``group`` is the group of the person's language in the taxonomy: all Arabic varieties share the standard written words.
        """
        column = language if language in PERSON_COLUMNS else _GROUPS.get(group or "")
        if column is None or officer_language not in OFFICER_COLUMNS:
            return []
        found: list[BaseEntry] = []
        for key, words in self._words.items():
            ours, theirs = words.get(officer_language), words.get(column)
            if ours is None or theirs is None:
                continue
            both: Status = "reviewed" if ours.status == theirs.status == "reviewed" else "draft"
            found.append(BaseEntry(key=key, officer_term=ours.text, person_term=theirs.text, status=both))
        return found


def parse_glossary(text: str) -> BaseGlossary:
    """The glossary in a YAML text. Raises ``ValueError`` naming the entry that is wrong."""
    data = read_yaml(text)
    usual = _status(data.get("status"), "status")
    words: dict[str, dict[str, _Word]] = {}
    for key, row in data["entries"].items():
        words[key] = {}
        for column, value in row.items():
            if column not in (*OFFICER_COLUMNS, *PERSON_COLUMNS):
                raise ValueError(f"{key}: no column {column}")
            told = value if isinstance(value, dict) else {"text": value, "status": usual}
            if told.get("status") == "reviewed" and not told.get("by"):
                raise ValueError(f"{key}.{column}: reviewed by whom?")
            word = str(told.get("text") or "").strip()
            if not word:
                raise ValueError(f"{key}.{column}: no text")
            words[key][column] = _Word(word, _status(told.get("status"), f"{key}.{column}"))
    return BaseGlossary(words)


def _status(word: object, where: str) -> Status:
    for status in get_args(Status):
        if word == status:
            found: Status = status
            return found
    raise ValueError(f"{where}: status {word}")


@cache
def load_glossary() -> BaseGlossary:
    """The glossary of the product."""
    return parse_glossary(files("records").joinpath("aids_glossary.yaml").read_text(encoding="utf-8"))
