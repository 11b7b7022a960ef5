"""Whatever is done to a stored log is found: edited, cut, reordered, inserted."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from records.chain import GENESIS, Break, ChainEntry, Fault, canonical_json, entry_hash, link, seal, verify

START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
words = st.text(st.characters(codec="utf-8"), max_size=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
content = st.tuples(st.sampled_from(["joined", "left", "paused"]), st.dictionaries(words, values, max_size=3))


def hashable(data: object) -> bool:
    """Two keys that are one text in NFC are refused by the chain itself."""
    try:
        canonical_json(data)  # type: ignore[arg-type]
    except TypeError:
        return False
    return True


logs = st.lists(content.filter(lambda item: hashable(item[1])), min_size=1, max_size=6)


def build(contents: list[tuple[str, dict[str, Any]]]) -> list[ChainEntry]:
    entries: list[ChainEntry] = []
    for seq, (kind, data) in enumerate(contents, start=1):
        previous = entries[-1].hash if entries else GENESIS
        entries.append(link(previous, seq, START + timedelta(seconds=seq), kind, data))
    return entries


@given(logs)
def test_an_untouched_log_verifies_with_and_without_seal(contents: list[tuple[str, dict[str, Any]]]) -> None:
    entries = build(contents)
    assert verify(entries) is None
    assert verify(entries, seal(entries)) is None


@given(logs, st.data())
def test_every_edit_is_found_at_its_entry(contents: list[tuple[str, dict[str, Any]]], data: st.DataObject) -> None:
    entries = build(contents)
    place = data.draw(st.integers(0, len(entries) - 1))
    old = entries[place]
    new = data.draw(
        st.sampled_from(
            [
                replace(old, kind=old.kind + "x"),
                replace(old, at=old.at + timedelta(microseconds=1)),
                replace(old, data={**old.data, "added": 1}),
                replace(old, hash=GENESIS),
                replace(old, prev_hash="f" * 64),
                replace(old, data={"float": 0.5}),  # type: ignore[dict-item]
            ]
        )
    )
    broken = verify([*entries[:place], new, *entries[place + 1 :]], seal(entries))
    assert broken is not None
    assert broken.seq == place + 1


@given(logs, st.data())
def test_an_edit_with_its_own_hash_made_good_breaks_the_next_link(
    contents: list[tuple[str, dict[str, Any]]], data: st.DataObject
) -> None:
    entries = build(contents)
    place = data.draw(st.integers(0, len(entries) - 1))
    old = entries[place]
    forged = link(old.prev_hash, old.seq, old.at, "forged", old.data)
    assume(forged.hash != old.hash)
    broken = verify([*entries[:place], forged, *entries[place + 1 :]], seal(entries))
    last = place == len(entries) - 1
    assert broken == (Break(place + 1, Fault.SEAL_HASH) if last else Break(place + 2, Fault.LINK))


@given(logs, st.data())
def test_deletion_insertion_and_reordering_are_found(
    contents: list[tuple[str, dict[str, Any]]], data: st.DataObject
) -> None:
    entries = build(contents)
    fixed = seal(entries)
    place = data.draw(st.integers(0, len(entries) - 1))
    assert verify(entries[:place] + entries[place + 1 :], fixed) is not None
    assert verify([*entries[:place], entries[place], *entries[place:]], fixed) is not None
    other = data.draw(st.integers(0, len(entries) - 1))
    assume(other != place)
    swapped = entries.copy()
    swapped[place], swapped[other] = swapped[other], swapped[place]
    assert verify(swapped, fixed) is not None


@given(logs)
def test_the_seal_finds_what_is_cut_or_added_at_the_end(contents: list[tuple[str, dict[str, Any]]]) -> None:
    entries = build(contents)
    fixed = seal(entries)
    assert verify(entries[:-1], fixed) == Break(len(entries) - 1, Fault.SEAL_LENGTH)
    more = link(entries[-1].hash, len(entries) + 1, START, "late", {})
    assert verify([*entries, more]) is None
    assert verify([*entries, more], fixed) == Break(len(entries) + 1, Fault.SEAL_LENGTH)


def test_the_seal_of_an_empty_log() -> None:
    assert verify([], seal([])) is None
    assert verify([], seal(build([("joined", {})]))) == Break(0, Fault.SEAL_LENGTH)


def test_the_hash_is_fixed_for_all_time() -> None:
    """A stored log must verify with later versions: the bytes that are hashed may never change."""
    written = (
        '{"at":"2026-11-22T08:00:00.000000+00:00","data":{"list":[true,null],"n":2,"who":"I-0417"},"kind":"joined",'
        f'"prev":"{GENESIS}","seq":1}}'
    )
    found = entry_hash(GENESIS, 1, START, "joined", {"who": "I-0417", "n": 2, "list": [True, None]})
    assert found == hashlib.sha256(written.encode()).hexdigest()


def test_same_instant_and_same_text_hash_alike() -> None:
    belgrade = START.astimezone(timezone(timedelta(hours=1)))
    assert entry_hash(GENESIS, 1, belgrade, "x", {"b": 1, "a": "e\u0301"}) == entry_hash(
        GENESIS, 1, START, "x", {"a": "\u00e9", "b": 1}
    )


@pytest.mark.parametrize("value", [1.5, b"x", {1: "a"}, START, {"\u00e9": 1, "e\u0301": 2}, {"x": {2, 3}}])
def test_what_has_no_single_form_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        canonical_json(value)


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        link(GENESIS, 1, START.replace(tzinfo=None), "x", {})


def test_true_is_not_one() -> None:
    assert canonical_json({"a": True}) != canonical_json({"a": 1})
