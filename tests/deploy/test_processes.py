"""The composition at work, as plain processes: TLS, health, failover, roles, secrets, the relay's limits, an orderly end.

A call through it is in ``tests/scenarios``; what containers alone can show is not here (see ``compose_processes``).
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import redis

from tests.deploy import images
from tests.deploy.compose_processes import PUBLIC_ADDRESS, SITE_NAME, ComposeProcesses
from tests.services import free_port, missing

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(400)]
WEB_SERVERS = ("signaling-1", "signaling-2")


@pytest.fixture(scope="module")
def running() -> Iterator[ComposeProcesses]:
    lacking = images.missing_commands()
    if lacking:
        missing(", ".join(lacking))
    with ComposeProcesses() as composition:
        yield composition


def get(running: ComposeProcesses, path: str) -> tuple[int, dict[str, str], bytes]:
    """An https request to the site through Caddy, with its certificate checked."""
    connection = _HttpsConnection(running)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
    finally:
        connection.close()


class _HttpsConnection(http.client.HTTPSConnection):
    """Speaks to Caddy's own address under the name of the site."""

    def __init__(self, running: ComposeProcesses) -> None:
        trust = ssl.create_default_context(cafile=str(running.certificate_authority))
        super().__init__(SITE_NAME, running.https[1], timeout=45, context=trust)
        self._address = running.https
        self._trust = trust

    def connect(self) -> None:
        raw = socket.create_connection(self._address, timeout=45)
        self.sock = self._trust.wrap_socket(raw, server_hostname=SITE_NAME)


def ask(running: ComposeProcesses, server: str, path: str) -> tuple[int, Any]:
    """A plain request to one web server, past Caddy."""
    connection = http.client.HTTPConnection(running.addresses[server], 8000, timeout=45)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


class TestHealth:
    @pytest.mark.parametrize("server", WEB_SERVERS)
    def test_each_web_server_lives_and_is_ready(self, running: ComposeProcesses, server: str) -> None:
        for path in ("/livez", "/readyz"):
            status, body = ask(running, server, path)
            assert (status, body["ok"]) == (200, True), body

    def test_ready_means_database_bus_and_media(self, running: ComposeProcesses) -> None:
        _, body = ask(running, "signaling-1", "/readyz")
        assert {check["name"] for check in body["checks"]} >= {"database", "bus", "media", "clock"}

    def test_both_answer_through_tls(self, running: ComposeProcesses) -> None:
        for path in ("/livez", "/readyz"):
            status, _, body = get(running, path)
            assert status == 200
            assert json.loads(body)["ok"] is True


class TestFrontDoor:
    def test_pages_come_with_their_guards(self, running: ComposeProcesses) -> None:
        _, headers, _ = get(running, "/")
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["strict-transport-security"].startswith("max-age=")

    def test_figures_stay_inside(self, running: ComposeProcesses) -> None:
        assert get(running, "/metrics")[0] == 404

    def test_plain_http_is_sent_to_https(self, running: ComposeProcesses) -> None:
        connection = http.client.HTTPConnection(running.addresses["caddy"], 8080, timeout=45)
        connection.request("GET", "/cases", headers={"Host": SITE_NAME})
        response = connection.getresponse()
        connection.close()
        assert response.status in {301, 308}
        assert response.getheader("Location") == f"https://{SITE_NAME}/cases"

    def test_strangers_learn_nothing(self, running: ComposeProcesses) -> None:
        status, headers, body = get(running, "/api/cases")
        assert status == 401
        assert headers["content-type"].startswith("application/problem+json")
        assert "traceback" not in body.decode().lower()


