"""The roster engine on the public shift-scheduling instances of Curtois and Qu, against plain CP-SAT in the same run.

The files are cited data and no part of the project: they are read from a folder that ``TARJUMAN_NRP`` or ``--data`` names, and
without it nothing is measured. Every answer is re-scored by the independent checker. ``--instances``, ``--seconds``.
"""

from __future__ import annotations

from pathlib import Path

from scheduler.rosters.problem import Bar, Cover, Person, Problem, ShiftKind, Wish


def parse(text: str) -> Problem:
    """An instance file as a roster problem. Raises ValueError or IndexError if it is none."""
    sections: dict[str, list[list[str]]] = {}
    rows: list[list[str]] = []
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("SECTION_"):
            rows = sections.setdefault(line.removeprefix("SECTION_"), [])
        elif line and not line.startswith("#"):
            rows.append([field.strip() for field in line.split(",")])
    days = int(sections["HORIZON"][0][0])
    kinds = tuple(ShiftKind(row[0], int(row[1])) for row in sections["SHIFTS"])
    forbidden = {
        (row[0], then) for row in sections["SHIFTS"] for then in (row[2].split("|") if len(row) > 2 and row[2] else [])
    }
    bars = {row[0]: tuple(Bar(int(day)) for day in row[1:]) for row in sections.get("DAYS_OFF", [])}
    people = []
    for name, most, longest, least, max_run, min_run, min_free, weekends in sections["STAFF"]:
        max_of = {kind: int(limit) for kind, limit in (part.split("=") for part in most.split("|"))}
        able = frozenset(kind.id for kind in kinds if max_of.get(kind.id, days) > 0)
        limits = {kind: limit for kind, limit in max_of.items() if 0 < limit < days}
        people.append(Person(
            name, able, int(longest), int(least), int(max_run), int(min_run), int(min_free), int(weekends),
            max_of=limits, bars=bars.get(name, ()),
        ))  # fmt: skip
    wishes = [
        Wish(row[0], int(row[1]), row[2], float(row[3]), on)
        for section, on in (("SHIFT_ON_REQUESTS", True), ("SHIFT_OFF_REQUESTS", False))
        for row in sections.get(section, [])
    ]
    covers = tuple(
        Cover(f"{row[0]} {row[1]}", ((int(row[0]), row[1]),), int(row[2]), float(row[3]), float(row[4]), day=int(row[0]))
        for row in sections["COVER"]
    )
    return Problem(days, kinds, tuple(people), covers, tuple(wishes), frozenset(forbidden))


def load(folder: Path, number: int) -> Problem:
    """One instance by its number. Raises OSError if the file is missing."""
    return parse((folder / f"Instance{number}.txt").read_text(encoding="utf-8"))
