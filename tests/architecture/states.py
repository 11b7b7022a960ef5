"""The state tables of the code, written as the tables of docs/architecture.md (``make gen`` writes them there)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from records.lifecycle import CASE, SESSION, STEP, MoveTable
from scheduler.lifecycle import ASSIGNMENT, BOOKING, OFFER
from tests.architecture.tree import ROOT

DOCUMENT = ROOT / "docs/architecture.md"
BEGIN, END = "<!-- states: written by make gen -->", "<!-- end of states -->"
TABLES: tuple[MoveTable[Any, Any], ...] = (CASE, STEP, SESSION, BOOKING, OFFER, ASSIGNMENT)


def written() -> str:
    """The section of the document, with its two marks."""
    parts = [BEGIN]
    for table in TABLES:
        parts += [
            "",
            f"**{table.subject.capitalize()}** begins as `{table.start.value}`.",
            "",
            "| from | move | to |",
            "|---|---|---|",
        ]
        parts += [f"| {', '.join(sorted(sources))} | {move} | {target} |" for move, target, sources in _moves(table)]
        finals = sorted(state.value for state in type(table.start) if table.is_final(state))
        if finals:
            parts += ["", f"Final: {', '.join(finals)}."]
    return "\n".join([*parts, "", END])


def _moves(table: MoveTable[Any, Any]) -> Iterator[tuple[str, str, list[str]]]:
    """Move, state after it, states before it; in the order of the states."""
    found: dict[tuple[str, str], list[str]] = {}
    states: type[StrEnum] = type(table.start)
    for state in states:
        for move in sorted(table.moves_from(state)):
            found.setdefault((move.value, table.advance(state, move).value), []).append(state.value)
    for (move, target), sources in found.items():
        yield move, target, sources


def replaced(document: str) -> str:
    """``document`` with the section as the code has it; raises ``ValueError`` if the marks are missing."""
    result, count = re.subn(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: written(), document, flags=re.DOTALL)
    if count != 1:
        raise ValueError("docs/architecture.md must have the two marks of the states once")
    return result


if __name__ == "__main__":
    DOCUMENT.write_text(replaced(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
