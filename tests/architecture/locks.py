"""The lock files: writes them (``make lock``) and knows how to tell whether they still belong to pyproject.toml.

``requirements.lock`` is what the product needs to run and to build its web client; ``requirements-dev.lock`` adds the tools, and
``requirements-sip.lock`` the SIP stack, for images that hold a trunk. All list every package with the hashes of its files, for all
supported Python versions, and name no package index.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCKS: dict[str, tuple[str, ...]] = {
    "requirements.lock": ("web", "build"),
    "requirements-dev.lock": ("web", "build", "dev"),
    "requirements-sip.lock": ("web", "build", "sip"),
}
"""Lock file -> the extras of pyproject.toml that it covers. The first one constrains the second."""


def dependency_digest(pyproject: str) -> str:
    """SHA-256 over those tables of ``pyproject`` (its text) that decide what gets installed."""
    data = tomllib.loads(pyproject)
    project = data["project"]
    tables = {
        "requires-python": project["requires-python"],
        "dependencies": sorted(project["dependencies"]),
        "optional-dependencies": {k: sorted(v) for k, v in project["optional-dependencies"].items()},
        "build-system": sorted(data["build-system"]["requires"]),
    }
    return hashlib.sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()


def header(digest: str) -> str:
    """The first lines of a lock file."""
    return (
        "# Written by `make lock` from pyproject.toml. Do not edit.\n"
        "# Each package is pinned, and pip refuses a file whose hash is not listed here.\n"
        f"# Dependency tables of pyproject.toml: sha256:{digest}\n"
    )


def compile_lock(name: str, extras: tuple[str, ...], *, upgrade: bool) -> None:
    """Resolve and write one lock file. Keeps the versions it has where pyproject.toml allows, unless ``upgrade``."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--quiet", "--output-file", name]
    command += ["--universal", "--python-version", "3.11", "--fork-strategy", "fewest", "--generate-hashes"]
    command += ["--no-annotate", "--no-header", "--no-emit-index-url", "--no-emit-find-links"]
    for extra in extras:
        command += ["--extra", extra]
    if name != next(iter(LOCKS)):
        command += ["--constraint", next(iter(LOCKS))]
    if upgrade:
        command.append("--upgrade")
    subprocess.run(command, cwd=ROOT, check=True, timeout=300, stdout=subprocess.DEVNULL)
    path = ROOT / name
    body = path.read_text(encoding="utf-8")
    digest = dependency_digest((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    path.write_text(header(digest) + body, encoding="utf-8")


def main() -> None:
    """Write both lock files."""
    parser = argparse.ArgumentParser(prog="python -m tests.architecture.locks", description=main.__doc__)
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that pyproject.toml allows")
    upgrade: bool = parser.parse_args().upgrade
    for name, extras in LOCKS.items():
        compile_lock(name, extras, upgrade=upgrade)
        print(f"{name} written")


if __name__ == "__main__":
    main()
