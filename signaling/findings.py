"""What the doctor says: one sentence about the installation and how grave it is. Shapes only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How grave a finding is."""

    OK = "ok"
    NOTE = "note"
    """Works, but somebody should know."""
    BAD = "bad"


@dataclass(frozen=True)
class Finding:
    """One sentence about the installation."""

    topic: str
    grade: Grade
    sentence: str
