"""What telephones speak, by name. Apart from the rest of the published language, so that the sound process starts without it."""

from __future__ import annotations

from enum import StrEnum


class Codec(StrEnum):
    """G.711 as telephones speak it (8 kHz, one byte a sample)."""

    PCMU = "pcmu"
    PCMA = "pcma"
