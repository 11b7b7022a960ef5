"""The roster engine on invented instances of the Curtois and Qu family, of many sizes, against plain CP-SAT with the same time.

Nothing here is known beforehand: an answer is held against what CP-SAT finds in the same time, and against our own proven bound.
Every answer is re-scored by the independent checker. ``--seconds``, ``--only``, ``--seed``, ``--no-plain``, ``--long``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from scheduler.rosters import checker
from scheduler.rosters.engine.runner import solve
from tests.bench.bench_nrp import load, plain_apart
from tests.bench.figures import Figure
from tests.bench.nrp_instances import Size, made

ODD = {"under": (20, 50, 100, 300), "over": (0, 1, 5, 20), "lengths": (360, 480, 600)}
SIZES = (
    Size(8, 2, 1),
    Size(16, 4, 2),
    Size(20, 4, 3, tight=1.1),
    Size(36, 4, 4, requests=12),
    Size(50, 4, 6, days_off=5),
    Size(32, 6, 4, **ODD),  # type: ignore[arg-type]
    Size(20, 8, 3),
    Size(120, 4, 18),
    Size(22, 12, 3, tight=0.8),
)
"""Up to a quarter; those of ``make bench``, with short limits."""
LONG = (Size(50, 26, 6), Size(100, 26, 8), Size(50, 52, 10), Size(150, 52, 32))
"""Half a year and a year."""
SECONDS = 8.0


def measure(size: Size, seed: int, seconds: float, *, plain: bool) -> list[Figure]:
    """One instance: cost beside CP-SAT's, and above our own bound."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, f"Instance{seed}.txt").write_text(made(size, seed), encoding="utf-8")
        problem = load(Path(folder), seed)
        began = time.perf_counter()
        result = solve(problem, seconds=seconds)
        spent = time.perf_counter() - began
        value = float("inf")
        if result.roster is not None and not checker.breaches(problem, result.roster):
            value = checker.score(problem, result.roster).total
        other = plain_apart(Path(folder), seed, seconds) if plain else float("nan")
    note = f"{value:.0f}, own bound {result.bound:.0f}, {spent:.0f} s; plain CP-SAT {other:.0f}"
    found = [
        Figure(f"{size.name}, seed {seed}: cost / CP-SAT's", _share(value, other), "times", limit=1.0 if plain else None, note=note),
        Figure(f"{size.name}, seed {seed}: above own bound", 100 * (value / result.bound - 1) if result.bound > 0 else float("nan"), "%"),
        Figure(f"{size.name}, seed {seed}: rosters refused by the checker", result.refused, "", limit=0),
    ]  # fmt: skip
    print(f"  {found[0].name}: {found[0].value:.3f} ({note}) {found[0].verdict}", flush=True)
    return found


def _share(ours: float, other: float) -> float:
    """Ours as a share of the other; nothing found by both is no victory."""
    if ours == float("inf"):
        return float("inf")
    return 0.0 if other == float("inf") else ours / other if other else 1.0


def run() -> list[Figure]:
    """For ``make bench``."""
    return [figure for size in SIZES for figure in measure(size, 1, SECONDS, plain=True)]


def main() -> int:
    """Print the table; 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, nargs="*", help="places in the list of sizes, from 0")
    parser.add_argument("--no-plain", action="store_true", help="without the CP-SAT baseline")
    parser.add_argument("--long", action="store_true", help="half a year and a year instead")
    options = parser.parse_args()
    sizes = LONG if options.long else SIZES
    chosen = sizes if options.only is None else [sizes[at] for at in options.only]
    figures = [
        figure for size in chosen for figure in measure(size, options.seed, options.seconds, plain=not options.no_plain)
    ]
    return 0 if all(figure.kept for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
