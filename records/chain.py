"""The hash chain of a session log: each entry holds the hash of the one before, the seal the last. Pure.

It proves that a stored log is the one that was sealed; it stores nothing and knows no kinds of entries.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

GENESIS = "0" * 64
"""The hash before the first entry of every log."""

JsonValue = str | int | bool | None | Sequence["JsonValue"] | Mapping[str, "JsonValue"]


@dataclass(frozen=True)
class ChainEntry:
    """One entry as it is stored."""

    seq: int
    """Counted from 1, without gaps."""
    at: datetime
    """Aware; hashed in UTC with microseconds."""
    kind: str
    data: Mapping[str, JsonValue]
    prev_hash: str
    hash: str


class Fault(StrEnum):
    """What is wrong at the first broken entry."""

    NUMBER = "number"
    """The sequence number is not the expected one: an entry is missing, doubled or out of order."""
    LINK = "link"
    """The entry does not hold the hash of the one before."""
    CONTENT = "content"
    """The stored hash is not the hash of the content."""
    SEAL_LENGTH = "seal_length"
    """The log has another number of entries than the seal says."""
    SEAL_HASH = "seal_hash"
    """The last hash is not the sealed one."""


@dataclass(frozen=True)
class Break:
    """The first place where a log fails: entry number (for the seal: the last number present, 0 if none)."""

    seq: int
    fault: Fault


@dataclass(frozen=True)
class Seal:
    """What is fixed when a log is sealed."""

    count: int
    hash: str


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, Mapping):
        plain: dict[str, object] = {}
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError("keys in a log entry are text")
            name = unicodedata.normalize("NFC", key)
            if name in plain:
                raise TypeError("two keys of a log entry are the same text")
            plain[name] = _plain(item)
        return plain
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    # Floats print differently elsewhere, dates have many forms: the caller decides, not the hash.
    raise TypeError(f"{type(value).__name__} has no place in a log entry")


def canonical_json(value: JsonValue) -> bytes:
    """UTF-8 JSON with sorted keys, no spaces, text in NFC; ``TypeError`` for floats and anything not JSON."""
    return json.dumps(_plain(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode(
        "utf-8"
    )


def entry_hash(prev_hash: str, seq: int, at: datetime, kind: str, data: Mapping[str, JsonValue]) -> str:
    """SHA-256 in hex over the canonical JSON of all parts; ``at`` must be aware (``ValueError``)."""
    if at.tzinfo is None:
        raise ValueError("the time of a log entry is aware")
    stamp = at.astimezone(UTC).isoformat(timespec="microseconds")
    return hashlib.sha256(
        canonical_json({"prev": prev_hash, "seq": seq, "at": stamp, "kind": kind, "data": data})
    ).hexdigest()


def link(prev_hash: str, seq: int, at: datetime, kind: str, data: Mapping[str, JsonValue]) -> ChainEntry:
    """The next entry after ``prev_hash`` (:data:`GENESIS` for the first, which has ``seq`` 1)."""
    return ChainEntry(seq, at, kind, data, prev_hash, entry_hash(prev_hash, seq, at, kind, data))


def seal(entries: Sequence[ChainEntry]) -> Seal:
    """The seal of a complete log."""
    return Seal(len(entries), entries[-1].hash if entries else GENESIS)


def verify(
    entries: Iterable[ChainEntry], sealed: Seal | None = None, *, after: Seal = Seal(0, GENESIS)
) -> Break | None:
    """The first break, or none if the log is whole; ``sealed`` finds cuts and additions at the end too.

    ``after``: where an earlier piece of a long log ended, if this is the next one.
    """
    prev_hash, count = after.hash, after.count
    for entry in entries:
        if entry.seq != count + 1:
            return Break(entry.seq, Fault.NUMBER)
        if entry.prev_hash != prev_hash:
            return Break(entry.seq, Fault.LINK)
        try:
            expected = entry_hash(entry.prev_hash, entry.seq, entry.at, entry.kind, entry.data)
        except (TypeError, ValueError):
            return Break(entry.seq, Fault.CONTENT)
        if entry.hash != expected:
            return Break(entry.seq, Fault.CONTENT)
        prev_hash, count = entry.hash, entry.seq
    if sealed is not None:
        if count != sealed.count:
            return Break(count, Fault.SEAL_LENGTH)
        if prev_hash != sealed.hash:
            return Break(count, Fault.SEAL_HASH)
    return None
