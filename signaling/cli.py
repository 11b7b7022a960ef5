"""The command ``tarjuman``: one function per command, thin over the modules that do the work.

Each command imports what it needs: loading everything takes seconds, which a media node or a schema change would pay for nothing.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import socket
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
import uvicorn
import uvloop

from core import logs
from core.clock import SystemClock
from core.crypto import KeyFileError
from core.errors import AppError
from core.loading import loading
from core.settings import Mode, Settings, SettingsError, load
from records.procedures import CatalogueError, FactStatus, load_catalogue
from signaling.model_commands import models_app

if TYPE_CHECKING:
    from signaling.rehearsal.run import Account as RobotAccount

T = TypeVar("T")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Tarjuman: interpreters from the case.",
    pretty_exceptions_enable=False,
)
log = logging.getLogger(__name__)

SHUTDOWN_LIMIT = 2
"""Seconds that open requests get to finish after SIGTERM; sockets are told to come back (1012) at once."""


def main() -> None:
    """The entry point."""
    app()


def _settings(**overrides: Any) -> Settings:
    try:
        return load(**{key: value for key, value in overrides.items() if value is not None})
    except SettingsError as error:
        typer.echo(f"The settings are wrong. {error}", err=True)
        raise typer.Exit(2) from None


def server_config(settings: Settings, **more: Any) -> uvicorn.Config:
    """How the server is run. Raises ``CatalogueError`` when a procedure file is wrong."""
    from signaling.app import create_app
    from signaling.bootstrap import build

    return uvicorn.Config(
        create_app(build(settings)),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        ws="websockets-sansio",
        ws_max_size=settings.limits.socket_message_bytes,
        ws_per_message_deflate=False,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=bool(settings.limits.trusted_proxies),
        forwarded_allow_ips=settings.limits.trusted_proxies or None,
        timeout_keep_alive=65,
        timeout_graceful_shutdown=SHUTDOWN_LIMIT,
        **more,
    )


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="TCP port to listen on.")] = None,
) -> None:
    """Serve pages, interface and socket; with the settings' default also a media node."""
    settings = _settings(host=host, port=port)
    _serve(settings, settings.log_level)


def _serve(settings: Settings, level: str) -> None:
    logs.configure(level)
    try:
        with loading():
            config = server_config(settings)
    except (CatalogueError, KeyFileError) as error:
        typer.echo(_sentence(error), err=True)
        raise typer.Exit(2) from None
    uvicorn.Server(config).run()


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema. Safe to run in several processes at once."""
    from core.db import migrate as migrations

    settings = _settings()
    before = migrations.current(settings.database_url)
    migrations.upgrade(settings.database_url)
    after = migrations.current(settings.database_url)
    typer.echo(f"The database is at revision {after}." if before != after else f"Nothing to do: revision {after}.")


@app.command()
def revision(message: str) -> None:
    """Draft a schema revision from the difference between database and models (for developers)."""
    from core.db import migrate as migrations
    from signaling.schema import METADATA

    migrations.draft_revision(_settings().database_url, message, METADATA)


@app.command()
def media(
    drain: Annotated[float, typer.Option(help="Seconds that running calls get to end after SIGTERM.")] = 25.0,
) -> None:
    """Run a media node on its own, reached over the bus. After SIGTERM it takes no new calls and lets running ones end."""
    settings = _settings()
    logs.configure(settings.log_level)
    if settings.bus_url == "memory://":
        typer.echo(
            "A media node on its own needs a bus between processes: set TARJUMAN_BUS_URL to redis://...", err=True
        )
        raise typer.Exit(2)
    _run(_media(settings, drain))


async def _media(settings: Settings, drain: float) -> None:
    with loading():
        from core.events.opening import open_bus
        from media.worker import run_worker

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    bus = open_bus(settings)
    try:
        await run_worker(settings.media, bus, SystemClock(), stop, drain_timeout=drain)
    finally:
        await bus.close()


@app.command()
def demo(
    port: Annotated[int | None, typer.Option(help="TCP port to listen on.")] = None,
) -> None:
    """Start Tarjuman with invented people and cases on this machine, and print one sign-in link per role."""
    from core.db import migrate as migrations
    from signaling.demo import prepare_demo

    settings = _settings(demo=True, port=port or free_port(_settings().port, host=_settings().host))
    level = "warning" if settings.log_level == "info" else settings.log_level
    logs.configure(level)
    migrations.upgrade(settings.database_url)
    links = _run(prepare_demo(settings))
    typer.echo(f"\nTarjuman runs at {settings.public_url} with invented people and cases. Stop it with Ctrl+C.\n")
    for link in links:
        typer.echo(f"  {link.title:<58} {link.url}")
    typer.echo(
        "\nThe links work for twelve hours. To make a call, open the link of the officer in Preševo, and in a private window that\n"
        "of the interpreter in Niš. Choose Available there, open a case with Farsi or Pashto, and press Interpreter now.\n"
    )
    _serve(settings, level)


@app.command()
def seed() -> None:
    """Fill an empty database with the demo's invented people and cases."""
    from signaling.demo import seed_if_empty

    settings = _settings()
    if settings.mode is Mode.PRODUCTION:
        typer.echo("Invented data has no place in production.", err=True)
        raise typer.Exit(2)
    seeded = _run(seed_if_empty(settings))
    typer.echo(
        "Filled with invented people and cases." if seeded else "There are accounts already: nothing was changed."
    )


