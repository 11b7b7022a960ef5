"""What people see of a draft: rows of original and rendition on one time line, and the text that goes into a record. Pure."""

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
    row: int = 0
    """Lines of one row belong together: what was said, and how it was rendered."""

    @property
    def is_rendition(self) -> bool:
        """An interpreter's; everything else is an original."""
        return self.part == INTERPRETER


def in_rows(lines: Sequence[Line]) -> list[Line]:
    """The lines in order of time with the numbers of their rows.

    A new row begins when somebody speaks after a rendition, or somebody else speaks. An interpreter's lines belong to the row that
    runs; two interpreters of a relay are in one row.
    """
    ordered = sorted(lines, key=lambda line: (line.from_at, line.id))
    row, speaker, rendered = 0, "", False
    found = []
    for line in ordered:
        if line.is_rendition:
            row = max(row, 1)
            rendered = True
        elif rendered or line.place_id != speaker:
            row, speaker, rendered = row + 1, line.place_id, False
        found.append(replace(line, row=row))
    return found


def as_text(
    lines: Sequence[Line], *, heading: Sequence[str], draft_label: str, missing_label: str, names: dict[str, str]
) -> str:
    """Plain text for a record: heading, then each line with time (UTC), speaker, language; a corrected line shows the draft below it.

    ``names``: labels of parts. Nothing is left out: a place where something is missing says so.
    """
    out = [*heading, ""]
    row = 0
    for line in in_rows(lines):
        if line.row != row:
            row = line.row
            out.append("")
        who = names.get(line.part, line.part) + (f" {line.code}" if line.code else "")
        head = f"{line.from_at:%H:%M:%S} {who} [{line.language}]"
        if line.text is None and line.corrected is None:
            out.append(f"{head} ({missing_label})")
            continue
        out.append(f"{head} {line.corrected if line.corrected is not None else line.text}")
        if line.corrected is not None:
            out.append(f"    {draft_label}: {line.text or missing_label}")
    return "\n".join(out) + "\n"
