"""The surge of 2015 replayed through the real matching code: 44,762 people in 57 days, and the single days, in seconds of computing.

Within ``make bench`` it reports the seconds of each scenario; the 57 days must stay under 60 s. As a program,
``python -m tests.bench.bench_surge [--group 1]``, it also tells what the plan found.
"""

from __future__ import annotations

import argparse

from scheduler.languages import load_languages
from scheduler.whatif.run import run_plan, shipped_policies
from scheduler.whatif.scenarios import load_scenarios
from tests.bench.figures import Figure

LONGEST, LIMIT_S = 57, 60.0
"""Days of the longest scenario, and the seconds that it may take."""

COLUMNS = (
    "| scenario | people | sessions | pool | p50 / p90 wait s | within 5 min | given up | used | needed | seconds |"
)


def run() -> list[Figure]:
    """Each ready scenario as it is shipped, one after the other."""
    table, policies = load_languages(), shipped_policies()
    figures = []
    for key, scenario in load_scenarios().items():
        found = run_plan(scenario.plan.model_copy(update={"compare": False}), table, policies)
        note = (
            f"{sum(scenario.plan.persons)} people, {found.requests} sessions, pool of {scenario.plan.pool.interpreters}; "
            f"wait p50 {found.all.p50} s, p90 {found.all.p90} s, {found.all.within_five:.1%} within 5 min"
        )
        limit = LIMIT_S if len(scenario.plan.persons) >= LONGEST else None
        figures.append(Figure(f"{key}, {len(scenario.plan.persons)} days", found.seconds, "s", limit=limit, note=note))
    return figures


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
