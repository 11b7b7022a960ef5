"""docker-compose.yml and Dockerfile as the real tools see them, and what we demand of them beyond that."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from core.settings import Settings, known_variables, load
from tests.deploy.composition import (
    COMPOSE_FILE,
    PLAIN_FILE,
    ROOT,
    CompositionError,
    Service,
    Translation,
    compose_config,
    seconds,
    services_of,
    start_order,
)

ENVIRONMENT = {"PUBLIC_ADDRESS": "203.0.113.7", "SITE_NAME": "tarjuman.example.org"}
OURS = "tarjuman"
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return compose_config([COMPOSE_FILE], ENVIRONMENT)


@pytest.fixture(scope="module")
def services(config: dict[str, Any]) -> dict[str, Service]:
    return services_of(config)


def run(*argv: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in argv], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


class TestTools:
    def test_compose_accepts_it(self, services: Mapping[str, Service]) -> None:
        assert {"caddy", "postgres", "redis", "coturn", "migrate", "signaling-1", "signaling-2"} <= set(services)

    def test_compose_would_refuse_a_misspelt_key(self, tmp_path: Path) -> None:
        path = tmp_path / "docker-compose.yml"
        path.write_text(COMPOSE_FILE.read_text(encoding="utf-8").replace("mem_limit:", "memlimit:"), encoding="utf-8")
        with pytest.raises(CompositionError, match="memlimit"):
            compose_config([path], ENVIRONMENT)

    def test_without_a_public_address_it_does_not_start(self) -> None:
        with pytest.raises(CompositionError, match="the address under which browsers reach this machine"):
            compose_config([COMPOSE_FILE], {})

    def test_compose_lint(self) -> None:
        rules = ROOT / "tests/deploy/compose-lint.yml"
        result = run(
            BIN / "compose-lint", "check", "-q", "--fail-on", "low", "--strict-config", "--config", rules, COMPOSE_FILE
        )
        assert result.returncode == 0, result.stdout + result.stderr

    def test_hadolint(self, tmp_path: Path) -> None:
        result = run(BIN / "hadolint", ROOT / "Dockerfile")
        assert result.returncode == 0, result.stdout
        worse = tmp_path / "Dockerfile"
        worse.write_text((ROOT / "Dockerfile").read_text(encoding="utf-8") + "USER root\n", encoding="utf-8")
        assert run(BIN / "hadolint", worse).returncode == 1


class TestSettings:
    def test_every_variable_exists(self, services: Mapping[str, Service]) -> None:
        known = set(known_variables())
        given = {name for service in services.values() for name in service.environment if name.startswith("TARJUMAN_")}
        assert given
        assert {name for name in given if name not in known and name.removesuffix("_FILE") not in known} == set()

    def test_every_process_accepts_its_settings(self, services: Mapping[str, Service], tmp_path: Path) -> None:
        secrets = {
            "database_url": "postgresql+psycopg://a:b@postgres:5432/tarjuman",
            "database_owner_url": "postgresql+psycopg://a:b@postgres:5432/tarjuman",
            "bus_url": "redis://:a@redis:6379/0",
            "turn_secret": "a",
        }
        for name, text in secrets.items():
            (tmp_path / name).write_text(text)
        for service in services.values():
            if service.repository == OURS:
                settings = self._settings(service, tmp_path)
                assert settings.media.in_process is (service.name == "migrate"), service.name
                if service.name.startswith("signaling"):
                    assert settings.turn.secret is not None
                    assert settings.turn.urls[0].startswith("turn:203.0.113.7:3478")
                    assert settings.public_url == "https://tarjuman.example.org"

    @staticmethod
    def _settings(service: Service, secrets: Path) -> Settings:
        return load({k: v.replace("/run/secrets", str(secrets)) for k, v in service.environment.items()})


class TestHardening:
    def test_every_service_is_confined(self, config: Mapping[str, Any]) -> None:
        for name, body in config["services"].items():
            assert body["read_only"] is True, name
            assert body["cap_drop"] == ["ALL"], name
            assert set(body.get("cap_add", [])) <= ({"NET_BIND_SERVICE"} if name in {"caddy", "coturn"} else set()), (
                name
            )
            assert body["security_opt"] == ["no-new-privileges:true"], name
            assert int(body["mem_limit"]) > 0, name
            assert body["cpus"] > 0, name
            assert body["pids_limit"] > 0, name
            assert "healthcheck" in body or name in {"migrate", "media-1", "media-2"}, name
            assert "network_mode" not in body, name

    def test_media_nodes_cannot_reach_the_database(self, config: Mapping[str, Any]) -> None:
        on_data = {name for name, body in config["services"].items() if "data" in body["networks"]}
        assert on_data == {"signaling-1", "signaling-2", "migrate", "postgres"}
        for name, body in config["services"].items():
            if name.startswith("media"):
                assert {secret["source"] for secret in body["secrets"]} == {"bus_url"}

    def test_only_what_browsers_need_is_published(self, config: Mapping[str, Any]) -> None:
        published = {name for name, body in config["services"].items() if body.get("ports")}
        assert published == {"caddy", "coturn", "media-1", "media-2"}
        outside = {name for name, body in config["services"].items() if "public" in body["networks"]}
        assert outside == published
        assert all(network.get("internal") for name, network in config["networks"].items() if name != "public")

    def test_no_secret_in_the_environment(self, config: Mapping[str, Any]) -> None:
        names = [name for body in config["services"].values() for name in body.get("environment", {})]
        assert [
            n for n in names if re.search("SECRET|PASSWORD|DATABASE_URL|BUS_URL", n) and not n.endswith("_FILE")
        ] == []

    def test_media_ports_are_disjoint_and_published_as_they_are(self, services: Mapping[str, Service]) -> None:
        taken: set[int] = set()
        for name, service in services.items():
            if name.startswith("media"):
                first, last = (int(service.environment[f"TARJUMAN_MEDIA__PORT_{end}"]) for end in ("MIN", "MAX"))
                ports = set(range(first, last + 1))
                assert service.published == {port: port for port in ports}
                assert not taken & ports
                taken |= ports

    def test_relay_reaches_the_media_nodes_and_nothing_else(self, services: Mapping[str, Service]) -> None:
        text = services["coturn"].texts["/etc/coturn/base.conf"]
        options = [line.partition("=")[::2] for line in text.splitlines()]
        assert [value for key, value in options if key == "allowed-peer-ip"] == ["203.0.113.7"]
        assert ("denied-peer-ip", "0.0.0.0-255.255.255.255") in options
        assert {"use-auth-secret", "no-multicast-peers", "no-cli", "no-tcp-relay"} <= {key for key, _ in options}
        numbers = {key: int(value) for key, value in options if value.isdigit()}
        assert set(range(numbers["min-port"], numbers["max-port"] + 1)) <= set(services["coturn"].published)
        assert numbers["total-quota"] <= numbers["max-port"] - numbers["min-port"] + 1


class TestDockerfile:
    TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")

    def test_runs_as_the_user_that_compose_names(self) -> None:
        user = re.findall(r"^USER (\S+)$", self.TEXT, re.MULTILINE)
        raw = yaml.safe_load(COMPOSE_FILE.read_text(encoding="utf-8"))
        assert user == [raw["x-tarjuman"]["user"]]

    def test_copies_only_what_exists_and_is_let_in(self) -> None:
        let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
        copied = set()
        for line in re.findall(r"^COPY (?!--from)(.+)$", self.TEXT, re.MULTILINE):
            copied |= {part.split("/")[0] for part in line.split()[:-1]}
        assert copied == let_in
        assert [name for name in copied if not (ROOT / name).exists()] == []

    def test_brings_along_what_a_checkout_has_beside_the_packages(self) -> None:
        """Folders that the code looks for inside the installed package first."""
        code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "signaling").glob("*.py"))
        folders = re.findall(r'here / "(\w+_files)"', code)
        assert folders
        assert [name for name in folders if f"signaling/{name}" not in self.TEXT] == []

    def test_the_sip_stack_comes_only_where_it_is_asked_for(self) -> None:
        """One image for all, and one word that adds the stack to the image of the server that holds a trunk."""
        assert re.findall(r"^ARG (\S+)$", self.TEXT, re.MULTILINE) == ["LOCK=requirements.lock"]
        assert 'RUN pip install --require-hashes -r "$LOCK"' in self.TEXT
        assert "baresip" not in (ROOT / "requirements.lock").read_text(encoding="utf-8")
        assert "baresip-python==" in (ROOT / "requirements-sip.lock").read_text(encoding="utf-8")

    def test_both_stages_have_the_same_base(self) -> None:
        bases = re.findall(r"^FROM (\S+)", self.TEXT, re.MULTILINE)
        assert len(bases) == 2
        assert len(set(bases)) == 1


class TestTranslation:
    """The words of a container become those of one machine."""

    HERE = Translation(
        own="127.77.0.12",
        hosts={"postgres": "127.77.0.15", "signaling-1": "127.77.0.17"},
        public="127.0.0.1",
        published={3478: ("127.77.0.11", 3478)},
        paths={"/data": Path("/x/volumes/data"), "/data/deep": Path("/x/deep")},
    )

    @pytest.mark.parametrize(
        ("container", "here"),
        [
            ("postgresql+psycopg://postgres:p@postgres:5432/t", "postgresql+psycopg://postgres:p@127.77.0.15:5432/t"),
            ("reverse_proxy signaling-1:8000 signaling-10:8000", "reverse_proxy 127.77.0.17:8000 signaling-10:8000"),
            ("bind 0.0.0.0", "bind 127.77.0.12"),
            ("denied-peer-ip=0.0.0.0-255.255.255.255", "denied-peer-ip=0.0.0.0-255.255.255.255"),
            ("turn:127.0.0.1:3478?transport=udp", "turn:127.77.0.11:3478?transport=udp"),
            ("http://127.0.0.1:8000/livez", "http://127.77.0.12:8000/livez"),
            ("allowed-peer-ip=127.0.0.1", "allowed-peer-ip=127.0.0.1"),
            ("cat /data/deep /data/a /database", "cat /x/deep /x/volumes/data/a /database"),
        ],
    )
    def test_text(self, container: str, here: str) -> None:
        assert self.HERE.text(container) == here

    def test_health_checks_speak_to_their_own_container(self) -> None:
        assert self.HERE.health("127.0.0.1") == "127.77.0.12"

    def test_dependencies_come_first(self) -> None:
        services = services_of(compose_config([COMPOSE_FILE, PLAIN_FILE], ENVIRONMENT))
        order = start_order(services)
        assert sorted(order) == sorted(services)
        for name, service in services.items():
            assert all(order.index(need) < order.index(name) for need in service.needs)

    def test_durations(self) -> None:
        assert [seconds("1m30s"), seconds("500ms"), seconds("2h")] == [90.0, 0.5, 7200.0]
        with pytest.raises(ValueError, match="no duration"):
            seconds("5 minutes")
