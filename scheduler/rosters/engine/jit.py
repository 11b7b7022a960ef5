"""The compiler for the engine's inner loops: numba, typed, with its cache in a place that can be written.

Only engine children import this: numba takes a second to load, and the server must not carry it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

if "NUMBA_CACHE_DIR" not in os.environ and not os.access(Path(__file__).parent, os.W_OK):
    os.environ["NUMBA_CACHE_DIR"] = str(Path(tempfile.gettempdir()) / f"tarjuman-roster-engine-{os.getuid()}")

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile a function of arrays and numbers to machine code at its first call; later processes take it from the cache."""
    return cast(F, numba.njit(cache=True)(function))
