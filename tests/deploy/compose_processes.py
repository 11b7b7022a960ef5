"""Runs the composition as plain processes: same commands, environment, configuration and health checks, no containers.

Each service gets an address of its own in 127.0.0.0/8 and keeps its ports. What an image of other people does before it runs
its command stands in ``images``. Not shown by this: building images, container networks, volumes, limits and capabilities.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.deploy import images
from tests.deploy.composition import (
    COMPOSE_FILE,
    PLAIN_FILE,
    ROOT,
    Service,
    Translation,
    compose_config,
    services_of,
    start_order,
)

PUBLIC_ADDRESS = "127.0.0.1"
PATIENCE_S, CHECK_S = 180.0, 20.0
"""At least so long a service may take to become well, and one look at it: all of them start at once, beside other tests."""
SITE_NAME = "tarjuman.localhost"


class ServiceError(Exception):
    """A service ended or did not become well in time; the message has the end of its log."""


@dataclass
class Running:
    """A started service."""

    service: Service
    translation: Translation
    process: subprocess.Popen[bytes]
    log: Path


class ComposeProcesses:
    """The whole composition, as a context manager. Files live in a folder of its own under ``/tmp``, removed at the end."""

    def __init__(self, *, network: str = "127.77.0") -> None:
        """``network``: first three parts of the addresses."""
        self.folder = Path(tempfile.mkdtemp(prefix="tarjuman-"))
        self.folder.chmod(0o755)
        self.secrets = make_secrets(self.folder)
        """Folder with one file for each secret."""
        environment = {
            "PUBLIC_ADDRESS": PUBLIC_ADDRESS,
            "SITE_NAME": SITE_NAME,
            "SECRETS_DIR": str(self.secrets),
        }
        self.services = services_of(compose_config([COMPOSE_FILE, PLAIN_FILE], environment))
        self.addresses = {
            name: PUBLIC_ADDRESS if name.startswith("media") else f"{network}.{number}"
            for number, name in enumerate(self.services, start=10)
        }
        self.running: dict[str, Running] = {}

    @property
    def https(self) -> tuple[str, int]:
        """Address and port where Caddy answers for ``SITE_NAME`` with TLS."""
        return self.addresses["caddy"], self.services["caddy"].published[443]

    @property
    def certificate_authority(self) -> Path:
        """Root certificate of Caddy's own authority."""
        return self.folder / "volumes/caddy_data/caddy/pki/authorities/local/root.crt"

    def __enter__(self) -> Self:
        try:
            for name in start_order(self.services):
                self.start(name)
            for name in self.running:
                self.wait(name)
        except BaseException:
            self.stop_all()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_all()

    def start(self, name: str) -> None:
        """Start one service after the conditions of its ``depends_on`` hold."""
        service = self.services[name]
        for need, condition in service.needs.items():
            if condition == "service_healthy":
                self.wait(need)
            elif condition == "service_completed_successfully":
                self._wait_done(need)
        translation = self._translation(service)
        environment = self._environment(service, translation)
        argv = images.prepare(service, translation, environment, self._written_files(service, translation))
        log = self.folder / "logs" / f"{name}.log"
        log.parent.mkdir(exist_ok=True)
        with log.open("ab") as output:
            process = subprocess.Popen(
                argv,
                env=environment,
                cwd=ROOT if service.repository == "tarjuman" else self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.running[name] = Running(service, translation, process, log)

    def wait(self, name: str) -> None:
        """Until the health check of ``name`` succeeds."""
        running = self.running[name]
        health = running.service.health
        if health is None:
            return
        environment = self._environment(running.service, running.translation)
        argv = images.tool([running.translation.health(part) for part in health.argv])
        patience = max(health.patience, PATIENCE_S)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if running.process.poll() is not None:
                raise ServiceError(f"{name} ended with {running.process.returncode}\n{self.log(name)}")
            with contextlib.suppress(subprocess.TimeoutExpired):
                limit = max(health.timeout, CHECK_S)
                check = subprocess.run(argv, env=environment, capture_output=True, timeout=limit, check=False)
                if check.returncode == 0:
                    return
            time.sleep(0.2)
        raise ServiceError(f"{name} did not become well within {patience:.0f} s\n{self.log(name)}")

    def log(self, name: str, *, lines: int = 40) -> str:
        """The end of a service's output."""
        return "\n".join(self.running[name].log.read_text(errors="replace").splitlines()[-lines:])

    def kill(self, name: str) -> None:
        """SIGKILL for a service and everything it started."""
        running = self.running[name]
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait(timeout=10)

    def stop(self, name: str) -> int:
        """SIGTERM and up to the service's grace period; then SIGKILL. Returns the exit code."""
        process = self.running[name].process
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=self.services[name].grace)
            except subprocess.TimeoutExpired:
                self.kill(name)
        return process.returncode

    def stop_all(self) -> None:
        """Stop everything, last started first, and remove the files."""
        for name in reversed(list(self.running)):
            self.stop(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _wait_done(self, name: str) -> None:
        running = self.running[name]
        try:
            code = running.process.wait(timeout=120)
        except subprocess.TimeoutExpired:
            raise ServiceError(f"{name} did not end\n{self.log(name)}") from None
        if code != 0:
            raise ServiceError(f"{name} ended with {code}\n{self.log(name)}")

    def _translation(self, service: Service) -> Translation:
        published = {
            port: (self.addresses[other.name], target)
            for other in self.services.values()
            for port, target in other.published.items()
        }
        own = self.folder / "services" / service.name
        paths = {path: self.folder / "volumes" / name for path, name in service.folders.items()}
        paths |= {path: own / path.lstrip("/") for path in [*service.texts, *service.secrets]}
        return Translation(
            own=self.addresses[service.name],
            hosts=self.addresses,
            public=PUBLIC_ADDRESS,
            published=published,
            paths=paths,
        )

    def _written_files(self, service: Service, translation: Translation) -> list[Path]:
        """Write configs and secrets, make folders; the folders that the service may write to."""
        texts = dict(service.texts) | {path: file.read_text() for path, file in service.secrets.items()}
        for path, text in texts.items():
            target = translation.paths[path]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(images.adapt(service, translation.text(text), translation))
        folders = [translation.paths[path] for path in service.folders]
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        return folders

    def _environment(self, service: Service, translation: Translation) -> dict[str, str]:
        home = self.folder / "services" / service.name
        home.mkdir(parents=True, exist_ok=True)
        environment = {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), *images.tool_folders(), os.environ["PATH"]]),
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
        }
        return environment | {key: translation.text(value) for key, value in service.environment.items()}


def make_secrets(folder: Path) -> Path:
    """Make the secrets with the very lines that docs/operations.md tells an operator to run; the folder they are in."""
    manual = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    block = re.search(r"^ *```sh\n(.*?)^ *```$", manual, re.DOTALL | re.MULTILINE)
    if block is None:
        raise ServiceError("docs/operations.md no longer says how to make the secrets")
    subprocess.run(["bash", "-euc", block[1]], cwd=folder, check=True, timeout=30)
    return folder / "var/secrets"
