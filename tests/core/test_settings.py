"""Settings come from variables and files, and mistakes are explained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.settings import Mode, Settings, SettingsError, env_example, known_variables, load

PRODUCTION = {
    "TARJUMAN_MODE": "production",
    "TARJUMAN_PUBLIC_URL": "https://tarjuman.example.org/",
    "TARJUMAN_DATABASE_URL": "postgresql://app:s3cret@db/tarjuman",
    "TARJUMAN_BUS_URL": "redis://bus:6379/0",
}


def test_defaults_are_the_embedded_house() -> None:
    settings = load({})
    assert settings.database_url == "sqlite+aiosqlite:///var/tarjuman.db"
    assert settings.bus_url == "memory://"
    assert settings.public_url == "http://localhost:8080"
    assert settings.key_file == Path("var/keys.json")
    assert settings.media.in_process
    assert settings.session_cookie == "tarjuman"
    assert not settings.secure


def test_what_is_derived_follows_what_is_given() -> None:
    settings = load({"TARJUMAN_DATA_DIR": "/srv/t", "TARJUMAN_PORT": "9000"})
    assert settings.database_url == "sqlite+aiosqlite:////srv/t/tarjuman.db"
    assert settings.key_file == Path("/srv/t/keys.json")
    assert settings.public_url == "http://localhost:9000"


def test_nested_variables_and_lists() -> None:
    settings = load(
        {
            "TARJUMAN_MEDIA__PORT_MIN": "50000",
            "TARJUMAN_MEDIA__PORT_MAX": "50100",
            "TARJUMAN_MEDIA__ALLOW_LOOPBACK": "false",
            "TARJUMAN_TURN__URLS": "turn:a.example:3478, turns:a.example:443?transport=tcp",
            "TARJUMAN_TURN__SECRET": "s3cret",
            "TARJUMAN_STUN_URLS": '["stun:a.example"]',
            "OTHER": "ignored",
        }
    )
    assert (settings.media.port_min, settings.media.port_max, settings.media.allow_loopback) == (50000, 50100, False)
    assert settings.turn.urls == ["turn:a.example:3478", "turns:a.example:443?transport=tcp"]
    assert settings.turn.secret is not None
    assert settings.turn.secret.get_secret_value() == "s3cret"
    assert settings.stun_urls == ["stun:a.example"]


def test_production() -> None:
    settings = load(PRODUCTION)
    assert settings.mode is Mode.PRODUCTION
    assert settings.public_url == "https://tarjuman.example.org"
    assert settings.database_url == "postgresql+psycopg://app:s3cret@db/tarjuman"
    assert settings.session_cookie == "__Host-tarjuman"


def test_secrets_from_files(tmp_path: Path) -> None:
    (tmp_path / "turn").write_text("from-file\n")
    (tmp_path / "db").write_text("postgresql://app:other@db/tarjuman")
    settings = load(
        {
            "TARJUMAN_TURN__URLS": "turn:a",
            "TARJUMAN_TURN__SECRET_FILE": str(tmp_path / "turn"),
            "TARJUMAN_DATABASE_URL_FILE": str(tmp_path / "db"),
            "TARJUMAN_KEY_FILE": "/keys.json",
        }
    )
    assert settings.turn.secret is not None
    assert settings.turn.secret.get_secret_value() == "from-file"
    assert settings.database_url.endswith("app:other@db/tarjuman")
    assert settings.key_file == Path("/keys.json"), "a setting that is a file itself keeps its meaning"


def test_values_in_code_win() -> None:
    assert load({"TARJUMAN_PORT": "9000"}, port=9001).port == 9001
    settings = load({"TARJUMAN_MEDIA__NODE_ID": "a"}, media={"region": "b"})
    assert (settings.media.node_id, settings.media.region) == ("a", "b")


def test_the_tree_itself_never_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TARJUMAN_PORT", "9000")
    assert Settings().port == 8080
    assert load().port == 9000


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"TARJUMAN_PROT": "1"}, "unknown variables: TARJUMAN_PROT"),
        ({"TARJUMAN_PORT": "many"}, "TARJUMAN_PORT: Input should be a valid integer"),
        ({"TARJUMAN_MEDIA__PORT_MIN": "80"}, "TARJUMAN_MEDIA__PORT_MIN"),
        ({"TARJUMAN_MEDIA__PORT_MAX": "40001"}, "port_max must be at least 15 above port_min"),
        ({"TARJUMAN_TURN__TTL": "3600"}, "TARJUMAN_TURN__TTL"),
        ({"TARJUMAN_TURN__URLS": "turn:a"}, "secret must be given"),
        ({"TARJUMAN_TURN__URLS": "http:a", "TARJUMAN_TURN__SECRET": "x"}, "must begin with turn:"),
        ({"TARJUMAN_STUN_URLS": "a"}, "must begin with stun:"),
        ({"TARJUMAN_TURN__SECRET_FILE": "/nowhere/at/all"}, "TARJUMAN_TURN__SECRET_FILE: cannot read"),
        ({"TARJUMAN_TURN__SECRET_FILE": "/x", "TARJUMAN_TURN__SECRET": "x"}, "both set"),
        ({"TARJUMAN_DATABASE_URL": "mysql://x"}, "TARJUMAN_DATABASE_URL: must begin with"),
        ({"TARJUMAN_BUS_URL": "amqp://x"}, "TARJUMAN_BUS_URL: must be memory://"),
        ({"TARJUMAN_PUBLIC_URL": "tarjuman.example.org"}, "scheme and host only"),
        ({"TARJUMAN_PUBLIC_URL": "https://example.org/path"}, "scheme and host only"),
        ({"TARJUMAN_MODE": "prod"}, "TARJUMAN_MODE"),
        ({"TARJUMAN_MODE": "production"}, "production needs https"),
        ({**PRODUCTION, "TARJUMAN_DEMO": "true"}, "exclude each other"),
        ({"TARJUMAN_MEDIA__IN_PROCESS": "false"}, "set bus_url to redis"),
    ],
)
def test_mistakes_are_explained(variables: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(variables)
    assert words in str(refused.value)


def test_all_mistakes_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        load({"TARJUMAN_PORT": "x", "TARJUMAN_AUTH__SESSION_HOURS": "0"})
    assert "TARJUMAN_PORT" in str(refused.value)
    assert "TARJUMAN_AUTH__SESSION_HOURS" in str(refused.value)


def test_secrets_do_not_show() -> None:
    variables = {**PRODUCTION, "TARJUMAN_TURN__URLS": "turn:a", "TARJUMAN_TURN__SECRET": "t0psecret"}
    shown = repr(load(variables)) + str(load(variables))
    assert "s3cret" not in shown
    assert "t0psecret" not in shown
    with pytest.raises(SettingsError) as refused:
        load({**variables, "TARJUMAN_DATABASE_URL": "mysql://app:s3cret@db"})
    assert "s3cret" not in str(refused.value)


def test_env_example_is_in_step() -> None:
    """After a change of settings: ``python -c "from core.settings import env_example; print(env_example(), end='')" > .env.example``."""
    written = (Path(__file__).parents[2] / ".env.example").read_text(encoding="utf-8")
    assert written == env_example()


def test_every_variable_is_explained_and_every_default_works() -> None:
    variables: dict[str, Any] = known_variables()
    assert all(description for _, description in variables.values())
    assert load({name: default for name, (default, _) in variables.items()}) == load({})


def test_twilio_needs_an_address_that_it_can_reach() -> None:
    account = {
        "TARJUMAN_TELEPHONY__PROVIDER": "twilio",
        "TARJUMAN_TELEPHONY__ACCOUNT_SID": "AC" + "0" * 32,
        "TARJUMAN_TELEPHONY__AUTH_TOKEN": "token",
        "TARJUMAN_TELEPHONY__NUMBERS": "RS=+381111234567,MK=+38921234567",
    }
    for wrong in (
        {},
        {"PUBLIC_URL": "http://phone.example.org"},
        {"PUBLIC_URL": "https://phone.example.org/telephony"},
    ):
        with pytest.raises(SettingsError, match="https and wss only"):
            load(account | {f"TARJUMAN_TELEPHONY__{name}": value for name, value in wrong.items()})
    load(account | {"TARJUMAN_TELEPHONY__PUBLIC_URL": "https://phone.example.org/"})
    assert len(load(account | {"TARJUMAN_PUBLIC_URL": "https://tarjuman.example.org"}).telephony.numbers) == 2
