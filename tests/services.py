"""Real PostgreSQL and Redis for tests: the ones named in the environment, else throwaway ones of this test process.

``TEST_PG_DSN`` and ``TEST_REDIS_URL`` name running servers that may be filled and emptied at will. Otherwise Debian's server
programs are started with data in a temporary folder, as an unprivileged user when the tests run as root. Each pytest-xdist
worker has its own. With ``CI=true`` a missing service is an error, never a skip.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
import redis
from psycopg import sql

from core.db import migrate

OWNER = "tarjuman"
"""Role that owns the databases of the tests; neither superuser nor allowed to bypass row-level security."""
_PASSWORD = "tarjuman"
_START_LIMIT = 60.0
_MEMORY_WANTED = 4 << 30
"""Bytes; two test processes with a PostgreSQL each use a tenth of it."""


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def missing(what: str) -> None:
    """Skip the test because a service is missing, or fail it where nothing may be missing."""
    if os.environ.get("CI", "").lower() in {"1", "true", "yes"}:
        pytest.fail(f"{what} is missing, and CI may not skip", pytrace=False)
    pytest.skip(f"{what} is missing")


def unprivileged(*command: str) -> list[str]:
    """``command`` as it must be started so that it ends with us and does not run as root."""
    runner = ["setpriv", "--pdeathsig", "KILL"]
    if os.geteuid() == 0:
        user = _unprivileged_user()
        runner += [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return [*runner, "--", *command]


def _unprivileged_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("there is no unprivileged user to start a service as")


def memory() -> Path | None:
    """Where files lie in memory, if there is plenty of it: data of a test are thrown away, and no disk need have seen them."""
    place = Path("/dev/shm")
    return place if place.is_dir() and shutil.disk_usage(place).free >= _MEMORY_WANTED else None


def _folder(prefix: str, place: Path | None = None) -> Path:
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
    if os.geteuid() == 0:
        user = _unprivileged_user()
        os.chown(folder, user.pw_uid, grp.getgrgid(user.pw_gid).gr_gid)
    return folder


def _program(name: str) -> str | None:
    """The newest installed server program of that name, on the path or where Debian keeps PostgreSQL's."""
    found = shutil.which(name)
    if found:
        return found
    candidates = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    newest = sorted(candidates, key=lambda path: float(path.parts[4]))
    return str(newest[-1]) if newest else None


def _wait_until(ready: object, process: subprocess.Popen[bytes], what: str) -> None:
    assert callable(ready)
    deadline = time.monotonic() + _START_LIMIT
    while True:
        try:
            ready()
            return
        except Exception as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{what} did not start") from error
        time.sleep(0.02)


