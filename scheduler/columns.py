"""The facts of every candidate in arrays and sets, kept up to date one by one: what ``matching.Pool`` computes on.

No rule is decided here. Rows are reused after a removal; ``present`` says which ones count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from records.stages import Mode
from scheduler.eligibility import epoch, reachable
from scheduler.languages import LanguageTable
from scheduler.need import AsylumCase, Candidate, LocationStatus, Sex
from scheduler.ranking import idle_key

NEVER = -(2**62)
"""Time value of something that never was valid or never takes place."""
SEX_CODE = {Sex.UNDISCLOSED: 0, Sex.WOMAN: 1, Sex.MAN: 2}
_COLUMNS: dict[str, Any] = {
    "present": np.bool_,
    "level": np.int8,
    "vetting": np.int64,
    "nda": np.int64,
    "conduct": np.int64,
    "sex": np.int8,
    "country": np.int16,
    "approved": np.bool_,
    "video": np.bool_,
    "phone": np.bool_,
    "conflict": np.bool_,
    "child": np.bool_,
    "trauma": np.bool_,
    "minutes": np.int64,
    "limit": np.int64,
    "reachable": np.bool_,
    "idle": np.int64,
    "quality": np.int64,
    "active": np.bool_,
    "stated": np.bool_,
}


class Columns:
    """All candidates, prepared. Not thread-safe: one owner changes and reads it."""

    def __init__(self, candidates: Iterable[Candidate], languages: LanguageTable) -> None:
        self._languages = languages
        self.people: list[Candidate | None] = []
        self.row_of: dict[str, int] = {}
        self._free: list[int] = []
        self.facts: dict[str, NDArray[Any]] = {name: np.zeros(0, dtype=kind) for name, kind in _COLUMNS.items()}
        self.work = np.zeros((0, 2, 2), dtype=np.int64)
        self.hours = np.zeros((0, 2, 2), dtype=np.int64)
        self.countries: dict[str, int] = {}
        self.pairs = RowSets()
        self.tokens = RowSets()
        self.cases = RowSets()
        self.sworn = RowSets()
        self._code_rank: NDArray[np.int64] | None = None
        for candidate in candidates:
            self.put(candidate)

    def __len__(self) -> int:
        return len(self.row_of)

    def get(self, candidate_id: str) -> Candidate | None:
        """The candidate as last put."""
        row = self.row_of.get(candidate_id)
        return None if row is None else self.people[row]

    def put(self, candidate: Candidate) -> None:
        """Add a candidate, or replace the one with the same id."""
        row = self.row_of.get(candidate.id)
        old = None if row is None else self.people[row]
        if row is None:
            row = self._free.pop() if self._free else self._grow()
            self.row_of[candidate.id] = row
        self.people[row] = candidate
        if old is None or old.code != candidate.code:
            self._code_rank = None
        self.pairs.change(row, self._pair_keys(old), self._pair_keys(candidate))
        self.tokens.change(row, old.tokens if old else (), candidate.tokens)
        self.cases.change(row, old.barred_cases if old else (), candidate.barred_cases)
        self.sworn.change(row, old.sworn_countries if old else (), candidate.sworn_countries)
        for name, value in self._values(candidate).items():
            self.facts[name][row] = value
        self.work = _put_spans(self.work, row, candidate.engagements)
        self.hours = _put_spans(self.hours, row, candidate.hours or ())

    def remove(self, candidate_id: str) -> None:
        """Take a candidate out; unknown ids are ignored."""
        row = self.row_of.pop(candidate_id, None)
        old = None if row is None else self.people[row]
        if row is None or old is None:
            return
        self.pairs.change(row, self._pair_keys(old), ())
        self.tokens.change(row, old.tokens, ())
        self.cases.change(row, old.barred_cases, ())
        self.sworn.change(row, old.sworn_countries, ())
        self.facts["present"][row] = False
        self.people[row] = None
        self._free.append(row)
        self._code_rank = None

    def _values(self, who: Candidate) -> dict[str, int | bool]:
        return {
            "present": True,
            "level": who.level.number,
            "vetting": NEVER if who.vetting_until is None else epoch(who.vetting_until),
            "nda": NEVER if who.nda_until is None else epoch(who.nda_until),
            "conduct": NEVER if who.conduct_until is None else epoch(who.conduct_until),
            "sex": SEX_CODE[who.sex],
            "country": self.countries.setdefault(who.base_country, len(self.countries)),
            "approved": who.location is not LocationStatus.UNAPPROVED,
            "video": Mode.VIDEO in who.modes,
            "phone": Mode.PHONE in who.modes,
            "conflict": who.represents_party or who.own_asylum_case is AsylumCase.OPEN,
            "child": who.child_trained and not who.no_children,
            "trauma": who.trauma_trained,
            "minutes": who.minutes_today,
            "limit": who.max_minutes_day,
            "reachable": reachable(who),
            "idle": idle_key(who.idle_since),
            "quality": who.quality,
            "active": who.active,
            "stated": who.hours is not None,
        }

    def _pair_keys(self, who: Candidate | None) -> Iterable[tuple[str, str]]:
        if who is None:
            return ()
        table = self._languages
        return {(table.canonical(spoken), table.officer(toward)) for spoken, toward in who.pairs}

    def _grow(self) -> int:
        """A new row; arrays double, and ``people`` has a place for each of their rows."""
        size = len(self.people)
        larger = max(64, 2 * size)
        for name, column in self.facts.items():
            wider = np.zeros(larger, dtype=column.dtype)
            wider[:size] = column
            self.facts[name] = wider
        self.work = _taller(self.work, larger, size)
        self.hours = _taller(self.hours, larger, size)
        self.people.extend([None] * (larger - size))
        self._free.extend(range(larger - 1, size, -1))
        self._code_rank = None
        return size

    def rows_of(self, ids: Iterable[str]) -> NDArray[np.int64]:
        return np.array([self.row_of[who] for who in ids if who in self.row_of], dtype=np.int64)

    def code_order(self) -> NDArray[np.int64]:
        """Per row its place in the order of codes: the last tie-break."""
        if self._code_rank is None:
            ranks = np.zeros(len(self.people), dtype=np.int64)
            ordered = sorted(self.row_of.items(), key=lambda item: (self._code(item[1]), item[0]))
            for place, (_, row) in enumerate(ordered):
                ranks[row] = place
            self._code_rank = ranks
        return self._code_rank

    def _code(self, row: int) -> str:
        who = self.people[row]
        return who.code if who else ""


def _put_spans(spans: NDArray[np.int64], row: int, values: Sequence[tuple[datetime, datetime]]) -> NDArray[np.int64]:
    """``spans`` with those of one row replaced; made wider if they do not fit."""
    width = spans.shape[1]
    if len(values) > width:
        wider = np.full((len(spans), 2 * len(values), 2), NEVER, dtype=np.int64)
        wider[:, :width] = spans
        spans = wider
    spans[row] = NEVER
    for place, (start, end) in enumerate(values):
        spans[row, place] = (epoch(start), epoch(end))
    return spans


def _taller(spans: NDArray[np.int64], rows: int, used: int) -> NDArray[np.int64]:
    """``spans`` with room for more rows."""
    taller = np.full((rows, spans.shape[1], 2), NEVER, dtype=np.int64)
    taller[:used] = spans
    return taller


class RowSets:
    """Which rows have a key: sets that change, read as arrays."""

    def __init__(self) -> None:
        self._sets: dict[object, set[int]] = {}
        self._arrays: dict[object, NDArray[np.int64]] = {}

    def change(self, row: int, old: Iterable[object], new: Iterable[object]) -> None:
        before, after = set(old), set(new)
        for key in before - after:
            self._sets[key].discard(row)
            if not self._sets[key]:
                del self._sets[key]
            self._arrays.pop(key, None)
        for key in after - before:
            self._sets.setdefault(key, set()).add(row)
            self._arrays.pop(key, None)

    def has(self, key: object) -> bool:
        return key in self._sets

    def rows(self, key: object) -> NDArray[np.int64]:
        array = self._arrays.get(key)
        if array is None:
            found = self._sets.get(key, ())
            array = np.fromiter(found, dtype=np.int64, count=len(found))
            if found:
                self._arrays[key] = array
        return array
