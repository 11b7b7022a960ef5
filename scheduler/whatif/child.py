"""The worker process of a what-if: a plan as JSON on stdin, lines of JSON on stdout (``progress``, then ``found``), then the end.

A process of its own, so that minutes of computing never stand in the way of the server and can be ended at any moment.
"""

from __future__ import annotations

import json
import os
import sys
import time

from scheduler.languages import load_languages
from scheduler.whatif.plan import plan_from
from scheduler.whatif.run import run_plan, shipped_policies

_TELL_EVERY_S = 0.25
_NICER = 10


def main() -> None:
    """Run the plan on stdin."""
    os.nice(_NICER)
    plan = plan_from(json.loads(sys.stdin.read()))
    told_at = 0.0

    def progress(share: float) -> None:
        nonlocal told_at
        now = time.monotonic()
        if now - told_at >= _TELL_EVERY_S:
            told_at = now
            _say({"progress": round(share, 4)})

    found = run_plan(plan, load_languages(), shipped_policies(), progress)
    _say({"found": found.model_dump(mode="json")})


def _say(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
