"""The files of the repository, as the architecture tests see them: what git knows and what would be added."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("core", "records", "scheduler", "media", "signaling")


@cache
def files() -> tuple[Path, ...]:
    """All files that are tracked or neither tracked nor ignored, as absolute paths."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=30)
    return tuple(sorted(path for name in set(result.stdout.split("\0")) if name and (path := ROOT / name).is_file()))


def sources(*suffixes: str, below: tuple[str, ...]) -> list[Path]:
    """Files with one of ``suffixes`` in the top-level folders ``below``."""
    return [path for path in files() if path.suffix in suffixes and path.relative_to(ROOT).parts[0] in below]


def name_of(path: Path) -> str:
    """The path within the repository."""
    return path.relative_to(ROOT).as_posix()
