"""The messages between a media node and its sound process over one Unix socket: packets as bytes, everything else as JSON.

One message is one datagram of a ``SOCK_SEQPACKET`` pair, so nothing is ever half written; many packets share one, since each message
costs both processes more than what is in it. Neither side waits for the other."""

from __future__ import annotations

import json
import socket
from collections import deque
from collections.abc import Iterator
from struct import Struct
from typing import Any

MOST = 65_536
"""Bytes of one message."""
_FULL = 32_768
"""Bytes of packets from which on a message is sent without waiting for more."""
_COPY = Struct("!IHIdH")
_VOICE = Struct("!IHIBH")
_PACKETS, _WORDS = b"P", b"J"
_LIVE = 0x80
_WORDS_WAITING = 1000


def copied(handle: int, seq: int, ts: int, at: float, payload: bytes) -> bytes:
    """A copy of somebody's packet that came at ``at`` (monotonic: one clock for all processes of a machine)."""
    return _COPY.pack(handle, seq, ts, at, len(payload)) + payload


def read_copied(data: bytes) -> Iterator[tuple[int, int, int, float, bytes]]:
    """Of each packet in a message: handle, sequence number, time stamp, time of arrival, payload. Raises ``struct.error``."""
    begin, end = 1, len(data)
    while begin < end:
        handle, seq, ts, at, size = _COPY.unpack_from(data, begin)
        begin += _COPY.size + size
        yield handle, seq, ts, at, data[begin - size : begin]


def voice(handle: int, seq: int, ts: int, level: int, live: bool, payload: bytes) -> bytes:
    """20 ms of a telephone's voice, on its way into the room. ``level`` in -dBov; ``live``: it really came over the line."""
    return _VOICE.pack(handle, seq, ts, level | (_LIVE if live else 0), len(payload)) + payload


def read_voices(data: bytes) -> Iterator[tuple[int, int, int, int, bool, bytes]]:
    """Of each packet in a message: handle, sequence number, time stamp, level, live, payload. Raises ``struct.error``."""
    begin, end = 1, len(data)
    while begin < end:
        handle, seq, ts, level, size = _VOICE.unpack_from(data, begin)
        begin += _VOICE.size + size
        yield handle, seq, ts, level & 0x7F, bool(level & _LIVE), data[begin - size : begin]


def is_packets(data: bytes) -> bool:
    """Whether it carries sound; otherwise ``read_words``."""
    return data[:1] == _PACKETS


def read_words(data: bytes) -> dict[str, Any]:
    """Raises ``ValueError`` when it is no JSON object."""
    words = json.loads(data[1:])
    if data[:1] != _WORDS or not isinstance(words, dict):
        raise ValueError("no words")
    return words


class PipeClosedError(Exception):
    """The other side is gone, or has not read its words for so long that it must be."""


class PipeEnd:
    """One end: packets are gathered until ``flush`` and then go or are dropped; words go at once or wait. Never blocks."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.dropped = 0
        """Packets that the other side was too slow for."""
        self._words: deque[bytes] = deque()
        self._packets: list[bytes] = []
        self._size = 0

    def put_packet(self, packet: bytes) -> bool:
        """For the next message; true when it is the first one that waits for it."""
        self._packets.append(packet)
        self._size += len(packet)
        if self._size >= _FULL:
            self.flush()
        return len(self._packets) == 1

    def flush(self) -> None:
        """Sends the packets that wait: now or never. Packets do not overtake words."""
        if not self._packets:
            return
        packets, self._packets, self._size = self._packets, [], 0
        try:
            if not self._words or self.send_waiting():
                self.sock.send(_PACKETS + b"".join(packets))
                return
        except (OSError, PipeClosedError):
            pass
        self.dropped += len(packets)

    def send_words(self, words: dict[str, Any]) -> None:
        """Words: in order and after the packets before them, as soon as the other side takes them. Raises ``PipeClosedError``."""
        if len(self._words) >= _WORDS_WAITING:
            raise PipeClosedError
        self.flush()
        self._words.append(_WORDS + json.dumps(words).encode())
        self.send_waiting()

    def send_waiting(self) -> bool:
        """Sends words that wait; true when none is left. Raises ``PipeClosedError`` when there is nobody to take them."""
        while self._words:
            try:
                self.sock.send(self._words[0])
            except BlockingIOError:
                return False
            except OSError as error:
                raise PipeClosedError from error
            self._words.popleft()
        return True

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
