"""Invented instances in the file format of Curtois and Qu, of any size: what they share with the public ones is the family, not the data.

Contracts, runs, weekends, days off and blocks of requests follow the ranges that are usual there; cover weights vary more.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

_CLASSES = ("early", "day", "late", "night")
_MONTH = 28


@dataclass(frozen=True)
class Size:
    """What is varied. ``tight``: wanted shifts as a share of what the contracts allow at most."""

    people: int
    weeks: int
    kinds: int
    tight: float = 0.95
    under: tuple[int, ...] = (100,)
    over: tuple[int, ...] = (1,)
    days_off: float = 2.0
    """Fixed days off of a person in four weeks, on average."""
    requests: float = 5.0
    """Requests of a person in four weeks, on average, both ways together."""
    lengths: tuple[int, ...] = (480,)

    @property
    def name(self) -> str:
        """In a few words."""
        return f"{self.people} people x {self.weeks} weeks x {self.kinds} shifts"


def made(size: Size, seed: int) -> str:
    """The text of an instance file."""
    dice = random.Random(f"{size}-{seed}")
    kinds = _kinds(size, dice)
    days = 7 * size.weeks
    lines = ["# invented, not public data", "SECTION_HORIZON", str(days), "", "SECTION_SHIFTS"]
    lines += [
        f"{name},{minutes},{'|'.join(other for other, _, before in kinds if before < rank)}"
        for name, minutes, rank in kinds
    ]
    staff = [_contract(f"P{number}", size, kinds, dice) for number in range(size.people)]
    lines += ["", "SECTION_STAFF", *(line for line, *_ in staff), "", "SECTION_DAYS_OFF"]
    off: dict[int, set[int]] = {}
    for number in range(size.people):
        mine: set[int] = set()
        for _ in range(_times(size.days_off * days / _MONTH, dice)):
            spare = staff[number][3]
            first = dice.choice(spare)
            mine |= {day for day in (first, first + dice.choice([0, 1])) if day in spare}
        off[number] = mine
        if mine:
            lines.append(f"P{number}," + ",".join(map(str, sorted(mine))))
    asked: dict[bool, list[str]] = {True: [], False: []}
    for number, (_, able, *_) in enumerate(staff):
        seen: set[int] = set(off[number])
        for _ in range(_times(size.requests * days / _MONTH / 2.5, dice)):
            on, kind, weight = dice.random() < 0.65, dice.choice(able), dice.randint(1, 3)
            first = dice.randrange(days)
            for day in range(first, min(days, first + dice.choice([1, 2, 3, 4]))):
                if day not in seen:
                    seen.add(day)
                    asked[on].append(f"P{number},{day},{kind},{weight}")
    lines += ["", "SECTION_SHIFT_ON_REQUESTS", *asked[True], "", "SECTION_SHIFT_OFF_REQUESTS", *asked[False]]
    lines += ["", "SECTION_COVER", *_cover(size, kinds, staff, days, dice)]
    return "\n".join(lines) + "\n"


def _kinds(size: Size, dice: random.Random) -> list[tuple[str, int, int]]:
    """(id, minutes, rank): what has a lower rank may not follow on the next day."""
    found = []
    for number in range(size.kinds):
        rank = number * min(size.kinds, len(_CLASSES)) // size.kinds
        found.append((f"{_CLASSES[rank][0]}{number}", dice.choice(size.lengths), rank))
    return found


def _contract(
    name: str, size: Size, kinds: list[tuple[str, int, int]], dice: random.Random
) -> tuple[str, list[str], int, list[int]]:
    """The line of a person, the kinds that the person can work, about how many shifts, and days that can be free."""
    able = [kind for kind, _, _ in kinds if dice.random() < 0.6] or [dice.choice(kinds)[0]]
    months = 7 * size.weeks / _MONTH
    limits = []
    for kind, _, rank in kinds:
        most = 7 * size.weeks if dice.random() < 0.7 else round((4 if rank == 3 else 14) * months)
        limits.append(f"{kind}={most if kind in able else 0}")
    # somebody whose kinds are all limited could not work the least minutes
    limits = [f"{able[0]}={7 * size.weeks}" if part.startswith(f"{able[0]}=") else part for part in limits]
    full = dice.random() < 0.8
    most = round((8640 if full else dice.choice([4320, 5160])) * months)
    least = most - round(dice.choice([480, 960, 1080] if full else [960, 1440]) * max(1.0, months / 2))
    runs = (dice.choice([5, 5, 6]), dice.choice([2, 2, 3]) if full else 1, dice.choice([2, 2, 3]) if full else 2)
    weekends = max(1, round((2 if full else dice.choice([2, 3])) * months))
    minutes = next(minutes for kind, minutes, _ in kinds if kind == able[0])
    worked = _row(7 * size.weeks, runs, weekends, most // minutes, dice)
    least = min(least, len(worked) * minutes)
    line = f"{name},{'|'.join(limits)},{most},{least},{runs[0]},{runs[1]},{runs[2]},{weekends}"
    return line, able, most // 480, sorted(set(range(7 * size.weeks)) - worked)


def _row(days: int, runs: tuple[int, int, int], weekends: int, most: int, dice: random.Random) -> set[int]:
    """Days that somebody could work by these limits: so that each person has a row."""
    longest, shortest, free = runs
    worked: set[int] = set()
    day = dice.randrange(free + 1)
    while day < days:
        for length in range(longest, shortest - 1, -1):
            run = worked | set(range(day, day + length))
            if day + length <= days and len({d // 7 for d in run if d % 7 >= 5}) <= weekends and len(run) <= most:
                worked = run
                day += length + free
                break
        else:
            day += 1
    return worked


def _cover(
    size: Size,
    kinds: list[tuple[str, int, int]],
    staff: list[tuple[str, list[str], int, list[int]]],
    days: int,
    dice: random.Random,
) -> list[str]:
    weight = {kind: sum(shifts / len(able) for _, able, shifts, _ in staff if kind in able) for kind, _, _ in kinds}
    lines = []
    for day in range(days):
        for kind, _, _ in kinds:
            mean = size.tight * weight[kind] / days * (0.75 if day % 7 >= 5 else 1.1)
            wanted = max(0, int(mean + dice.random() + dice.choice([-0.3, 0, 0, 0.3])))
            lines.append(f"{day},{kind},{wanted},{dice.choice(size.under)},{dice.choice(size.over)}")
    return lines


def _times(mean: float, dice: random.Random) -> int:
    """A whole number around a mean."""
    return int(mean * dice.uniform(0.4, 1.6) + dice.random())
