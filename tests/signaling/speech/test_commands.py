"""``tarjuman models``: what is configured is checked, what is off says why."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from signaling.cli import app
from tests.media.speech.test_models import FILES, sums


def run(*arguments: str, **environment: str) -> tuple[int, str]:
    found = CliRunner().invoke(app, ["models", *arguments], env=environment)
    return found.exit_code, found.output


def test_verify_says_what_is_right_wrong_and_off(tmp_path: Path) -> None:
    assert run("verify", TARJUMAN_SPEECH__MODELS="")[1].startswith("No model is configured")
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "SHA256SUMS").write_text(sums(FILES))
    code, said = run("verify", TARJUMAN_SPEECH__MODELS=f"default={tmp_path}")
    assert code == 0
    assert f"{tmp_path}: verified" in said
    assert "Pashto: off" in said
    (tmp_path / "config.json").write_bytes(b"[]")
    code, said = run("verify", TARJUMAN_SPEECH__MODELS=f"default={tmp_path}")
    assert code == 1
    assert "wrong config.json" in said


def test_fetch_without_an_address_or_a_network_says_what_to_do(tmp_path: Path) -> None:
    assert run("fetch", "base", TARJUMAN_SPEECH__FETCH_BASE="")[0] == 2
    folder = str(tmp_path)
    code, said = run("fetch", "base", "--base", "http://127.0.0.1:9", TARJUMAN_SPEECH__MODELS_DIR=folder)
    assert code == 1
    assert "copy the directory by hand" in said
