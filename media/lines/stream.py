"""Sound over a WebSocket past the library's parser, queue and tasks, which cost more than all that is done to the sound of a telephone.

Whole binary messages are taken out of the stream of bytes (RFC 6455 section 5.2), everything else is the library's: handshake, texts,
fragments, pings, the end. A mixin for both of its connections."""

from __future__ import annotations

import os
from collections.abc import Callable
from struct import Struct

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection
from websockets.protocol import State
from websockets.utils import apply_mask

MAX_MESSAGE = 65_536
"""Bytes of one message."""
WAITING = 1000
"""Bytes that may wait in front of the system's buffer."""
_BINARY, _MASKED = 0x82, 0x80
_TWO, _EIGHT = 126, 127
_LENGTH_2, _LENGTH_8 = Struct("!H"), Struct("!Q")
_HEAD = Struct("!BBH")
_HEAD_END = b"\r\n\r\n"
_MOST_HEAD = 65_536
_RANDOM = 4096


def binary(data: bytes) -> bytes:
    """One unmasked binary message, as servers send it; 65,535 bytes at most."""
    return _HEAD.pack(_BINARY, _TWO, len(data)) + data


class _Random:
    """Masks from the system's random numbers, many at a time."""

    def __init__(self) -> None:
        self._bytes = b""
        self._at = 0

    def mask(self) -> bytes:
        if self._at >= len(self._bytes):
            self._bytes, self._at = os.urandom(_RANDOM), 0
        self._at += 4
        return self._bytes[self._at - 4 : self._at]


_random = _Random()


def masked(data: bytes) -> bytes:
    """One binary message as clients send it; 65,535 bytes at most."""
    mask = _random.mask()
    return _HEAD.pack(_BINARY, _MASKED | _TWO, len(data)) + mask + apply_mask(data, mask)


def size_of(data: bytes, at: int) -> tuple[int, int]:
    """Bytes of the head of the message that begins there, and of the whole; nothing while its head is not there."""
    left = len(data) - at
    if left < 2:
        return 0, 0
    length = data[at + 1]
    head = 6 if length & _MASKED else 2
    length &= 0x7F
    if length == _TWO:
        if left < 4:
            return 0, 0
        return head + 2, head + 2 + int(_LENGTH_2.unpack_from(data, at + 2)[0])
    if length == _EIGHT:
        if left < 10:
            return 0, 0
        return head + 8, head + 8 + int(_LENGTH_8.unpack_from(data, at + 2)[0])
    return head, head + length


class SoundStream(Connection):
    """``sound`` gets each whole binary message at once; while it is none, the library does."""

    sound: Callable[[bytes], None] | None = None
    _head: bytes | None = b""
    """What came of the opening handshake; none when it is over."""
    _kept = b""
    """The beginning of a message whose end has not come."""
    _theirs = False
    """The library reads everything from here on."""

    def data_received(self, data: bytes) -> None:
        if self._theirs:
            super().data_received(data)
            return
        if self._head is not None:
            data = self._after_head(self._head, data)
        elif self._kept:
            data = self._kept + data
        if data:
            self._kept = data[self._whole(data) :]

    def _after_head(self, before: bytes, data: bytes) -> bytes:
        """Hands the opening handshake to the library; what follows it."""
        head = before + data
        end = head.find(_HEAD_END)
        if end < 0:
            self._head, self._theirs = head, len(head) > _MOST_HEAD
            super().data_received(data)
            return b""
        self._head = None
        here = end + len(_HEAD_END) - len(before)
        super().data_received(data[:here])
        return data[here:]

    def _whole(self, data: bytes) -> int:
        """Takes whole messages; how many bytes of ``data`` they were."""
        at, end = 0, len(data)
        while at < end:
            head, size = size_of(data, at)
            if self.protocol.state is not State.OPEN or size > MAX_MESSAGE + head:
                # Not connected, closing, or too long: the library knows what to say.
                self._theirs = True
                super().data_received(data[at:])
                return end
            if not size or at + size > end:
                break
            if data[at] == _BINARY and self.sound is not None:
                payload = data[at + head : at + size]
                self.sound(apply_mask(payload, data[at + head - 4 : at + head]) if data[at + 1] & _MASKED else payload)
            else:
                super().data_received(data[at : at + size])
            at += size
        return at

    def write(self, message: bytes) -> bool:
        """Sends a whole message at once; false while earlier ones wait for a slow reader. After the end it goes nowhere."""
        transport = self.transport
        if self.protocol.state is not State.OPEN or transport.is_closing():
            return True
        if transport.get_write_buffer_size() > WAITING:
            return False
        transport.write(message)
        return True


class ServerStream(SoundStream, ServerConnection):
    """The endpoint's side. ``read_by_hand``: its socket wakes nobody and is read by ``read_now``, for all telephones in one go."""

    _fd = -1

    def read_by_hand(self) -> None:
        """Until ``read_by_itself``, or until there is nothing more to read."""
        if not self.transport.is_closing():
            self.transport.pause_reading()
            self._fd = self.transport.get_extra_info("socket").fileno()

    def read_by_itself(self) -> None:
        """As any connection, as soon as something comes."""
        if self._fd >= 0:
            self._fd = -1
            if not self.transport.is_closing():
                self.transport.resume_reading()

    def write(self, message: bytes) -> bool:
        """As any, and past the loop while nothing waits in it: that would turn once more for each message."""
        if self._fd < 0 or self.transport.get_write_buffer_size():
            return super().write(message)
        if self.protocol.state is not State.OPEN or self.transport.is_closing():
            return True
        try:
            sent = os.write(self._fd, message)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.read_by_itself()
            return True
        if sent < len(message):
            self.transport.write(message[sent:])
        return True

    def read_now(self) -> None:
        """What is there. The end of the connection is left to the loop."""
        if self._fd < 0 or self.transport.is_closing():
            return
        try:
            data = os.read(self._fd, MAX_MESSAGE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.data_received(data)
        else:
            self.read_by_itself()


class ClientStream(SoundStream, ClientConnection):
    """A telephone's or tap's side."""
