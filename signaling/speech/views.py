"""What people see of a draft: rows of original and rendition on one time line. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

INTERPRETER = "interpreter"


@dataclass(frozen=True)
class Line:
    """One utterance."""

    id: str
    place_id: str
    part: str
    code: str | None
    language: str
    """ISO 639-3."""
    from_at: datetime
    to_at: datetime
    text: str | None
    """As the machine wrote it; none when something is missing."""
    corrected: str | None
    corrected_part: str | None
    missing: str | None
    shared: bool = False
    """Of the officer's microphone while somebody sat beside them: of whom it is, only the language tells."""
    row: int = 0
    """Lines of one row belong together: what was said, and how it was rendered."""

    @property
    def is_rendition(self) -> bool:
        """An interpreter's; everything else is an original."""
        return self.part == INTERPRETER


def in_rows(lines: Sequence[Line]) -> list[Line]:
    """The lines in order of time with the numbers of their rows.

    A new row begins when somebody speaks after a rendition, or somebody else speaks (into a shared microphone: in the other
    language). An interpreter's lines belong to the row that
    runs; two interpreters of a relay are in one row.
    """
    ordered = sorted(lines, key=lambda line: (line.from_at, line.id))
    row, speaker, rendered = 0, "", False
    found = []
    for line in ordered:
        if line.is_rendition:
            row = max(row, 1)
            rendered = True
            found.append(replace(line, row=row))
            continue
        who = line.place_id + (line.language if line.shared else "")
        if rendered or who != speaker:
            row, speaker, rendered = row + 1, who, False
        found.append(replace(line, row=row))
    return found
