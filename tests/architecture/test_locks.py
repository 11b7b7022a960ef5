"""The lock files belong to pyproject.toml, pin everything by hash and name no machine and no index."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.architecture.locks import LOCKS, ROOT, dependency_digest

PIN = re.compile(r"^([a-z0-9-]+)==(\S+)( ; [^\\]+?)?(?: \\)?$", re.MULTILINE)
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def pins(name: str) -> dict[str, str]:
    """Package -> version and marker; several of them joined."""
    found: dict[str, str] = {}
    for package, version, marker in PIN.findall((ROOT / name).read_text(encoding="utf-8")):
        found[package] = found.get(package, "") + version + marker
    return found


def wanted(name: str) -> set[str]:
    project = tomllib.loads(PYPROJECT)["project"]
    requirements = [*project["dependencies"]]
    for extra in LOCKS[name]:
        requirements += project["optional-dependencies"][extra]
    return {re.split(r"[^A-Za-z0-9._-]", line)[0].lower().replace("_", "-") for line in requirements}


@pytest.mark.parametrize("name", LOCKS)
def test_in_step_with_pyproject(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert f"sha256:{dependency_digest(PYPROJECT)}\n" in text, "pyproject.toml changed: run `make lock`"
    assert wanted(name) <= set(pins(name))


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_is_pinned_by_hash(name: str) -> None:
    blocks = re.split(r"\n(?=\S)", (ROOT / name).read_text(encoding="utf-8"))
    packages = [block for block in blocks if not block.startswith("#")]
    assert packages
    assert [block.splitlines()[0] for block in packages if not re.search(r"--hash=sha256:[0-9a-f]{64}", block)] == []
    assert [block.splitlines()[0] for block in packages if not PIN.match(block)] == []


@pytest.mark.parametrize("name", LOCKS)
def test_no_machine_and_no_index(name: str) -> None:
    assert not re.search(r"://|--index|--find-links|file:| @ |/home/|/tmp/", (ROOT / name).read_text(encoding="utf-8"))


def test_tools_come_on_top_of_the_same_product() -> None:
    product, tools, sip = (pins(name) for name in LOCKS)
    assert {package: tools.get(package) for package in product} == product
    assert {package for package in sip if package not in product} == {"baresip-python"}
    assert {package: sip.get(package) for package in product} == product


def test_digest_sees_a_changed_dependency() -> None:
    changed = re.sub(r'"fastapi[^"]*"', '"fastapi>=1"', PYPROJECT)
    assert changed != PYPROJECT
    assert dependency_digest(changed) != dependency_digest(PYPROJECT)
    assert dependency_digest("# a comment\n" + PYPROJECT) == dependency_digest(PYPROJECT)
