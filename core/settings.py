"""The settings tree and the only reader of the environment: ``TARJUMAN_<SECTION>__<NAME>``, secrets also from files.

Any name may be given as ``TARJUMAN_..._FILE`` too: then the value is the content of that file (Docker and Kubernetes
secrets). Nothing here connects to anything; ``signaling.bootstrap`` builds the services from it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Self, get_origin
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from core.settings_sections import Section, SipSettings, SpeechSettings, TelephonySettings

PREFIX = "TARJUMAN_"
DELIMITER = "__"


class SettingsError(Exception):
    """The settings are wrong; the message says which variable, why, and what would be right, and holds no secret."""


class Mode(StrEnum):
    """How the house is run."""

    DEVELOPMENT = "development"
    """On the maker's machine: plain http on loopback is accepted."""
    PRODUCTION = "production"
    """For real people: https, real secrets and real services are demanded."""


class MediaSettings(Section):
    """The media node of this process, or of the ``tarjuman media`` process."""

    in_process: bool = Field(True, description="run the media node inside `tarjuman serve`")
    node_id: str = Field("node-1", pattern=r"^[a-z0-9][a-z0-9-]{0,31}$", description="name of this media node")
    region: str = Field("local", pattern=r"^[a-z0-9][a-z0-9-]{0,31}$", description="region that placement prefers")
    port_min: int = Field(40000, ge=1024, le=65535, description="first UDP port for media")
    port_max: int = Field(40999, ge=1024, le=65535, description="last UDP port for media")
    advertised_address: str | None = Field(None, description="public IP address of this node behind NAT")
    allow_loopback: bool = Field(True, description="offer 127.0.0.1 as a media address (demo and tests)")
    interfaces: list[str] = Field([], description="network interfaces to use for media; empty means all")
    max_rooms: int = Field(200, ge=1, description="rooms that this node accepts")
    lines_host: str = Field(
        "127.0.0.1", description="address for telephone lines and speech, inside the house; never a public one"
    )
    lines_port: int = Field(
        0, ge=0, le=65535, description="TCP port for telephone lines and speech; 0 means any free one"
    )
    lines_name: str = Field(
        "", description="name under which web servers reach lines_host; empty means lines_host itself"
    )

    @model_validator(mode="after")
    def _ports(self) -> Self:
        if self.port_max - self.port_min < 15:
            raise ValueError("port_max must be at least 15 above port_min")
        return self


class TurnSettings(Section):
    """The TURN server (coturn with use-auth-secret)."""

    urls: list[str] = Field([], description="TURN addresses such as turns:turn.example.org:443?transport=tcp")
    secret: SecretStr | None = Field(None, description="static-auth-secret shared with coturn")
    ttl: int = Field(600, ge=60, le=600, description="seconds for which a TURN credential is valid")

    @field_validator("urls")
    @classmethod
    def _schemes(cls, urls: list[str]) -> list[str]:
        for url in urls:
            if not url.startswith(("turn:", "turns:")):
                raise ValueError(f"{url!r} is no TURN address; it must begin with turn: or turns:")
        return urls

    @model_validator(mode="after")
    def _secret_given(self) -> Self:
        if self.urls and self.secret is None:
            raise ValueError("urls are given, so secret must be given too")
        return self


