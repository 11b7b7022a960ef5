"""Nothing is loaded or kept that is not what its hash says; fetching goes on where it broke off."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from media.speech.fetch import FetchError, fetch
from media.speech.models import SUMS, ModelDirectories, ModelError, ModelState, Verifier, check

FILES = {
    "model.bin": b"weights" * 5000,
    "config.json": b"{}",
    "tokenizer.json": b'{"a": 1}',
    "vocabulary.txt": b"a\nb\n",
}


def sums(files: dict[str, bytes]) -> str:
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items())


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    (folder / SUMS).write_text(sums(FILES))
    return folder


def test_a_directory_with_the_right_sums_is_verified(model: Path) -> None:
    check(model)
    assert Verifier().state(model) is None


@pytest.mark.parametrize(
    ("spoil", "state", "file"),
    [
        (lambda folder: (folder / "model.bin").write_bytes(b"other"), ModelState.WRONG, "model.bin"),
        (lambda folder: (folder / "tokenizer.json").unlink(), ModelState.MISSING, "tokenizer.json"),
        (lambda folder: (folder / SUMS).unlink(), ModelState.UNPINNED, "model.bin"),
    ],
)
def test_a_spoilt_directory_is_refused(model: Path, spoil: object, state: ModelState, file: str) -> None:
    verifier = Verifier()
    assert verifier.state(model) is None
    spoil(model)  # type: ignore[operator]
    with pytest.raises(ModelError) as error:
        check(model)
    assert (error.value.state, error.value.file) == (state, file)
    found = verifier.state(model)
    assert found is not None
    assert found.state is state


def test_pashto_is_never_served_by_the_default(tmp_path: Path) -> None:
    stock = ModelDirectories.parse([f"default={tmp_path}"])
    assert stock.directory("ar") == tmp_path
    assert stock.directory("ps") is None
    assert stock.reason("pbu") is ModelState.NO_PASHTO_MODEL
    assert stock.reason("kmr") is ModelState.NO_TOKEN
    assert stock.reason("apc") is None
    own = ModelDirectories.parse([f"ps={tmp_path}"])
    assert own.reason("pbu") is None
    assert own.reason("apc") is ModelState.NOT_CONFIGURED
    with pytest.raises(ValueError, match="name=directory"):
        ModelDirectories.parse(["klingon=/x"])


class _Server(BaseHTTPRequestHandler):
    cut_at = 0
    ranges: list[str | None] = []  # noqa: RUF012 - shared on purpose
    files: dict[str, bytes] = FILES

    def do_GET(self) -> None:
        name = self.path.rsplit("/", 1)[1]
        content = self.files.get(name)
        if content is None:
            self.send_error(404)
            return
        asked = self.headers.get("Range")
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        if name == "model.bin":
            self.ranges.append(asked)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        body = content[start:]
        if name == "model.bin" and self.cut_at and not start:
            body = body[: self.cut_at]
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    _Server.cut_at, _Server.ranges, _Server.files = 0, [], FILES
    house = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    thread = threading.Thread(target=house.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{house.server_port}"
    house.shutdown()
    thread.join(5)
    house.server_close()


def test_fetch_goes_on_where_it_broke_off(server: str, tmp_path: Path) -> None:
    listed = tmp_path / "sums"
    listed.write_text(sums(FILES))
    _Server.cut_at = 10_000
    with pytest.raises(FetchError, match="broke off"):
        fetch("mine", server, tmp_path / "models", sums=listed)
    _Server.cut_at = 0
    target = fetch("mine", server, tmp_path / "models", sums=listed)
    assert _Server.ranges == [None, "bytes=10000-"]
    check(target)


def test_fetch_refuses_what_is_not_pinned_or_not_the_same(server: str, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="no SHA-256 is known"):
        fetch("mine", server, tmp_path)
    with pytest.raises(FetchError, match=r"no SHA-256 is known for config\.json"):
        fetch("small", server, tmp_path)
    _Server.files = {**FILES, "config.json": b'{"evil": true}'}
    listed = tmp_path / "sums"
    listed.write_text(sums(FILES))
    with pytest.raises(FetchError, match=r"config\.json is"):
        fetch("mine", server, tmp_path, sums=listed)
    assert not (tmp_path / "mine" / "config.json").exists()
    assert not (tmp_path / "mine" / "config.json.part").exists()
    with pytest.raises(FetchError, match="https"):
        fetch("mine", "ftp://somewhere", tmp_path, sums=listed)


def test_without_a_network_it_says_what_to_do(tmp_path: Path) -> None:
    listed = tmp_path / "sums"
    listed.write_text(sums(FILES))
    with pytest.raises(FetchError, match="copy the directory by hand"):
        fetch("mine", "http://127.0.0.1:9", tmp_path, sums=listed)
