"""What both ends of a line or tap say to each other over its internal WebSocket: sizes, reasons, pieces. No behaviour, no models.

A connection begins with ``Authorization: Bearer <secret>``. Binary messages are sound; text messages are JSON:
``{"hold": bool}`` and ``{"allow": [peer_id, ...]}`` from the client, each answered by the same as ``{"held": bool}`` and
``{"allowed": [...]}``. The reason of the closing frame tells why it ended.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

FRAME = 160
"""Bytes of G.711 in one frame of 20 ms."""
FRAME_S = 0.02
BEAT = 2
"""Frames that are made at each waking of the sound process, and that a telephone's Opus packets hold."""
TAP_RATE = 16_000
"""Samples per second of what taps give: mono, 16 bits, little endian."""
SECRET_S = 30.0
"""Seconds for which a ticket is good."""
_STAMP = struct.Struct("!dB")


class LineEnd(StrEnum):
    """Why a line or tap ended, besides the reasons that ``MediaClient.close`` was given."""

    HUNG_UP = "hung_up"
    """This end closed it."""
    REPLACED = "replaced"
    """The participant came in by another connection."""
    ROOM_CLOSED = "room_closed"
    SOUND_LOST = "sound_lost"
    """The sound process ended or the connection to it broke; a new ticket may be asked for at once."""


@dataclass(frozen=True)
class Piece:
    """A stretch of one speaker's sound."""

    peer_id: str
    at: datetime
    """When its first sample was played out here (some 60 to 200 ms after it was spoken)."""
    pcm: bytes
    """16 kHz, mono, signed 16 bits little endian; a multiple of 20 ms."""

    def encode(self) -> bytes:
        """As one binary message."""
        name = self.peer_id.encode()
        return _STAMP.pack(self.at.timestamp(), len(name)) + name + self.pcm

    @classmethod
    def decode(cls, data: bytes) -> Piece:
        """The other way; raises ``ValueError`` or ``struct.error`` when it is none."""
        at, size = _STAMP.unpack_from(data)
        begin = _STAMP.size + size
        return cls(data[_STAMP.size : begin].decode(), datetime.fromtimestamp(at, UTC), data[begin:])
