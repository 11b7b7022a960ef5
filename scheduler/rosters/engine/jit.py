"""The compiler for the engine's inner loops: numba, typed, with its cache in a folder that can be written, one for each version.

Only engine children import this: numba takes a second to load, and the server must not carry it.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar, cast

_HERE = Path(__file__).parent
_SET = "NUMBA_CACHE_DIR"


def cache_folder(environment: Mapping[str, str]) -> Path | None:
    """Where machine code is kept: beside the program, else in the user's cache, else in the temporary folder; None: nowhere.

    A folder is taken only if it is ours alone: what lies in it is run. Its name tells the version of program, numba and
    Python, so that two versions on one machine never read each other's code.
    """
    key = hashlib.sha256((_HERE / "kernel.py").read_bytes())
    key.update(f"{version('numba')} {sys.implementation.cache_tag}".encode())
    name = f"roster-engine-{key.hexdigest()[:16]}"
    home = environment.get("HOME")
    cache = environment.get("XDG_CACHE_HOME") or (f"{home}/.cache" if home else None)
    places = [_HERE / "__pycache__", *([Path(cache) / "tarjuman"] if cache else [])]
    places.append(Path(tempfile.gettempdir()) / f"tarjuman-{os.getuid()}")
    return next((folder for place in places if (folder := _own(place / name)) is not None), None)


def _own(folder: Path) -> Path | None:
    """The folder, made if need be, if we can write there and nobody else can."""
    with suppress(OSError):
        for each in (folder.parent, folder):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = folder.lstat()
        above = folder.parent.stat()
        if not stat.S_ISDIR(state.st_mode) or {state.st_uid, above.st_uid} != {os.getuid()}:
            return None
        if (state.st_mode | above.st_mode) & stat.S_IWOTH:
            return None
        with tempfile.TemporaryFile(dir=folder):
            return folder
    return None


_given = os.environ.pop(_SET, None)
_folder = _own(Path(_given)) if _given else None
_folder = _folder or cache_folder(os.environ)
if _folder is not None:
    os.environ[_SET] = str(_folder)

import numba  # noqa: E402 - it reads the setting when it is loaded

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile a function of arrays and numbers to machine code at its first call; later processes take it from the cache."""
    return cast(F, numba.njit(cache=_folder is not None)(function))
