"""``tarjuman models``: speech models are fetched from the operator's own server and verified, never trusted unseen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from core.settings import Settings
from media.speech.fetch import FetchError, fetch
from media.speech.languages import PASHTO
from media.speech.models import ModelDirectories, ModelError, check


def models_app(settings: Callable[[], Settings]) -> typer.Typer:
    """The commands; ``settings`` reads them and ends the program when they are wrong."""
    app = typer.Typer(no_args_is_help=True, help="Speech models: fetched and verified, never trusted unseen.")

    @app.command("fetch")
    def models_fetch(
        name: Annotated[str, typer.Argument(help="Name of the model at the base address, such as small.")],
        base: Annotated[str | None, typer.Option(help="Base address; default: TARJUMAN_SPEECH__FETCH_BASE.")] = None,
        sums: Annotated[Path | None, typer.Option(help="List of SHA-256 hashes as sha256sum writes it.")] = None,
    ) -> None:
        """Fetch a model from the operator's own server; what differs from its SHA-256 is thrown away. May be run again."""
        speech = settings().speech
        address = base or speech.fetch_base
        if not address:
            _end("No address to fetch from. Set TARJUMAN_SPEECH__FETCH_BASE, or give --base.", 2)
        try:
            target = fetch(name, address, speech.models_dir, sums=sums, tell=typer.echo)
        except FetchError as error:
            _end(str(error), 1)
        else:
            typer.echo(f"{target} is complete. To use it: TARJUMAN_SPEECH__MODELS=default={target}")

    @app.command("verify")
    def models_verify() -> None:
        """Check every configured model byte by byte, and say what is off and why."""
        try:
            directories = ModelDirectories.parse(settings().speech.models)
        except ValueError as error:
            _end(f"TARJUMAN_SPEECH__MODELS: {error}", 2)
        else:
            raise typer.Exit(0 if _verified(directories) else 1)

    return app


def _verified(directories: ModelDirectories) -> bool:
    if not directories.all():
        typer.echo("No model is configured: draft transcripts and the language helper are off.")
        return True
    right = True
    for directory in directories.all():
        try:
            check(directory)
            typer.echo(f"{directory}: verified")
        except ModelError as error:
            right = False
            typer.echo(f"{directory}: {error.state.value} {error.file}".rstrip(), err=True)
    if directories.directory(PASHTO) is None:
        typer.echo("Pashto: off. Stock models write no readable Pashto; give a fine-tuned directory as ps=...")
    return right


def _end(sentence: str, code: int) -> None:
    typer.echo(sentence, err=True)
    raise typer.Exit(code)
