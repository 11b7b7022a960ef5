"""Every link in our documents leads somewhere: files exist, headings too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.settings import env_example
from tests.architecture import states
from tests.architecture.tree import ROOT, files, name_of

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def documents() -> list[Path]:
    return [path for path in files() if path.suffix == ".md" and "node_modules" not in path.parts]


def anchors(text: str) -> set[str]:
    """The anchors that common renderers make of headings: lower case, blanks to hyphens, other marks dropped."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in HEADING.findall(text)}


@pytest.mark.parametrize("path", documents(), ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    broken = []
    for target in LINK.findall(CODE.sub("", text)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        other = (path.parent / file).resolve() if file else path
        found = other.exists() and other.is_relative_to(ROOT)
        if found and anchor and other.suffix == ".md":
            found = anchor in anchors(other.read_text(encoding="utf-8"))
        if not found:
            broken.append(target)
    assert broken == []


def test_every_decision_is_in_the_list() -> None:
    folder = ROOT / "docs/adr"
    listed = (folder / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in sorted(folder.glob("[0-9]*.md")) if f"({path.name})" not in listed] == []


def test_states_are_those_of_the_code() -> None:
    text = states.DOCUMENT.read_text(encoding="utf-8")
    assert states.replaced(text) == text, "the states changed: run `make gen`"


def test_example_of_the_settings_is_current() -> None:
    assert (ROOT / ".env.example").read_text(encoding="utf-8") == env_example(), "the settings changed: run `make gen`"


def test_anchors() -> None:
    assert anchors("# What's new?\n## `make demo`, twice\n") == {"whats-new", "make-demo-twice"}
