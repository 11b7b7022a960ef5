"""Frames between the server and its speech workers: lengths, a JSON head, raw sound. A pipe to an own child, no public format."""

from __future__ import annotations

import asyncio
import json
import struct
from typing import Any, BinaryIO

_LENGTHS = struct.Struct(">II")
HEAD_MOST = 1 << 20
BODY_MOST = 4 << 20


class WireError(Exception):
    """Something else than a frame came: the child is broken."""


def pack(head: dict[str, Any], body: bytes = b"") -> bytes:
    """One frame."""
    text = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode()
    return _LENGTHS.pack(len(text), len(body)) + text + body


def read(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """The next frame, blocking; none at the end. Raises :class:`WireError`."""
    lengths = stream.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    head, body = _checked(lengths)
    text, sound = stream.read(head), stream.read(body)
    return (_head(text), sound) if len(text) == head and len(sound) == body else None


async def read_async(stream: asyncio.StreamReader) -> tuple[dict[str, Any], bytes] | None:
    """The same without blocking."""
    try:
        head, body = _checked(await stream.readexactly(_LENGTHS.size))
        text = await stream.readexactly(head)
        return _head(text), await stream.readexactly(body)
    except asyncio.IncompleteReadError:
        return None


def _checked(lengths: bytes) -> tuple[int, int]:
    head, body = _LENGTHS.unpack(lengths)
    if head > HEAD_MOST or body > BODY_MOST:
        raise WireError
    return head, body


def _head(text: bytes) -> dict[str, Any]:
    try:
        head = json.loads(text)
    except ValueError:
        raise WireError from None
    if not isinstance(head, dict):
        raise WireError
    return head
