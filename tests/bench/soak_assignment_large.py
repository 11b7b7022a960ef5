"""Who takes which appointment, the two large sizes: 5,000 x 800 in 60 s and 10,000 x 2,000 in 120 s, against the same others.

Beyond the time of ``make bench``, hence among the long runs.
"""

from __future__ import annotations

from tests.bench.bench_assignment import measure
from tests.bench.figures import Figure


def run() -> list[Figure]:
    """Both sizes; the others have as long as the engine."""
    return [
        *measure(5_000, 800, 1, 0.55, seconds=60.0, others=60.0),
        *measure(10_000, 2_000, 1, 0.55, seconds=120.0, others=120.0),
    ]
