"""The messages between a media node and its sound process over one Unix socket: packets as bytes, everything else as JSON.

One message is one datagram of a ``SOCK_SEQPACKET`` pair, so nothing is ever half written. Neither side waits for the other."""

from __future__ import annotations

import json
import socket
from collections import deque
from collections.abc import Iterator
from struct import Struct
from typing import Any

MOST = 4096
"""Bytes of one message."""
_COPY = Struct("!cIHI")
_VOICE = Struct("!cIHIB")
_PACKET, _WORDS = b"P", b"J"
_LIVE = 0x80
_WORDS_WAITING = 1000


def copied(handle: int, seq: int, ts: int, payload: bytes) -> bytes:
    """A copy of somebody's packet, on its way to the sound process."""
    return _COPY.pack(_PACKET, handle, seq, ts) + payload


def read_copied(data: bytes) -> tuple[int, int, int, bytes]:
    """Handle, sequence number, time stamp, payload; raises ``struct.error``."""
    _, handle, seq, ts = _COPY.unpack_from(data)
    return handle, seq, ts, data[_COPY.size :]


def voice(handle: int, seq: int, ts: int, level: int, live: bool, payload: bytes) -> bytes:
    """20 ms of a telephone's voice, on its way into the room. ``level`` in -dBov; ``live``: it really came over the line."""
    return _VOICE.pack(_PACKET, handle, seq & 0xFFFF, ts & 0xFFFFFFFF, level | (_LIVE if live else 0)) + payload


def read_voice(data: bytes) -> tuple[int, int, int, int, bool, bytes]:
    """Handle, sequence number, time stamp, level, live, payload; raises ``struct.error``."""
    _, handle, seq, ts, level = _VOICE.unpack_from(data)
    return handle, seq, ts, level & 0x7F, bool(level & _LIVE), data[_VOICE.size :]


def is_packet(data: bytes) -> bool:
    """Whether it carries sound; otherwise ``read_words``."""
    return data[:1] == _PACKET


def read_words(data: bytes) -> dict[str, Any]:
    """Raises ``ValueError`` when it is no JSON object."""
    words = json.loads(data[1:])
    if data[:1] != _WORDS or not isinstance(words, dict):
        raise ValueError("no words")
    return words


class PipeClosedError(Exception):
    """The other side is gone, or has not read its words for so long that it must be."""


class PipeEnd:
    """One end: sends at once or drops (packets) or keeps for later (words); reads what is there. Never blocks."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.dropped = 0
        """Packets that the other side was too slow for."""
        self._words: deque[bytes] = deque()

    def send_packet(self, message: bytes) -> None:
        """A packet: now or never. Packets do not overtake words."""
        try:
            self.flush()
            if not self._words:
                self.sock.send(message)
                return
        except (OSError, PipeClosedError):
            pass
        self.dropped += 1

    def send_words(self, words: dict[str, Any]) -> None:
        """Words: in order, as soon as the other side takes them. Raises ``PipeClosedError``."""
        if len(self._words) >= _WORDS_WAITING:
            raise PipeClosedError
        self._words.append(_WORDS + json.dumps(words).encode())
        self.flush()

    def flush(self) -> None:
        """Sends words that wait. Raises ``PipeClosedError`` when there is nobody to take them."""
        while self._words:
            try:
                self.sock.send(self._words[0])
            except BlockingIOError:
                return
            except OSError as error:
                raise PipeClosedError from error
            self._words.popleft()

    def read(self, most: int = 200) -> Iterator[bytes]:
        """Messages that are there now, ``most`` at most. Raises ``PipeClosedError`` at the end."""
        for _ in range(most):
            try:
                data = self.sock.recv(MOST)
            except BlockingIOError:
                return
            except OSError as error:
                raise PipeClosedError from error
            if not data:
                raise PipeClosedError
            yield data

    def close(self) -> None:
        self.sock.close()


def pair() -> tuple[socket.socket, socket.socket]:
    """Two connected ends. Raises ``OSError`` on systems without sequenced packets (macOS)."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
