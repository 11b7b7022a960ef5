"""What the images of the composition bring along besides their command: entry points, tools, and what they need on loopback.

One entry per image. Our own image only runs ``tarjuman``; the others follow the entry points that their makers document.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.deploy.composition import Service, Translation

NOBODY = 65534
COMMANDS = {
    "caddy": ("caddy",),
    "redis": ("redis-server", "redis-cli"),
    "postgres": ("initdb", "pg_ctl", "psql", "pg_isready"),
    "coturn/coturn": ("turnserver", "turnutils_stunclient", "turnutils_uclient", "turnutils_peer"),
}
"""Image -> commands of this machine that stand for it."""


def tool_folders() -> list[str]:
    """Folders outside the usual path in which Debian keeps servers (newest PostgreSQL first)."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name), reverse=True)
    return [*(str(folder) for folder in versions[:1]), "/usr/sbin", "/sbin"]


def missing_commands() -> list[str]:
    """The commands that this machine lacks to run the composition."""
    path = os.pathsep.join([*tool_folders(), os.environ["PATH"]])
    return [name for names in [*COMMANDS.values(), ("wget",)] for name in names if not shutil.which(name, path=path)]


def tool(argv: Sequence[str]) -> list[str]:
    """A command as this machine knows it: our own image's ``python`` is the one that runs this."""
    return [sys.executable if part == "python" and place == 0 else part for place, part in enumerate(argv)]


def adapt(service: Service, text: str, translation: Translation) -> str:
    """A configuration file with what only a shared machine needs."""
    if service.repository == "coturn/coturn" and "use-auth-secret" in text:
        lines = [line for line in text.splitlines() if not line.startswith("external-ip=")]
        lines += [f"listening-ip={translation.own}", f"relay-ip={translation.own}", "allow-loopback-peers"]
        return "\n".join([*lines, ""])
    return text


def prepare(
    service: Service, translation: Translation, environment: Mapping[str, str], folders: Sequence[Path]
) -> list[str]:
    """Do what the image's entry point does, and return the command to run."""
    argv = tool([translation.text(part) for part in service.argv])
    match service.repository:
        case "tarjuman":
            return [sys.executable, "-c", "from signaling.cli import main; main()", *argv]
        case "postgres":
            return _postgres(service, translation, environment, folders)
        case "caddy":
            return [
                "env",
                f"XDG_DATA_HOME={translation.paths['/data']}",
                f"XDG_CONFIG_HOME={translation.paths['/config']}",
                *argv,
            ]
        case "redis" | "coturn/coturn":
            return argv
        case other:
            raise ValueError(f"nothing is known about the image {other}")


def _postgres(
    service: Service, translation: Translation, environment: Mapping[str, str], folders: Sequence[Path]
) -> list[str]:
    """``docker-entrypoint.sh``: a new cluster with a superuser's password, the init scripts, then the server."""
    data = translation.paths["/var/lib/postgresql/data"]
    sockets = translation.paths["/var/run/postgresql"]
    drop: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        for folder in folders:
            os.chown(folder, NOBODY, NOBODY)
        drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    variables = {**environment, "PGHOST": str(sockets)}

    def run(*argv: str) -> None:
        result = subprocess.run(
            [*drop, *argv], env=variables, cwd="/", capture_output=True, text=True, timeout=120, check=False
        )
        if result.returncode != 0:
            raise RuntimeError(f"{argv[0]} ended with {result.returncode}: {result.stdout}{result.stderr}")

    if not (data / "PG_VERSION").exists():
        password = environment["POSTGRES_PASSWORD_FILE"]
        run(
            "initdb",
            "-D",
            str(data),
            "-U",
            "postgres",
            f"--pwfile={password}",
            "--auth-host=scram-sha-256",
            "-E",
            "UTF8",
        )
        with (data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all all scram-sha-256\n")
        options = f"-c listen_addresses='' -c unix_socket_directories='{sockets}'"
        run("pg_ctl", "-D", str(data), "-w", "-o", options, "-l", str(sockets / "init.log"), "start")
        try:
            for path in sorted(service.texts):
                run("bash", str(translation.paths[path]))
        finally:
            run("pg_ctl", "-D", str(data), "-w", "-m", "fast", "stop")
    settings = {"listen_addresses": translation.own, "unix_socket_directories": str(sockets)}
    return [*drop, "postgres", "-D", str(data), *(f"--{key}={value}" for key, value in settings.items())]