@dataclass
class Postgres:
    """A PostgreSQL server on which tests may do anything."""

    admin: str
    """Connection string of a role that may create databases."""
    owner: str
    """The same server as the role that owns test databases, without a database name."""
    folder: Path | None = None
    process: subprocess.Popen[bytes] | None = None
    _template: str | None = field(default=None, init=False)

    @classmethod
    def start(cls, *, durable: bool = False) -> Postgres:
        """Use ``TEST_PG_DSN`` or start a server; skips or fails when neither is possible.

        ``durable`` starts one that waits for the disk as in production, for measurements.
        """
        given = os.environ.get("TEST_PG_DSN")
        if given and not durable:
            return cls._prepared(given)
        initdb, server = _program("initdb"), _program("postgres")
        if initdb is None or server is None:
            missing("PostgreSQL")
            raise AssertionError
        folder = _folder("tarjuman-pg-", None if durable else memory())
        data = folder / "data"
        subprocess.run(
            unprivileged(
                initdb, "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"
            ),
            check=True,
            cwd=folder,
            stdout=subprocess.DEVNULL,
        )
        port = free_port()
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "port": str(port),
            "max_connections": "200",
            "shared_buffers": "32MB",
        }
        if not durable:
            options |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
        arguments = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                unprivileged(server, "-D", str(data), *arguments), cwd=folder, stdout=log, stderr=log
            )
        dsn = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        _wait_until(lambda: psycopg.connect(dsn, connect_timeout=2).close(), process, "PostgreSQL")
        server_up = cls._prepared(dsn)
        server_up.folder, server_up.process = folder, process
        return server_up

    @classmethod
    def _prepared(cls, dsn: str) -> Postgres:
        with psycopg.connect(dsn, autocommit=True) as connection:
            row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
            if row is None or not row[0]:
                return cls(admin=dsn, owner=dsn.rpartition("/")[0])
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (OWNER,)).fetchone()
            if known is None:
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN CREATEDB NOSUPERUSER NOBYPASSRLS PASSWORD {}").format(
                        sql.Identifier(OWNER), sql.Literal(_PASSWORD)
                    )
                )
            host, port = connection.info.host, connection.info.port
        return cls(admin=dsn, owner=f"postgresql://{OWNER}:{_PASSWORD}@{host}:{port}")

    def create(self, *, migrated: bool = True) -> str:
        """A new database, empty or with the schema; returns its URL for ``Database.open``."""
        name = f"t_{uuid.uuid4().hex[:12]}"
        self._create(name, self._migrated_template() if migrated else "template1")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database made by ``create``, whoever is still connected."""
        name = url.rpartition("/")[2]
        with psycopg.connect(self.admin, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def url(self, name: str) -> str:
        """URL of the database ``name`` as its owner."""
        return self.owner.replace("postgresql://", "postgresql+psycopg://", 1) + f"/{name}"

    def stop(self) -> None:
        """End the server, if it is ours, and remove its data."""
        if self._template is not None and self.process is None:
            self.drop(self.url(self._template))
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(10)
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _migrated_template(self) -> str:
        if self._template is None:
            name = f"template_{uuid.uuid4().hex[:12]}"
            self._create(name, "template1")
            migrate.upgrade(self.url(name))
            self._template = name
        return self._template

    def _create(self, name: str, template: str) -> None:
        owner = psycopg.conninfo.conninfo_to_dict(self.owner + "/postgres")["user"]
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(
            sql.Identifier(name), sql.Identifier(template), sql.Identifier(str(owner))
        )
        with psycopg.connect(self.admin, autocommit=True) as connection:
            if connection.info.server_version >= 150000:
                # Copying a thousand small files as files costs half of what it costs through the log.
                statement += sql.SQL(" STRATEGY file_copy")
            connection.execute(statement)


@dataclass
class Redis:
    """A Redis server that tests may fill, empty, kill and start again."""

    url: str
    port: int | None = None
    folder: Path | None = None
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(cls) -> Redis:
        """Use ``TEST_REDIS_URL`` or start a server; skips or fails when neither is possible."""
        given = os.environ.get("TEST_REDIS_URL")
        if given:
            return cls(given)
        return cls.own()

    @classmethod
    def own(cls) -> Redis:
        """A server of our own, for tests that kill it."""
        port = free_port()
        made = cls(f"redis://127.0.0.1:{port}/0", port, _folder("tarjuman-redis-"))
        made.resume()
        return made

    def resume(self) -> None:
        """Start our server (again), with whatever its append-only file holds."""
        program = _program("redis-server")
        if program is None:
            missing("Redis")
            raise AssertionError
        assert self.folder is not None
        arguments = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", ""]
        # `everysec` would put writing off for as long as the disk is slow: what was acknowledged would go down with a killed server.
        arguments += ["--appendonly", "yes", "--appendfsync", "no", "--logfile", "log"]
        self.process = subprocess.Popen(unprivileged(program, *arguments), cwd=self.folder, stdout=subprocess.DEVNULL)
        _wait_until(self._ping, self.process, "Redis")

    def kill(self) -> None:
        """SIGKILL our server."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def lose(self) -> None:
        """Forget what was stored on disk; only while the server is down."""
        assert self.folder is not None
        shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)

    def empty(self) -> None:
        """Delete everything."""
        with redis.Redis.from_url(self.url) as client:
            client.flushdb()

    def stop(self) -> None:
        """End the server, if it is ours, and remove its data."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _ping(self) -> None:
        with redis.Redis.from_url(self.url, socket_timeout=2) as client:
            client.ping()
