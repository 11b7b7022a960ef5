"""The published language of lines in one place, for who uses ``media.lines.client``. Nothing of its own."""

from __future__ import annotations

from media.lines.words import FRAME, FRAME_S, SECRET_S, TAP_RATE, LineEnd, Piece
from media.protocol import Codec, LineTicket

__all__ = ["FRAME", "FRAME_S", "SECRET_S", "TAP_RATE", "Codec", "LineEnd", "LineTicket", "Piece"]
