"""Languages (ISO 639-3) and which interpreter's language may stand in for a person's language, at which stage. Pure.

The data are in ``language_data.yaml``. Direction matters: a row says that a *person's* language may be served by an
*interpreter's* language, with a penalty, up to a stage, under a condition. No row means no. Officers' languages are a
separate, simpler matter: :meth:`LanguageTable.officer`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

from core.yaml_text import read_yaml
from records.stages import Stage

CHECK_ABOVE = 10
"""A substitution with a penalty above this needs the comprehension check S-6 and is printed in the log."""


class LanguageSource(StrEnum):
    """How a person's language became known."""

    SELF_DECLARED = "self_declared"
    CARD = "card"
    OFFICER_GUESS = "officer_guess"
    INTERPRETER_CONFIRMED = "interpreter_confirmed"

    @property
    def is_declared(self) -> bool:
        """Whether the person named it (or it was confirmed in talk), and not the officer alone."""
        return self is not LanguageSource.OFFICER_GUESS


@dataclass(frozen=True)
class PersonLanguage:
    """A language of the person in the case; the caller lists them best first."""

    code: str
    source: LanguageSource = LanguageSource.SELF_DECLARED


@dataclass(frozen=True)
class Language:
    """One entry of the taxonomy."""

    code: str
    name: str
    """English name; other locales name it from the code."""
    endonym: str | None
    endonym_status: str
    """``cldr`` or ``draft``."""
    group: str
    macro: str | None
    """The macrolanguage it belongs to."""
    is_macro: bool
    """Whether one should ask further: region or country."""
    ask: str | None
    direction: str
    script: str
    is_officer_language: bool


class Condition(StrEnum):
    """What must be true for a substitution besides the stage."""

    DECLARED_ONLY = "declared_only"
    WITH_ACCEPTANCE = "with_acceptance"
    EMERGENCY = "emergency"


@dataclass(frozen=True)
class Substitution:
    """One row of the table: ``person`` may be served in ``interpreter``."""

    person: str
    interpreter: str
    penalty: int
    """0 to 100, subtracted from the score."""
    max_stage: Stage | None
    """Highest stage; none means never."""
    condition: Condition | None
    accept_from: Stage | None
    """With ``with_acceptance``: the stage from which the person must have agreed."""
    status: str
    source: str | None
    note: str | None

    def reaches(self, stage: Stage) -> bool:
        """Whether the row goes up to ``stage``."""
        return self.max_stage is not None and stage.weight <= self.max_stage.weight


class MatchKind(StrEnum):
    """How an interpreter's language serves the person."""

    EXACT = "exact"
    FURTHER = "further"
    """A further language that the person named."""
    SUBSTITUTE = "substitute"


@dataclass(frozen=True)
class LanguageMatch:
    """The best way in which one interpreter's language serves the person at a stage."""

    person: str
    interpreter: str
    penalty: int
    kind: MatchKind
    rank: int
    """Place of ``person`` in the person's list, from 0."""

    @property
    def needs_check(self) -> bool:
        """Whether the comprehension check S-6 is due and the log prints the substitution."""
        return self.penalty > CHECK_ABOVE

    @property
    def order(self) -> tuple[int, int, str]:
        """Sort key, best first."""
        return (self.penalty, self.rank, self.interpreter)