class PushSettings(Section):
    """Web Push, which wakes the browser of an interpreter whose page is closed."""

    private_key: SecretStr | None = Field(
        None,
        description="VAPID key: P-256, raw 32 bytes in base64url; empty: no Web Push (tarjuman push-key makes one)",
    )
    subject: str = Field("", description="mailto: or https: address under which push services can reach the operator")
    hosts: list[str] = Field(
        [], description="push services that are sent to; empty means those of Chrome, Firefox, Safari and Edge"
    )
    plain_http: bool = Field(False, description="accept http endpoints, for stand-ins on loopback; never in production")

    @field_validator("private_key")
    @classmethod
    def _key_length(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and re.fullmatch(r"[A-Za-z0-9_-]{43}=?", key.get_secret_value()) is None:
            raise ValueError("must be 32 bytes in base64url; `tarjuman push-key` makes one")
        return key

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.private_key is not None and not self.subject.startswith(("mailto:", "https://")):
            raise ValueError("private_key is given, so subject must be given too, beginning with mailto: or https://")
        return self


class AuthSettings(Section):
    """Sign-in."""

    session_hours: float = Field(12.0, gt=0, le=24, description="hours after which a sign-in ends")
    idle_minutes: int = Field(60, ge=5, le=720, description="minutes without use after which a sign-in ends")
    cookie_name: str | None = Field(
        None, description="name of the session cookie; chosen after the public address if empty"
    )
    argon2_memory_kib: int = Field(47_104, ge=8, description="memory of one password check in KiB (46 MiB)")
    argon2_time: int = Field(1, ge=1, le=10, description="passes of one password check")
    argon2_parallelism: int = Field(1, ge=1, le=4, description="lanes of one password check")
    argon2_concurrency: int = Field(2, ge=1, le=16, description="password checks at the same time")
    login_attempts: int = Field(
        8, ge=3, le=100, description="wrong passwords for one account in 15 minutes before it waits"
    )


class LimitSettings(Section):
    """Bounds that protect the house."""

    request_bytes: int = Field(1_048_576, ge=1024, description="largest HTTP request body")
    socket_message_bytes: int = Field(65_536, ge=1024, description="largest socket message")
    socket_queue: int = Field(256, ge=16, le=10_000, description="messages waiting for one socket, else close 4409")
    socket_messages_per_second: int = Field(
        50, ge=5, le=1000, description="messages that one socket may send in a second"
    )
    socket_topics: int = Field(64, ge=8, le=4096, description="topics that one socket may follow")
    requests_per_minute: int = Field(600, ge=30, description="HTTP requests of one account or address in a minute")
    trusted_proxies: list[str] = Field([], description="addresses or networks of our own proxies, such as 10.0.0.2")
    heartbeat_seconds: float = Field(
        15.0, ge=1, le=20, description="pace of a socket's heartbeat; three keep one in reach"
    )


class Settings(BaseSettings):
    """Everything that may differ between two installations."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=DELIMITER,
        extra="forbid",
        frozen=True,
        env_ignore_empty=True,
        validate_default=True,
    )

    mode: Mode = Field(Mode.DEVELOPMENT, description="development or production")
    demo: bool = Field(False, description="fill an empty database with invented people and cases; never in production")
    data_dir: Path = Field(Path("var"), description="folder for the SQLite file, the key file and blobs")
    database_url: str = Field(
        "", repr=False, description="postgresql+psycopg://... ; empty means SQLite in the data folder"
    )
    bus_url: str = Field("memory://", repr=False, description="redis://... ; memory:// for one process")
    public_url: str = Field(
        "", description="address under which people open Tarjuman; empty means http://localhost:<port>"
    )
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8080, ge=1, le=65535, description="TCP port to listen on")
    key_file: Path | None = Field(None, description="key ring for fields; empty means <data folder>/keys.json")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least important log entry that is written"
    )
    catalogue_files: list[Path] = Field([], description="further procedure files, such as one with a temporary step")
    stun_urls: list[str] = Field([], description="STUN addresses such as stun:stun.example.org:3478")
    media: MediaSettings = Field(default_factory=lambda: MediaSettings.model_validate({}))
    turn: TurnSettings = Field(default_factory=lambda: TurnSettings.model_validate({}))
    push: PushSettings = Field(default_factory=lambda: PushSettings.model_validate({}))
    telephony: TelephonySettings = Field(default_factory=lambda: TelephonySettings.model_validate({}))
    sip: SipSettings = Field(default_factory=lambda: SipSettings.model_validate({}))
    speech: SpeechSettings = Field(default_factory=lambda: SpeechSettings.model_validate({}))
    auth: AuthSettings = Field(default_factory=lambda: AuthSettings.model_validate({}))
    limits: LimitSettings = Field(default_factory=lambda: LimitSettings.model_validate({}))

    @model_validator(mode="before")
    @classmethod
    def _derive(cls, values: dict[str, Any]) -> dict[str, Any]:
        values = dict(values)
        data_dir = Path(values.get("data_dir") or "var")
        if not values.get("database_url"):
            values["database_url"] = f"sqlite+aiosqlite:///{data_dir / 'tarjuman.db'}"
        if not values.get("public_url"):
            values["public_url"] = f"http://localhost:{values.get('port') or 8080}"
        values["public_url"] = str(values["public_url"]).rstrip("/")
        if not values.get("key_file"):
            values["key_file"] = data_dir / "keys.json"
        return values

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        if url.startswith("postgresql://"):
            return "postgresql+psycopg://" + url.removeprefix("postgresql://")
        if not url.startswith(("sqlite+aiosqlite:///", "postgresql+psycopg://")):
            raise ValueError("must begin with sqlite+aiosqlite:/// or postgresql+psycopg://")
        return url

    @field_validator("bus_url")
    @classmethod
    def _known_bus(cls, url: str) -> str:
        if url != "memory://" and not url.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must be memory://, or begin with redis://, rediss:// or unix://")
        return url

    @field_validator("public_url")
    @classmethod
    def _public_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or parts.query:
            raise ValueError("must be scheme and host only, such as https://tarjuman.example.org")
        return url

    @field_validator("stun_urls")
    @classmethod
    def _stun_schemes(cls, urls: list[str]) -> list[str]:
        for url in urls:
            if not url.startswith(("stun:", "stuns:")):
                raise ValueError(f"{url!r} is no STUN address; it must begin with stun: or stuns:")
        return urls

    @model_validator(mode="after")
    def _production_is_serious(self) -> Self:
        if not self.media.in_process and self.bus_url == "memory://":
            raise ValueError("media outside of this process needs a bus between processes: set bus_url to redis://...")
        if self.telephony.provider == "sip" and not self.sip.trunk:
            raise ValueError("telephony.provider is sip, so sip.trunk must name the trunk")
        self.telephony.check_address(self.public_url)
        if self.mode is not Mode.PRODUCTION:
            return self
        if self.demo:
            raise ValueError("demo data and production exclude each other: set demo=false or mode=development")
        if self.push.plain_http:
            raise ValueError("push.plain_http is for tests: production sends to push services by https only")
        if self.telephony.api_base:
            raise ValueError("telephony.api_base is for stand-ins: production talks to the carrier itself")
        if not self.public_url.startswith("https://"):
            raise ValueError(
                "production needs https: browsers give no microphone to plain http; set public_url to https://..."
            )
        return self

    @property
    def secure(self) -> bool:
        """Whether people arrive by https."""
        return self.public_url.startswith("https://")

    @property
    def session_cookie(self) -> str:
        """Name of the session cookie: with the ``__Host-`` prefix (RFC 6265bis) wherever browsers accept it."""
        return self.auth.cookie_name or ("__Host-tarjuman" if self.secure else "tarjuman")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Values given in code only; ``load`` adds the environment, so that tests never depend on it."""
        return (init_settings,)


def load(environment: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """The settings from ``environment`` (default: the process's own). ``overrides`` win.

    Raises ``SettingsError`` with one sentence per mistake.
    """
    given = dict(os.environ if environment is None else environment)
    variables = _with_files({k: v for k, v in given.items() if k.startswith(PREFIX)})
    unknown = sorted(set(variables) - set(known_variables()))
    if unknown:
        raise SettingsError(f"unknown variables: {', '.join(unknown)}; .env.example lists all that exist")
    source = _Environment(variables)
    try:
        values = _merged(source(), InitSettingsSource(Settings, overrides)())
        return Settings(**values)
    except ValidationError as error:
        raise SettingsError(_explained(error)) from None
    except ValueError as error:
        raise SettingsError(str(error)) from None


def known_variables() -> dict[str, tuple[str, str]]:
    """Every variable with its default (as text, empty if none) and its description, in the order of the tree."""
    return {variable: (_as_text(info.default), info.description or "") for variable, info in _fields()}


def env_example() -> str:
    """The text of ``.env.example``: every variable, commented out, with its default."""
    lines = [
        "# Settings of Tarjuman. Every line shows the default; remove the # to change it.",
        "# Any variable may end in _FILE instead: then its value is read from that file (for secrets). Lists take commas.",
    ]
    for variable, (default, description) in known_variables().items():
        lines += ["", f"# {description}", f"#{variable}={default}"]
    return "\n".join(lines) + "\n"


class _Environment(EnvSettingsSource):
    """Reads a given mapping instead of ``os.environ``."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = {key.lower(): value for key, value in variables.items()}
        super().__init__(
            Settings, env_prefix=PREFIX, env_nested_delimiter=DELIMITER, env_ignore_empty=True, case_sensitive=False
        )

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {key: _listed(key, value) for key, value in self._variables.items() if value != ""}


def _listed(key: str, value: str) -> str:
    """Lists may be written with commas; the source wants JSON."""
    if key.upper() in _list_variables() and not value.startswith("["):
        return json.dumps([item.strip() for item in value.split(",") if item.strip()])
    return value


def _with_files(variables: Mapping[str, str]) -> dict[str, str]:
    result: dict[str, str] = {}
    for key, value in variables.items():
        target = key.removesuffix("_FILE")
        if target == key or key in known_variables():
            result[key] = value
            continue
        if target in variables:
            raise SettingsError(f"{target} and {key} are both set; keep one of them")
        try:
            result[target] = Path(value).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingsError(f"{key}: cannot read {value}: {error.strerror}") from None
    return result


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        result[key] = _merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return result


def _explained(error: ValidationError) -> str:
    sentences = []
    for problem in error.errors(include_input=False, include_url=False):
        where = (
            (PREFIX + DELIMITER.join(str(part) for part in problem["loc"])).upper() if problem["loc"] else "settings"
        )
        sentences.append(f"{where}: {problem['msg'].removeprefix('Value error, ')}")
    return "; ".join(sentences)


def _fields() -> Iterator[tuple[str, FieldInfo]]:
    for name, info in Settings.model_fields.items():
        section = info.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            for inner, inner_info in section.model_fields.items():
                yield f"{PREFIX}{name}{DELIMITER}{inner}".upper(), inner_info
        else:
            yield f"{PREFIX}{name}".upper(), info


def _list_variables() -> set[str]:
    return {variable for variable, info in _fields() if get_origin(info.annotation) is list}


def _as_text(default: Any) -> str:
    if default is None:
        return ""
    if isinstance(default, list):
        return ",".join(default)
    if isinstance(default, bool):
        return str(default).lower()
    return str(default)
