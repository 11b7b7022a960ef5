"""The command ``tarjuman``: one function per command, thin over the modules that do the work."""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated, Any

import typer
import uvicorn

from core import logs
from core.db import migrate as migrations
from core.settings import Settings, SettingsError, load
from records.procedures import CatalogueError
from signaling.app import create_app
from signaling.bootstrap import build
from signaling.schema import METADATA

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
    _serve(settings)


def _serve(settings: Settings) -> None:
    logs.configure(settings.log_level)
    try:
        config = server_config(settings)
    except CatalogueError as error:
        typer.echo(f"The procedure catalogue is wrong. {error}", err=True)
        raise typer.Exit(2) from None
    uvicorn.Server(config).run()


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema. Safe to run in several processes at once."""
    settings = _settings()
    before = migrations.current(settings.database_url)
    migrations.upgrade(settings.database_url)
    after = migrations.current(settings.database_url)
    typer.echo(f"The database is at revision {after}." if before != after else f"Nothing to do: revision {after}.")


@app.command()
def revision(message: str) -> None:
    """Draft a schema revision from the difference between database and models (for developers)."""
    migrations.draft_revision(_settings().database_url, message, METADATA)