class LanguageTable:
    """Taxonomy and substitutions; immutable after loading."""

    def __init__(
        self,
        languages: Sequence[Language],
        substitutions: Sequence[Substitution],
        aliases: Mapping[str, str],
        officer_aliases: Mapping[str, str],
        further: FurtherRule,
    ) -> None:
        self._languages = {language.code: language for language in languages}
        self._aliases = dict(aliases)
        self._officer_aliases = dict(officer_aliases)
        self._further = further
        self._rows: dict[str, dict[str, Substitution]] = {}
        for row in substitutions:
            if row.interpreter in self._rows.setdefault(row.person, {}):
                raise ValueError(f"two rows for {row.person} -> {row.interpreter}")
            self._rows[row.person][row.interpreter] = row

    def __iter__(self) -> Iterator[Language]:
        return iter(self._languages.values())

    def __contains__(self, code: str) -> bool:
        return self.canonical(code) in self._languages

    def get(self, code: str) -> Language | None:
        """The entry for a code or an older alias of it."""
        return self._languages.get(self.canonical(code))

    def canonical(self, code: str) -> str:
        """The code in use: ``ajp`` becomes ``apc``; others stay as they are."""
        return self._aliases.get(code, code)

    def officer(self, code: str) -> str:
        """The code under which an officer's language is compared: ``bos`` and ``hrv`` become ``srp``."""
        code = self.canonical(code)
        return self._officer_aliases.get(code, code)

    def substitutions(self, person: str, stage: Stage) -> list[Substitution]:
        """Rows that reach ``stage`` for a person's language, best first; their conditions are still to be met."""
        rows = [row for row in self._rows.get(self.canonical(person), {}).values() if row.reaches(stage)]
        return sorted(rows, key=lambda row: (row.penalty, row.interpreter))

    def options(
        self,
        person_languages: Sequence[PersonLanguage],
        stage: Stage,
        *,
        accepted: Iterable[str] = (),
        emergency: bool = False,
    ) -> dict[str, LanguageMatch]:
        """For every interpreter's language that may serve at ``stage``: how, at its best.

        ``person_languages`` best first; ``accepted`` are the interpreter's languages that the person agreed to as a
        substitute when asked. An officer's guess after the first place counts for identification only.
        """
        accepted_codes = {self.canonical(code) for code in accepted}
        declared = {self.canonical(p.code) for p in person_languages if p.source.is_declared}
        first = self.canonical(person_languages[0].code) if person_languages else ""
        found: dict[str, LanguageMatch] = {}

        def offer(match: LanguageMatch) -> None:
            known = found.get(match.interpreter)
            if known is None or match.order < known.order:
                found[match.interpreter] = match

        seen: set[str] = set()
        for rank, spoken in enumerate(person_languages):
            code = self.canonical(spoken.code)
            if code in seen:
                continue
            seen.add(code)
            later = min(self._further.penalty * rank, self._further.cap)
            if rank and not spoken.source.is_declared and stage.weight > self._further.guessed_max.weight:
                continue
            second_language_row = self._rows.get(first, {}).get(code) if rank else None
            if second_language_row is not None and second_language_row.condition is Condition.DECLARED_ONLY:
                # That row of the first language says what this second language is worth; nothing is chained to it.
                continue
            kind = MatchKind.FURTHER if rank else MatchKind.EXACT
            offer(LanguageMatch(code, code, later, kind, rank))
            for row in self.substitutions(code, stage):
                if row.condition is Condition.DECLARED_ONLY and row.interpreter not in declared:
                    continue
                if row.condition is Condition.EMERGENCY and not emergency:
                    continue
                if (
                    row.condition is Condition.WITH_ACCEPTANCE
                    and (row.accept_from is None or stage.weight >= row.accept_from.weight)
                    and row.interpreter not in accepted_codes
                ):
                    continue
                penalty = min(row.penalty + later, 100)
                offer(LanguageMatch(code, row.interpreter, penalty, MatchKind.SUBSTITUTE, rank))
        return found

    def needing_acceptance(self, person_languages: Iterable[str]) -> list[str]:
        """The interpreter's languages that may stand in at some stage once the person has said yes to them, in order of penalty."""
        found = {
            row.interpreter: row.penalty
            for code in person_languages
            for row in self._rows.get(self.canonical(code), {}).values()
            if row.condition is Condition.WITH_ACCEPTANCE
        }
        return sorted(found, key=lambda code: (found[code], code))

    def match_language(
        self,
        person_languages: Sequence[PersonLanguage],
        interpreter_language: str,
        stage: Stage,
        *,
        accepted: Iterable[str] = (),
        emergency: bool = False,
    ) -> LanguageMatch | None:
        """How one interpreter's language serves the person at ``stage``, or none (rule M-2.language)."""
        options = self.options(person_languages, stage, accepted=accepted, emergency=emergency)
        return options.get(self.canonical(interpreter_language))


@dataclass(frozen=True)
class FurtherRule:
    """What a further language costs (policy)."""

    penalty: int
    cap: int
    guessed_max: Stage


_NO_STAGE = "none"


def _stage(word: str) -> Stage | None:
    if word == _NO_STAGE:
        return None
    return Stage.ASYLUM if word == "all" else Stage(word)


def _language(row: Mapping[str, Any]) -> Language:
    endonym = row.get("endonym")
    return Language(
        code=row["code"],
        name=row["name"],
        endonym=endonym,
        endonym_status=row.get("endonym_status", "cldr") if endonym else "none",
        group=row["group"],
        macro=row.get("in"),
        is_macro=bool(row.get("macro", False)),
        ask=row.get("ask"),
        direction=row["dir"],
        script=row["script"],
        is_officer_language=bool(row.get("officer", False)),
    )


def parse_languages(text: str) -> LanguageTable:
    """Build a table from YAML text; raises ``ValueError`` or ``KeyError`` naming the wrong entry."""
    raw = read_yaml(text)
    languages = [_language(row) for row in raw["languages"]]
    by_code = {language.code: language for language in languages}
    if len(by_code) != len(languages):
        raise ValueError("a language code appears twice")

    def expand(codes: Iterable[str]) -> list[str]:
        result: list[str] = []
        for code in codes:
            if code.startswith("any:"):
                result.extend(sorted(member.code for member in languages if member.macro == code[4:]))
            elif code in by_code:
                result.append(code)
            else:
                raise ValueError(f"unknown language {code} in a substitution")
        return result

    rows: list[Substitution] = []
    for row in raw["substitutions"]:
        accept_from = row.get("accept_from")
        for person in expand(row["from"]):
            for interpreter in expand(row["to"]):
                if person == interpreter:
                    continue
                rows.append(
                    Substitution(
                        person=person,
                        interpreter=interpreter,
                        penalty=int(row["penalty"]),
                        max_stage=_stage(row["max"]),
                        condition=Condition(row["condition"]) if "condition" in row else None,
                        accept_from=Stage(accept_from) if accept_from else None,
                        status=row.get("status", "policy"),
                        source=row.get("source"),
                        note=row.get("note"),
                    )
                )
    further = raw["further_language"]
    return LanguageTable(
        languages,
        rows,
        raw["aliases"],
        raw["officer_aliases"],
        FurtherRule(int(further["penalty"]), int(further["cap"]), Stage(further["guessed_max"])),
    )


@cache
def load_languages() -> LanguageTable:
    """The table shipped with the package (read once: it never changes while the program runs)."""
    return parse_languages(files("scheduler").joinpath("language_data.yaml").read_text(encoding="utf-8"))
