"""The surge of 2015 replayed through the real matching code: 44,762 people in 57 days, and the single days, in seconds of computing.

Run: ``python -m tests.bench.bench_surge [--group 1]``. The target: 57 days in under 60 s.
"""

from __future__ import annotations

import argparse

from scheduler.languages import load_languages
from scheduler.whatif.run import run_plan, shipped_policies
from scheduler.whatif.scenarios import load_scenarios

COLUMNS = (
    "| scenario | people | sessions | pool | p50 / p90 wait s | within 5 min | given up | used | needed | seconds |"
)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--group", type=float, default=0.0, help="people per session (the scenario's own if 0)")
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    table, policies = load_languages(), shipped_policies()
    print(COLUMNS)
    print("| --- " * 10 + "|")
    for key, scenario in load_scenarios().items():
        if asked.only and key != asked.only:
            continue
        plan = scenario.plan.model_copy(update={"compare": False, "group": asked.group or scenario.plan.group})
        found = run_plan(plan, table, policies)
        waits = found.all
        print(
            f"| {key} | {sum(plan.persons)} | {found.requests} | {plan.pool.interpreters} | {waits.p50} / {waits.p90} "
            f"| {waits.within_five:.1%} | {waits.given_up} | {found.utilisation:.0%} | {found.people_needed} | {found.seconds:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
