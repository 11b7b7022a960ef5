"""``make bench`` and ``make soak``: runs every benchmark, prints its figures and fails if a limit is missed.

A benchmark is a module ``tests/bench/bench_<what>.py`` (a long run: ``soak_<what>.py``) with a docstring and a function ``run()``,
plain or async, that returns figures; or a program that prints its own table and ends with 1 when it misses a target. Each runs in
a process of its own, so that none measures the leavings of another.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import inspect
import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.clock import SystemClock
from tests.bench.figures import Better, Figure

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "build/bench"
DOCUMENT = ROOT / "docs/performance.md"
BEGIN, END = "<!-- figures: written by make bench -->", "<!-- end of figures -->"
TIME_LIMIT = {"bench": 300, "soak": 4 * 3600}
"""Seconds that one benchmark may take."""


def modules(kind: str) -> list[str]:
    """Names of the benchmarks of a kind (``bench`` or ``soak``), without the prefix."""
    return sorted(path.stem.removeprefix(f"{kind}_") for path in Path(__file__).parent.glob(f"{kind}_*.py"))


def measure(kind: str, name: str) -> list[Figure]:
    """Run one benchmark in this process."""
    module = importlib.import_module(f"tests.bench.{kind}_{name}")
    if not hasattr(module, "run"):
        code = subprocess.run(
            [sys.executable, "-m", module.__name__], cwd=ROOT, timeout=TIME_LIMIT[kind], check=False
        ).returncode
        return [Figure("targets missed", float(code != 0), "", limit=0, note="see its own table")]
    result: Any = module.run()
    figures: Iterable[Figure] = asyncio.run(result) if inspect.iscoroutine(result) else result
    return list(figures)


def measure_apart(kind: str, name: str) -> list[Figure]:
    """Run one benchmark in a process of its own. One that breaks or takes too long is a missed figure."""
    path = RESULTS / f"{kind}_{name}.json"
    path.unlink(missing_ok=True)
    command = [sys.executable, "-m", "tests.bench", "--kind", kind, "--one", name, "--into", str(path)]
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    try:
        code = process.wait(TIME_LIMIT[kind])
    except subprocess.TimeoutExpired:
        code = -1
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if code != 0 or not path.exists():
        return [Figure(f"{name}: ended with {code}", 1, "failures", limit=0)]
    return [Figure(**{**row, "better": Better(row["better"])}) for row in json.loads(path.read_text(encoding="utf-8"))]


def ahead() -> None:
    """Puts this session and its children ahead of other work where the system allows it, so that neighbours disturb less.

    Linux shares a core between sessions first (autogroups): niceness alone would count only among our own processes."""
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text("-15", encoding="ascii")
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -15)


def machine() -> str:
    """Where and how busy: one line."""
    load = os.getloadavg()[0]
    when = SystemClock().now().strftime("%Y-%m-%d %H:%M UTC")
    return f"{when}; {os.cpu_count()} cores, load {load:.1f} at the start; Python {platform.python_version()}, {platform.machine()}"


def table(figures: list[Figure]) -> str:
    """Figures as a Markdown table."""
    lines = ["| figure | value | limit | how |", "|---|---|---|---|"]
    lines += [f"| {f.name} | {f.value:.4g} {f.unit} | {f.verdict} | {f.note} |" for f in figures]
    return "\n".join(lines)


def section(kind: str, name: str, where: str, figures: list[Figure]) -> str:
    """One benchmark as it stands in the document: when, where, by which command."""
    soak = " --soak" if kind == "soak" else ""
    return f"### {name}\n\n{where}; `python -m tests.bench{soak} --only {name}`\n\n{table(figures)}"


def renewed(document: str, sections: dict[str, str]) -> str:
    """The document with these sections in place of the older ones of the same names; the others stay."""
    before, _, rest = document.partition(BEGIN)
    middle, _, after = rest.partition(END)
    parts = [part.strip() for part in middle.split("### ")[1:]]
    kept = {part.split("\n", 1)[0].strip(): f"### {part}" for part in parts}
    text = "\n\n".join(dict(sorted({**kept, **sections}.items())).values())
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def main() -> int:
    """Run what was asked for; 1 if a limit is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--soak", dest="kind", action="store_const", const="soak", default="bench")
    parser.add_argument("--kind", choices=sorted(TIME_LIMIT), help=argparse.SUPPRESS)
    parser.add_argument("--only", metavar="NAME", help="one benchmark instead of all")
    parser.add_argument("--record", action="store_true", help="write the figures into docs/performance.md")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        if options.kind == "bench":
            ahead()
        options.into.write_text(json.dumps([asdict(f) for f in measure(options.kind, options.one)]), encoding="utf-8")
        return 0
    names = [options.only] if options.only else modules(options.kind)
    RESULTS.mkdir(parents=True, exist_ok=True)
    results: dict[str, list[Figure]] = {}
    sections: dict[str, str] = {}
    for name in names:
        where = machine()
        print(where)
        results[name] = measure_apart(options.kind, name)
        for figure in results[name]:
            print(
                f"  {name:<16} {figure.name:<48} {figure.value:>10.4g} {figure.unit:<10} {figure.verdict}", flush=True
            )
        sections[name] = section(options.kind, name, where, results[name])
    if options.record:
        DOCUMENT.write_text(renewed(DOCUMENT.read_text(encoding="utf-8"), sections), encoding="utf-8")
    missed = [figure for figures in results.values() for figure in figures if not figure.kept]
    print(f"{sum(map(len, results.values()))} figures, {len(missed)} limits missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
