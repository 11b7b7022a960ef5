"""How a planning process and its solving children talk over pipes: a JSON head and plain arrays, never pickled objects."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

_HEAD = struct.Struct("<I")
_KINDS = {"f8", "i4", "i8", "u1"}
MOST_BYTES = 2**31
"""Longest array that is accepted."""


class FrameError(ValueError):
    """What came over the pipe is not a frame."""


def write(stream: BinaryIO, head: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Send one frame. Arrays are of one dimension, of the kinds f8, i4, i8, u1."""
    parts = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    listed = [[name, part.dtype.str[1:], len(part)] for name, part in parts.items()]
    text = json.dumps({**head, "arrays": listed}).encode()
    stream.write(_HEAD.pack(len(text)))
    stream.write(text)
    for part in parts.values():
        stream.write(part.tobytes())
    stream.flush()


def read(stream: BinaryIO) -> tuple[dict[str, Any], dict[str, NDArray[Any]]] | None:
    """The next frame, or none at the end of the stream. Raises ``FrameError``; a cut frame counts as the end."""
    raw = _exactly(stream, _HEAD.size)
    if raw is None:
        return None
    text = _exactly(stream, _HEAD.unpack(raw)[0])
    if text is None:
        return None
    try:
        head = json.loads(text)
        listed = head.pop("arrays")
    except (ValueError, KeyError, AttributeError) as error:
        raise FrameError("no head") from error
    arrays: dict[str, NDArray[Any]] = {}
    for name, kind, length in listed:
        if kind not in _KINDS or not 0 <= length <= MOST_BYTES // 8:
            raise FrameError("wrong array")
        data = _exactly(stream, np.dtype(kind).itemsize * length)
        if data is None:
            return None
        arrays[name] = np.frombuffer(data, dtype=kind)
    return head, arrays


def _exactly(stream: BinaryIO, length: int) -> bytes | None:
    data = stream.read(length) if length else b""
    return data if len(data) == length else None
