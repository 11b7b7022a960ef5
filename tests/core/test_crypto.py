"""Sealed fields open only where they belong; the key file is private and survives concurrent first starts."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.crypto import CannotOpenError, FieldCipher, KeyFileError, KeyRing

PLACE = {"table": "cases", "column": "ext_ref_sealed", "row": "case_1"}
CIPHER = FieldCipher(KeyRing.new())


@given(st.text())
def test_what_is_sealed_opens(value: str) -> None:
    assert CIPHER.open(CIPHER.seal(value, **PLACE), **PLACE) == value


@pytest.mark.parametrize("part", ["table", "column", "row"])
def test_a_moved_value_does_not_open(part: str) -> None:
    sealed = CIPHER.seal("04-1183/26", **PLACE)
    with pytest.raises(CannotOpenError):
        CIPHER.open(sealed, **{**PLACE, part: "other"})


@given(st.data())
def test_an_altered_value_does_not_open(data: st.DataObject) -> None:
    sealed = bytearray(CIPHER.seal("04-1183/26", **PLACE))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CannotOpenError):
        CIPHER.open(bytes(sealed), **PLACE)


@given(st.binary())
def test_anything_else_does_not_open(value: bytes) -> None:
    with pytest.raises(CannotOpenError):
        CIPHER.open(value, **PLACE)


def test_the_same_value_never_looks_the_same() -> None:
    assert len({CIPHER.seal("04-1183/26", **PLACE) for _ in range(100)}) == 100


def test_a_place_is_unambiguous() -> None:
    with pytest.raises(ValueError, match="must not contain"):
        CIPHER.seal("x", table="a|b", column="c", row="d")


def test_rotation() -> None:
    old = KeyRing.new()
    new = old.rotated()
    before, after = FieldCipher(old), FieldCipher(new)
    sealed = before.seal("04-1183/26", **PLACE)
    assert after.open(sealed, **PLACE) == "04-1183/26"
    assert not after.is_current(sealed)
    assert after.is_current(after.seal("x", **PLACE))
    assert before.blind_index("x", table="cases", column="ref") == after.blind_index("x", table="cases", column="ref")
    with pytest.raises(CannotOpenError, match="gone"):
        before.open(after.seal("x", **PLACE), **PLACE)


def test_blind_index() -> None:
    one = CIPHER.blind_index("04-1183/26", table="cases", column="ref")
    assert one == CIPHER.blind_index("04-1183/26", table="cases", column="ref")
    assert one != CIPHER.blind_index("04-1183/27", table="cases", column="ref")
    assert one != CIPHER.blind_index("04-1183/26", table="cases", column="other")
    assert one != FieldCipher(KeyRing.new()).blind_index("04-1183/26", table="cases", column="ref")


def test_the_key_file_is_private_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "keys.json"
    ring = KeyRing.open(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert KeyRing.open(path) == ring
    ring.rotated().save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(KeyRing.open(path).keys) == 2
    assert [p.name for p in path.parent.iterdir()] == ["keys.json"], "nothing is left behind"


def test_concurrent_first_starts_agree(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    with ThreadPoolExecutor(16) as pool:
        rings = list(pool.map(KeyRing.open, [path] * 64))
    assert all(ring == rings[0] for ring in rings)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"current": "a", "keys": {}, "index_key": "AAAA"}', "\x00"])
def test_a_broken_key_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match=r"keys\.json"):
        KeyRing.open(path)


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    KeyRing.open(path)
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match="chmod 600"):
        KeyRing.open(path)


def test_keys_do_not_show(tmp_path: Path) -> None:
    ring = KeyRing.open(tmp_path / "keys.json")
    assert str(ring.keys[ring.current]) not in repr(ring)
