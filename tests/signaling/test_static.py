"""The pages: precompressed, hashed files for ever, one page for all addresses, no way out of the folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from signaling.static import WebClient


@pytest.fixture
def client(tmp_path: Path) -> WebClient:
    build = tmp_path / "dist"
    (build / "assets").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    (build / "index.html").write_text("<!doctype html>page")
    (build / "assets" / "app-1a2b.js").write_text("script")
    (build / "assets" / "app-1a2b.js.br").write_bytes(b"brotli")
    (build / "assets" / "app-1a2b.js.gz").write_bytes(b"gzip")
    (build / "icon.svg").write_text("<svg/>")
    (build / "outside").symlink_to(tmp_path / "secret.txt")
    return WebClient(build)


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("br, gzip", "br"), ("gzip", "gzip"), ("gzip;q=1.0, br;q=0", "gzip"), ("", None), ("identity", None),
        ("*", "br"), ("br;q=x", None),
    ],
)  # fmt: skip
def test_the_best_accepted_form_is_sent(client: WebClient, accepted: str, encoding: str | None) -> None:
    answer = client.answer("GET", "/assets/app-1a2b.js", accepted)
    assert answer.status_code == 200
    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["vary"] == "Accept-Encoding"


def test_hashed_files_never_change_and_the_page_is_always_asked_for(client: WebClient) -> None:
    assert "immutable" in client.answer("GET", "/assets/app-1a2b.js", "").headers["cache-control"]
    assert client.answer("GET", "/icon.svg", "").headers["cache-control"] == "no-cache"
    assert client.answer("GET", "/", "").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/", "/cases", "/cases/case_123", "/call/session_1", "/t", "/apiary"])
def test_addresses_of_the_app_get_the_page(client: WebClient, path: str) -> None:
    answer = client.answer("GET", path, "")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    "path",
    [
        "/api/x", "/assets/missing.js", "/socket", "/livez/x", "/favicon.ico", "/assets/app-1a2b.js.br",
        "/../secret.txt", "/assets/../../secret.txt", "/outside.txt", "/\0", "/assets/app.js.map",
    ],
)  # fmt: skip
def test_everything_else_is_missing(client: WebClient, path: str) -> None:
    assert client.answer("GET", path, "").status_code == 404


def test_links_do_not_lead_out(client: WebClient) -> None:
    answer = client.answer("GET", "/outside", "")
    assert getattr(answer, "path", Path("index.html")).name == "index.html"


def test_only_reading(client: WebClient) -> None:
    assert client.answer("POST", "/", "").status_code == 405
    assert client.answer("HEAD", "/", "").status_code == 200


def test_without_a_build_people_are_told_what_to_do(tmp_path: Path) -> None:
    answer = WebClient(tmp_path).answer("GET", "/", "")
    assert answer.status_code == 503
    assert b"make web" in answer.body
