"""Fetch a model from the operator's own server, bit by bit, and believe nothing that does not match its SHA-256.

Only for the command ``tarjuman models fetch``: the product itself never goes to the internet for a model.
"""

from __future__ import annotations

import hashlib
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path

from media.speech.models import NEEDED, OPTIONAL, PINS, SUMS, VOCABULARIES, ModelError, Pin, check, digest, read_sums

CHUNK = 1 << 20
WAIT_S = 30.0
Tell = Callable[[str], None]


class FetchError(Exception):
    """The model could not be fetched; the message says what to do, in one sentence."""


def expected(name: str, sums: Path | None) -> dict[str, Pin]:
    """What must be fetched: pinned files, and those in the operator's list. Raises :class:`FetchError` when hashes are missing."""
    pins: dict[str, Pin] = {file: Pin(sha256) for file, sha256 in (read_sums(sums) if sums is not None else {}).items()}
    strangers = set(pins) - {*NEEDED, *VOCABULARIES, *OPTIONAL}
    if strangers:
        raise FetchError(f"the list of hashes names files that no model has: {', '.join(sorted(strangers))}")
    pins.update(PINS.get(name, {}))
    lacking = [file for file in NEEDED if file not in pins]
    if not any(file in pins for file in VOCABULARIES):
        lacking.append(VOCABULARIES[0])
    if lacking:
        raise FetchError(
            f"no SHA-256 is known for {', '.join(lacking)} of {name!r}: give --sums with a list as sha256sum writes it"
        )
    return pins


def fetch(name: str, base: str, folder: Path, *, sums: Path | None = None, tell: Tell = lambda _: None) -> Path:
    """Fetch ``<base>/<name>/<file>`` into ``folder/<name>``; what is there already and right is kept, what broke off goes on.

    Raises :class:`FetchError`.
    """
    if not base.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        raise FetchError("the base address must begin with https://")
    if not name or not all(char.isalnum() or char in "-_." for char in name) or name.startswith("."):
        raise FetchError(f"{name!r} is no name of a model")
    pins = expected(name, sums)
    target = folder / name
    target.mkdir(parents=True, exist_ok=True)
    for file, pin in pins.items():
        _fetch_file(f"{base.rstrip('/')}/{name}/{file}", target / file, pin, tell)
    if name not in PINS or set(pins) != set(PINS[name]):
        _write_sums(target / SUMS, pins)
    try:
        check(target)
    except ModelError as error:
        raise FetchError(f"{target}: {error}") from None
    return target


def _fetch_file(url: str, path: Path, pin: Pin, tell: Tell) -> None:
    if path.is_file() and digest(path) == pin.sha256:
        tell(f"{path.name}: is there")
        return
    part = path.with_name(path.name + ".part")
    begun = part.stat().st_size if part.is_file() else 0
    tell(f"{path.name}: {'goes on at ' + str(begun) if begun else 'begins'}")
    request = urllib.request.Request(url, headers={"Range": f"bytes={begun}-"} if begun else {})  # noqa: S310 - checked above
    try:
        with urllib.request.urlopen(request, timeout=WAIT_S) as answer:  # noqa: S310 - checked above
            goes_on = begun > 0 and answer.status == HTTPStatus.PARTIAL_CONTENT
            at = begun if goes_on else 0
            with part.open("ab" if goes_on else "wb") as out:
                shutil.copyfileobj(_Bounded(answer, pin, at, path.name), out, CHUNK)
            if part.stat().st_size - at < int(answer.headers.get("Content-Length") or 0):
                raise FetchError(f"{url} broke off; run the command again, it goes on from there")
    except urllib.error.HTTPError as error:
        if error.code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise FetchError(f"{url} answers {error.code}: is the model there under this name?") from None
    except (urllib.error.URLError, TimeoutError, OSError) as error:
        reason = getattr(error, "reason", None) or type(error).__name__
        raise FetchError(
            f"{url} cannot be reached ({reason}): without a network, copy the directory by hand and run `tarjuman models verify`"
        ) from None
    found = _digest_of(part)
    if found != pin.sha256:
        part.unlink(missing_ok=True)
        raise FetchError(f"{path.name} is not what was expected (SHA-256 {found}); it was thrown away")
    part.replace(path)
    tell(f"{path.name}: verified")


def _digest_of(path: Path) -> str:
    return digest(path) if path.is_file() else hashlib.sha256().hexdigest()


def _write_sums(path: Path, pins: Mapping[str, Pin]) -> None:
    path.write_text("".join(f"{pin.sha256}  {file}\n" for file, pin in pins.items()), encoding="utf-8")


class _Bounded:
    """A source that never gives more than the pinned size, so that a wrong server cannot fill the disk."""

    MOST = 8 << 30

    def __init__(self, source: object, pin: Pin, begun: int, name: str) -> None:
        self._source = source
        self._left = (pin.size if pin.size is not None else self.MOST) - begun
        self._name = name

    def read(self, size: int = -1) -> bytes:
        chunk: bytes = self._source.read(size)  # type: ignore[attr-defined]
        self._left -= len(chunk)
        if self._left < 0:
            raise FetchError(f"{self._name} is longer than expected; it is not taken")
        return chunk