@app.command()
def openapi() -> None:
    """Print the OpenAPI document of the HTTP interface."""
    from signaling.openapi import openapi_document

    typer.echo(json.dumps(openapi_document(), indent=1, ensure_ascii=False, sort_keys=True))


@app.command()
def doctor() -> None:
    """Check the installation and say in plain sentences what is right and what is not."""
    from signaling.doctor import diagnose, is_sound
    from signaling.findings import Grade

    settings = _settings()
    logs.configure("error")
    findings = _run(diagnose(settings))
    marks = {Grade.OK: "ok  ", Grade.NOTE: "note", Grade.BAD: "BAD "}
    for finding in findings:
        typer.echo(f"{marks[finding.grade]}  {finding.topic}: {finding.sentence}")
    if not is_sound(findings):
        typer.echo("\nSomething is wrong: see the lines marked BAD.")
        raise typer.Exit(1)
    typer.echo("\nAll is well.")


@app.command("push-key")
def push_key() -> None:
    """Print a new private key for Web Push (TARJUMAN_PUSH__PRIVATE_KEY); browsers that subscribed with another are lost."""
    from core.notify_push import new_key

    typer.echo(new_key())


@app.command("verify-audit")
def verify_audit() -> None:
    """Recompute the chains of the audit trail and of all sealed session logs."""
    from signaling.operations import verify_records

    faults = _run(verify_records(_settings()))
    for fault in faults:
        typer.echo(f"BROKEN  {fault}")
    if faults:
        raise typer.Exit(1)
    typer.echo("All chains are whole.")


@app.command()
def rehearse(
    url: Annotated[
        str | None, typer.Option(help="Address of the running server; else the settings' public address.")
    ] = None,
    officer: Annotated[
        str | None, typer.Option(help="Sign-in link or code of the officer; else one of the demo.")
    ] = None,
    interpreter: Annotated[
        str | None, typer.Option(help="Sign-in link or code of the interpreter; else one of the demo.")
    ] = None,
    language: Annotated[str, typer.Option(help="Language of the rehearsal (ISO 639-3).")] = "pes",
    passwords_stdin: Annotated[
        bool, typer.Option(help="Read the officer's, then the interpreter's password from standard input.")
    ] = False,
) -> None:
    """Let two robots do the whole job against the running server: request, ring, call with sound, sealed log."""
    from signaling.rehearsal.run import Rehearsal, RehearsalError
    from signaling.rehearsal.run import rehearse as run_rehearsal

    settings = _settings()
    logs.configure("error")
    plan = Rehearsal(
        url=url or settings.public_url,
        officer=_robot(settings, officer, "O-1183", passwords_stdin),
        interpreter=_robot(settings, interpreter, "I-0417", passwords_stdin),
        language=language,
    )
    try:
        _run(run_rehearsal(plan, typer.echo))
    except RehearsalError as error:
        typer.echo(f"The rehearsal failed. {error}", err=True)
        raise typer.Exit(1) from None


