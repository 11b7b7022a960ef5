"""Encryption of single fields: AES-256-GCM bound to the place of the value, and blind indexes to look values up by.

A sealed value opens only in the table, column and row it was sealed for (associated data ``table|column|row|key id``), so values
cannot be swapped between rows. Not for passwords and tokens: those are hashed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_FORMAT = 1
_NONCE = 12


class KeyFileError(Exception):
    """The key file is missing its content or may be read by others; the message says what to do."""


class CannotOpenError(Exception):
    """A sealed value was altered, moved from its place, or its key is gone."""


@dataclass(frozen=True)
class KeyRing:
    """The keys: ``current`` seals, all of them open. ``index_key`` never changes, or lookups would fail."""

    current: str
    keys: dict[str, bytes]
    index_key: bytes

    def __repr__(self) -> str:
        return f"KeyRing(current={self.current!r}, {len(self.keys)} keys)"

    @classmethod
    def new(cls) -> KeyRing:
        """A ring with one fresh key."""
        name = secrets.token_hex(4)
        return cls(name, {name: secrets.token_bytes(32)}, secrets.token_bytes(32))

    @classmethod
    def open(cls, path: Path) -> KeyRing:
        """The ring in the file at ``path``; a missing file is created, readable by its owner only.

        Safe when several processes start at once. Raises ``KeyFileError``.
        """
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, cls.new(), replace=False)
        if path.stat().st_mode & 0o077:
            raise KeyFileError(f"{path} may be read by others: run chmod 600 {path}")
        try:
            data = json.loads(path.read_text(encoding="ascii"))
            keys = {name: base64.b64decode(key, validate=True) for name, key in data["keys"].items()}
            ring = cls(data["current"], keys, base64.b64decode(data["index_key"], validate=True))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise KeyFileError(f"{path} is no key file") from None
        if ring.current not in keys or any(len(key) != 32 for key in (*keys.values(), ring.index_key)):
            raise KeyFileError(f"{path} lacks its current key or holds a key of the wrong length")
        return ring

    def rotated(self) -> KeyRing:
        """A ring that seals with a fresh key and still opens what the old ones sealed."""
        fresh = KeyRing.new()
        return KeyRing(fresh.current, {**self.keys, **fresh.keys}, self.index_key)

    def save(self, path: Path) -> None:
        """Replace the file at ``path`` in one step."""
        _write(path, self, replace=True)


class FieldCipher:
    """Seals and opens single values."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring
        self._ciphers = {name: AESGCM(key) for name, key in ring.keys.items()}

    def seal(self, value: str, *, table: str, column: str, row: str) -> bytes:
        """``value`` encrypted for its place: format byte, length and name of the key, nonce, ciphertext with tag."""
        name = self._ring.current
        nonce = os.urandom(_NONCE)
        place = _place(table, column, row, name)
        header = bytes([_FORMAT, len(name)]) + name.encode("ascii")
        return header + nonce + self._ciphers[name].encrypt(nonce, value.encode(), place)

    def open(self, sealed: bytes, *, table: str, column: str, row: str) -> str:
        """The value that was sealed for this place; raises ``CannotOpenError`` otherwise."""
        if len(sealed) < 2 or sealed[0] != _FORMAT:
            raise CannotOpenError("unknown format")
        start = 2 + sealed[1]
        name = sealed[2:start].decode("ascii", "replace")
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise CannotOpenError("the key is gone")
        nonce, body = sealed[start : start + _NONCE], sealed[start + _NONCE :]
        try:
            return cipher.decrypt(nonce, body, _place(table, column, row, name)).decode()
        except (InvalidTag, ValueError):
            raise CannotOpenError("altered or moved") from None

    def is_current(self, sealed: bytes) -> bool:
        """Whether ``sealed`` uses the current key; otherwise seal it anew."""
        name = self._ring.current.encode("ascii")
        return sealed[:2] == bytes([_FORMAT, len(name)]) and sealed[2 : 2 + len(name)] == name

    def blind_index(self, value: str, *, table: str, column: str) -> str:
        """A keyed digest (HMAC-SHA-256, hex) by which equal values of one column are found without opening them."""
        column_key = hmac.digest(self._ring.index_key, _place(table, column), hashlib.sha256)
        return hmac.new(column_key, value.encode(), hashlib.sha256).hexdigest()


def _place(*parts: str) -> bytes:
    if any("|" in part for part in parts):
        raise ValueError("a place must not contain |")
    return "|".join(parts).encode()


def _write(path: Path, ring: KeyRing, *, replace: bool) -> None:
    data = {
        "current": ring.current,
        "keys": {name: base64.b64encode(key).decode() for name, key in ring.keys.items()},
        "index_key": base64.b64encode(ring.index_key).decode(),
    }
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".keys-")  # created with mode 0600
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            json.dump(data, file)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            Path(temporary).replace(path)
        else:
            try:
                os.link(temporary, path)
            except FileExistsError:
                return  # another process was first; its keys count
    finally:
        Path(temporary).unlink(missing_ok=True)