class TestServices:
    def test_web_servers_sign_in_as_a_role_that_row_level_security_binds(self, running: ComposeProcesses) -> None:
        password = (running.secrets / "database_password").read_text()
        address = running.addresses["postgres"]
        with psycopg.connect(
            host=address, user="tarjuman_app", password=password, dbname="tarjuman", connect_timeout=45
        ) as connection:
            role = (
                "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
            )
            assert connection.execute(role).fetchone() == (False, False, False, False)
            owned = connection.execute("SELECT count(*) FROM pg_tables WHERE tableowner = current_user").fetchone()
            assert owned == (0,)
            tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
            assert tables is not None
            assert tables[0] > 5
            assert connection.execute("SELECT count(*) FROM cases").fetchone() == (0,)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("CREATE TABLE mine (id int)")

    def test_the_bus_wants_its_password(self, running: ComposeProcesses) -> None:
        stranger = redis.Redis(host=running.addresses["redis"], port=6379, socket_timeout=45)
        with pytest.raises(redis.AuthenticationError):
            stranger.ping()
        stranger.close()

    def test_no_secret_is_logged(self, running: ComposeProcesses) -> None:
        hidden = [
            path.read_text().strip() for path in running.secrets.iterdir() if path.name.endswith(("password", "secret"))
        ]
        for name in running.running:
            log = running.log(name, lines=10_000)
            assert not [secret for secret in hidden if secret in log], name


class TestRelay:
    """coturn with time-limited credentials, which reaches the media nodes' address and no other."""

    def relay(self, running: ComposeProcesses, peer: str, secret: str) -> subprocess.CompletedProcess[str]:
        port = str(free_port())
        credential = ["-W", secret, "-u", "tarjuman"]
        client = ["turnutils_uclient", "-n", "5", "-m", "1", "-c", "-X", *credential, "-e", peer, "-r", port]
        with subprocess.Popen(
            ["turnutils_peer", "-L", peer, "-p", port], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as echo:
            try:
                return subprocess.run(
                    [*client, running.addresses["coturn"]], capture_output=True, text=True, timeout=60, check=False
                )
            finally:
                echo.terminate()

    def test_reaches_the_media_nodes(self, running: ComposeProcesses) -> None:
        secret = (running.secrets / "turn_secret").read_text()
        result = self.relay(running, PUBLIC_ADDRESS, secret)
        assert result.returncode == 0, result.stdout
        assert "tot_send_msgs=5, tot_recv_msgs=5" in result.stdout

    def test_speaks_tls_with_the_certificate_of_the_operator(self, running: ComposeProcesses) -> None:
        trusted = ssl.create_default_context(cafile=str(running.secrets / "turn_certificate"))
        where = (running.addresses["coturn"], 5349)
        with (
            socket.create_connection(where, timeout=45) as plain,
            trusted.wrap_socket(plain, server_hostname="tarjuman.example.org") as secure,
        ):
            assert secure.version() in {"TLSv1.2", "TLSv1.3"}

    def test_reaches_nothing_else(self, running: ComposeProcesses) -> None:
        secret = (running.secrets / "turn_secret").read_text()
        result = self.relay(running, running.addresses["postgres"], secret)
        assert "403" in result.stdout
        assert "tot_recv_msgs=5" not in result.stdout

    def test_wants_a_credential(self, running: ComposeProcesses) -> None:
        result = self.relay(running, PUBLIC_ADDRESS, "not the secret")
        assert result.returncode != 0
        assert "tot_recv_msgs=5" not in result.stdout


class TestFailure:
    """Last, because these stop things and start them again."""

    def test_the_other_web_server_takes_over(self, running: ComposeProcesses) -> None:
        begun = time.monotonic()
        assert [get(running, "/livez")[0] for _ in range(10)] == [200] * 10
        usual = time.monotonic() - begun
        running.kill("signaling-1")
        begun = time.monotonic()
        statuses = [get(running, "/livez")[0] for _ in range(10)]
        assert statuses == [200] * 10
        assert time.monotonic() - begun < 10 + 3 * usual
        running.start("signaling-1")
        running.wait("signaling-1")

    @pytest.mark.parametrize("name", ["signaling-2", "media-2"])
    def test_ends_in_order_when_asked(self, running: ComposeProcesses, name: str) -> None:
        begun = time.monotonic()
        code = running.stop(name)
        assert code in {0, -15}, running.log(name)
        assert time.monotonic() - begun < running.services[name].grace
        running.start(name)
        running.wait(name)
