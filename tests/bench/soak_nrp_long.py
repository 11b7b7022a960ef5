"""The roster engine on the public instances with a target of ten minutes, against plain CP-SAT, which has two.

Beyond the time of ``make bench``, hence among the long runs.
"""

from __future__ import annotations

from tests.bench.bench_nrp import ABSENT, data_folder, measure
from tests.bench.figures import Figure

PLAIN = 120.0


def run() -> list[Figure]:
    """Instances 8, 10 and 12."""
    if not data_folder().is_dir():
        print(ABSENT)
        return []
    return measure(data_folder(), [8, 10, 12], None, PLAIN)
