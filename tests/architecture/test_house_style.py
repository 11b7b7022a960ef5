"""Rules of the house that no linter knows: size of files, words of the core, one clock, and how a module opens."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.tree import PACKAGES, ROOT, files, name_of, sources

CEILING = 400
CEILING_OF_TESTS = 700
"""Contract suites list what is promised, and are read from top to bottom."""
MIGRATIONS = "core/migrations/"
GENERATED = re.compile(r"\.gen\.ts$")
DOMAIN_NOUNS = {
    *("applicant", "assignment", "booking", "coordinator", "guardian", "interpreter", "interview", "interviewer"),
    *("lawyer", "leg", "offer", "officer", "participant", "peer", "procedure", "roster", "shift", "track"),
}
TOP_LEVEL = {
    *("core", "records", "scheduler", "media", "signaling", "web_client", "tests", "docs"),
    *(
        "pyproject.toml",
        "requirements.lock",
        "requirements-dev.lock",
        "requirements-sip.lock",
        "Makefile",
        "Dockerfile",
        "docker-compose.yml",
    ),
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", ".gitignore", ".dockerignore", ".env.example", ".ci"),
}


def python_modules() -> list[Path]:
    return [path for path in sources(".py", below=PACKAGES) if not name_of(path).startswith(MIGRATIONS)]


def words(identifier: str) -> set[str]:
    """The words of an identifier in either style, singular."""
    parts = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", identifier)
    return {part.lower().removesuffix("s") for part in parts}


def identifiers(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
    return found


def test_top_level_is_what_was_agreed() -> None:
    assert {name_of(path).split("/")[0] for path in files()} <= TOP_LEVEL


def test_no_file_is_longer_than_the_ceiling() -> None:
    product = [*python_modules(), *sources(".ts", ".svelte", below=("web_client",))]
    ceilings = dict.fromkeys(sources(".py", below=("tests",)), CEILING_OF_TESTS) | dict.fromkeys(product, CEILING)
    too_long = {}
    for path, ceiling in ceilings.items():
        size = len(path.read_text(encoding="utf-8").splitlines())
        if size > ceiling and not GENERATED.search(path.name):
            too_long[name_of(path)] = size
    assert too_long == {}


@pytest.mark.parametrize("path", python_modules(), ids=name_of)
def test_module_opens_with_what_it_is_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if text.strip():
        assert ast.get_docstring(ast.parse(text)), "a module opens with one or two sentences"


def test_core_knows_nothing_of_interpretation() -> None:
    """``access.py`` names the roles; nothing else in core may know a noun of the domain."""
    found = {}
    for path in python_modules():
        if path.parent.is_relative_to(ROOT / "core") and name_of(path) != "core/access.py":
            tree = ast.parse(path.read_text(encoding="utf-8"))
            names = {name for name in identifiers(tree) | {path.stem} if words(name) & DOMAIN_NOUNS}
            if names:
                found[name_of(path)] = names
    assert found == {}


def test_time_comes_from_the_clock() -> None:
    """Instants come from ``core.clock``. ``time.time`` remains for what demands the machine's own clock: RTP, other libraries."""
    found = []
    for path in python_modules():
        if name_of(path) == "core/clock.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = ast.unparse(node.func.value)
                if node.func.attr in {"now", "utcnow", "today"} and owner.split(".")[-1] in {"datetime", "date"}:
                    found.append(f"{name_of(path)}:{node.lineno}")
    assert found == []


def test_words_are_taken_apart() -> None:
    assert words("case_offers") == {"case", "offer"}
    assert words("HTTPPeerError") == {"http", "peer", "error"}
