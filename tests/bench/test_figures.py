"""The arithmetic of benchmarks."""

from __future__ import annotations

import math

import pytest

from tests.bench.__main__ import BEGIN, END, renewed, section, table
from tests.bench.figures import Better, Figure, percentile


@pytest.mark.parametrize(("percent", "value"), [(50, 5), (90, 9), (95, 10), (99, 10), (100, 10), (1, 1)])
def test_percentile_is_the_nearest_rank(percent: float, value: float) -> None:
    assert percentile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], percent) == value


def test_no_values_no_percentile() -> None:
    assert math.isnan(percentile([], 50))


def test_limits() -> None:
    assert Figure("delay", 1.0, "ms", limit=1.0).kept
    assert not Figure("delay", 1.01, "ms", limit=1.0).kept
    assert not Figure("ratio", 24.9, "times", Better.HIGHER, limit=25).kept
    assert not Figure("delay", math.nan, "ms", limit=1.0).kept
    assert Figure("delay", 99.0, "ms").kept


def test_table_says_what_was_missed() -> None:
    text = table([Figure("p99", 12.5, "ms", limit=10, note="10,000 interpreters")])
    assert "| p99 | 12.5 ms | <= 10 MISSED | 10,000 interpreters |" in text


def test_recording_one_benchmark_keeps_the_others() -> None:
    empty = f"before\n{BEGIN}\n\nNothing yet.\n\n{END}\nafter\n"
    rank = section("bench", "rank", "a quiet day", [Figure("p99", 5.0, "ms")])
    job = section("bench", "job", "a busy day", [Figure("p95", 0.2, "s")])
    both = renewed(renewed(empty, {"rank": rank}), {"job": job})
    assert both == f"before\n{BEGIN}\n\n{job}\n\n{rank}\n\n{END}\nafter\n"
    newer = section("bench", "rank", "another day", [Figure("p99", 4.0, "ms")])
    assert renewed(both, {"rank": newer}).count("### ") == 2
    assert "a quiet day" not in renewed(both, {"rank": newer})