def _robot(settings: Settings, given: str | None, demo_code: str, passwords_stdin: bool) -> RobotAccount:
    """How a robot signs in: by link, by code and password, or as one of the demo's people."""
    from signaling.demo import demo_link
    from signaling.rehearsal.run import Account as RobotAccount

    if given is None:
        return RobotAccount(link=_run(demo_link(settings, demo_code)))
    if given.startswith(("http://", "https://")):
        return RobotAccount(link=given)
    password = (
        sys.stdin.readline().rstrip("\n") if passwords_stdin else typer.prompt(f"Password of {given}", hide_input=True)
    )
    return RobotAccount(code=given, password=password)


procedures_app = typer.Typer(no_args_is_help=True, help="The procedure catalogue.")
app.add_typer(procedures_app, name="procedures")


@procedures_app.command("check")
def procedures_check(
    files: Annotated[list[Path] | None, typer.Argument(help="Files to check instead of the product's own.")] = None,
) -> None:
    """Check procedure files; the first mistake is told with file, line and reason."""
    try:
        catalogue = load_catalogue(files or None)
    except CatalogueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    typer.echo(
        f"{len(catalogue.steps())} steps, {len(catalogue.authorities())} authorities, {len(catalogue.timers())} timers."
    )
    for status in FactStatus:
        typer.echo(f"  {status.value}: in {len(catalogue.facts(status))} steps")


app.add_typer(models_app(lambda: _settings()), name="models")

user_app = typer.Typer(no_args_is_help=True, help="Accounts, for the first administrator and for emergencies.")
app.add_typer(user_app, name="user")
_Code = Annotated[str, typer.Argument(help="The code that people sign in with, such as A-01; never a name.")]


@user_app.command("add")
def user_add(
    code: _Code,
    role: Annotated[
        list[str], typer.Option(help="role:COUNTRY, such as administrator:RS; may be given several times.")
    ],
    site: Annotated[str | None, typer.Option(help="Facility code; needed for interviewers.")] = None,
    locale: Annotated[str, typer.Option(help="Language of the screens.")] = "en",
    officer_language: Annotated[str, typer.Option(help="Language in which an officer works (ISO 639-3).")] = "srp",
    password_stdin: Annotated[bool, typer.Option(help="Read the password from standard input.")] = False,
) -> None:
    """Add an account."""
    from signaling.operations import add_user

    password = _password(password_stdin)
    _run(add_user(_settings(), code, role, password, site=site, locale=locale, officer_language=officer_language))
    typer.echo(f"Added {code.upper()}.")


@user_app.command("password")
def user_password(
    code: _Code, password_stdin: Annotated[bool, typer.Option(help="Read it from standard input.")] = False
) -> None:
    """Set a new password; all sign-ins of the account end."""
    from signaling.operations import set_password

    password = _password(password_stdin)
    _run(set_password(_settings(), code, password))
    typer.echo(f"{code.upper()} has a new password.")


@user_app.command("disable")
def user_disable(
    code: _Code, enable: Annotated[bool, typer.Option("--enable", help="Let it in again.")] = False
) -> None:
    """Disable an account at once; its sign-ins end."""
    from signaling.operations import disable_user

    _run(disable_user(_settings(), code, disabled=not enable))
    typer.echo(f"{code.upper()} is {'enabled' if enable else 'disabled'}.")


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    entered: str = typer.prompt("New password", hide_input=True, confirmation_prompt=True)
    return entered


def free_port(wanted: int, *, host: str) -> int:
    """``wanted``, or the next TCP port on ``host`` that nobody listens on (of twenty)."""
    for port in range(wanted, wanted + 20):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    return wanted


def _sentence(error: Exception) -> str:
    """A refusal in plain words."""
    from signaling.operations import sentence

    return sentence(error)


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end; a refusal is one plain sentence, not a trace."""
    try:
        return uvloop.run(work)
    except (AppError, KeyFileError, CatalogueError) as error:
        typer.echo(_sentence(error), err=True)
        raise typer.Exit(1) from None
