"""A whole Tarjuman for tests, started as its operators start it: one process with SQLite, or several with PostgreSQL and Redis.

Processes are ours, on loopback only, and end with the test. Each can be killed and started again.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from core.db import migrate
from tests.services import Postgres, Redis, free_port

ROOT = Path(__file__).resolve().parents[1]
START_LIMIT_S = 180.0
DRAIN_S = 1.0
CHEAP_PASSWORDS = {"TARJUMAN_AUTH__ARGON2_MEMORY_KIB": "64"}
"""Sign-in is not what these tests measure."""
Kind = Literal["single", "split"]


@cache
def _migrated_sqlite() -> bytes:
    """A migrated file, made once: dozens of stacks start from it, and ``tarjuman migrate`` has tests of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.db"
        migrate.upgrade(f"sqlite+aiosqlite:///{path}")
        return path.read_bytes()


@dataclass
class Program:
    """One process of the stack."""

    name: str
    arguments: list[str]
    environment: dict[str, str]
    log: Path
    ready_url: str | None = None
    ready_words: str | None = None
    """What it logs once it works, for one without an address to ask."""
    process: subprocess.Popen[bytes] | None = None
    _logged_before: int = 0
    """Bytes in the log when the process was started."""

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._logged_before = log.tell()
            self.process = subprocess.Popen(
                [sys.executable, "-m", "signaling", *self.arguments],
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def kill(self) -> None:
        """SIGKILL: nothing is tidied up."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def ask_to_end(self) -> None:
        """SIGTERM, as an operator does; returns at once."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """SIGTERM, and wait until it has ended."""
        self.ask_to_end()
        self.wait_ended()

    def wait_ended(self) -> None:
        """Until it has ended; one that takes too long is killed."""
        if self.process is None:
            return
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)

    @property
    def has_ended(self) -> bool:
        """Killed, stopped or never started."""
        return self.process is None or self.process.poll() is not None

    def wait_ready(self) -> None:
        deadline = time.monotonic() + START_LIMIT_S
        while not self._is_ready():
            if self.has_ended:
                raise RuntimeError(f"{self.name} ended at its start:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} is not ready:\n{self.tail()}")
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        if self.ready_words is not None:
            with self.log.open("rb") as log:
                log.seek(self._logged_before)
                return self.ready_words.encode() in log.read()
        return self.ready_url is None or _answers(self.ready_url)

    def tail(self, lines: int = 40) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def _answers(url: str) -> bool:
    """Whether it is answered with 200. A plain connection: what an HTTP client loads for each question costs more than a start."""
    address = urlsplit(url)
    connection = HTTPConnection(str(address.hostname), address.port, timeout=2)
    try:
        connection.request("GET", address.path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


@dataclass
class Stack:
    """The running installation."""

    kind: Kind
    folder: Path
    database_url: str
    bus_url: str
    programs: dict[str, Program] = field(default_factory=dict)
    urls: list[str] = field(default_factory=list)
    """Public addresses of the signalling processes; the first is the one to use when it does not matter."""
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, kind: Kind, folder: Path, postgres: Postgres | None = None, redis: Redis | None = None) -> Stack:
        """Prepare databases, with all tables and without rows, and settings; nothing runs yet."""
        if kind == "single":
            (folder / "tarjuman.db").write_bytes(_migrated_sqlite())
            database_url, bus_url = f"sqlite+aiosqlite:///{folder / 'tarjuman.db'}", "memory://"
        else:
            assert postgres is not None
            assert redis is not None
            database_url, bus_url = postgres.create(), redis.url
        made = cls(kind, folder, database_url, bus_url)
        made.environment = {
            **CHEAP_PASSWORDS,
            "TARJUMAN_DATABASE_URL": database_url,
            "TARJUMAN_BUS_URL": bus_url,
            "TARJUMAN_DATA_DIR": str(folder / "data"),
            "TARJUMAN_LIMITS__REQUESTS_PER_MINUTE": "100000",
        }
        return made

    def run(self, *arguments: str, timeout: float = 180) -> str:
        """One command of the program, to its end; its output."""
        done = subprocess.run(
            [sys.executable, "-m", "signaling", *arguments],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(
                f"tarjuman {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
            )
        return done.stdout

    def start(self) -> None:
        """Start everything and wait until it is ready."""
        if self.kind == "single":
            self._add_signaling("signaling-1", media_inside=True)
        else:
            for index in (1, 2):
                self._add_media(f"media-{index}", 42000 + 400 * index)
            for index in (1, 2):
                self._add_signaling(f"signaling-{index}", media_inside=False)
        for program in self.programs.values():
            program.start()
        for program in self.programs.values():
            program.wait_ready()

    def mend(self) -> None:
        """Start again what was killed, and wait until everything is ready."""
        for program in self.programs.values():
            if program.has_ended:
                program.start()
        for program in self.programs.values():
            program.wait_ready()

    def stop(self) -> None:
        """End everything. All are asked before one is waited for."""
        for program in self.programs.values():
            program.ask_to_end()
        for program in self.programs.values():
            program.wait_ended()

    @property
    def url(self) -> str:
        return self.urls[0]

    def _add_signaling(self, name: str, *, media_inside: bool) -> None:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        environment = {
            **self.environment,
            "TARJUMAN_PORT": str(port),
            "TARJUMAN_PUBLIC_URL": url,
            "TARJUMAN_MEDIA__IN_PROCESS": str(media_inside).lower(),
            "TARJUMAN_MEDIA__PORT_MIN": "41000",
            "TARJUMAN_MEDIA__PORT_MAX": "41999",
        }
        self.programs[name] = Program(name, ["serve"], environment, self.folder / f"{name}.log", f"{url}/readyz")
        self.urls.append(url)

    def _add_media(self, name: str, first_port: int) -> None:
        environment = {
            **self.environment,
            "TARJUMAN_MEDIA__IN_PROCESS": "false",
            "TARJUMAN_MEDIA__NODE_ID": name,
            "TARJUMAN_MEDIA__PORT_MIN": str(first_port),
            "TARJUMAN_MEDIA__PORT_MAX": str(first_port + 399),
        }
        # A call that a test leaves running would hold its node for 25 s at the end.
        arguments = ["media", "--drain", str(DRAIN_S)]
        log = self.folder / f"{name}.log"
        self.programs[name] = Program(name, arguments, environment, log, ready_words="media node ready")
