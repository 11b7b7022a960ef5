"""The built web client: precompressed files, hashed assets that never change, and one page for every address of the app."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.types import Receive, Scope, Send

_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
_NOT_PAGES = ("/api", "/assets", "/socket", "/demo", "/livez", "/readyz", "/metrics")
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".woff2": "font/woff2"}
_MISSING = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Tarjuman</title>
<body style="font:1.1rem system-ui;max-width:36rem;margin:4rem auto;padding:0 1rem">
<h1>The web client has not been built</h1>
<p>The server runs, but its pages are missing. Run <code>make web</code> and load this page again.
It needs the npm registry once.</p></body></html>"""


def client_folder() -> Path:
    """Where the build of the web client lies: inside the installed package, else in the checkout."""
    here = Path(__file__).resolve().parent
    packaged = here / "static_files"
    return packaged if packaged.is_dir() else here.parent / "web_client" / "dist"


class WebClient:
    """ASGI application for everything that is no route: files of the build, else ``index.html``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    @property
    def built(self) -> bool:
        """Whether there is a build to serve."""
        return (self._folder / "index.html").is_file()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        accepted = dict(scope["headers"]).get(b"accept-encoding", b"").decode("latin-1")
        response = self.answer(scope["method"], scope["path"], accepted)
        if response.status_code in {404, 405}:
            raise HTTPException(
                response.status_code, headers=dict(response.headers) if response.status_code == 405 else None
            )
        await response(scope, receive, send)

    def answer(self, method: str, path: str, accepted: str) -> Response:
        """The response to a request; ``accepted`` is the header ``Accept-Encoding``."""
        if method not in {"GET", "HEAD"}:
            return Response(status_code=405, headers={"Allow": "GET, HEAD"})
        if "\0" in path:
            return Response(status_code=404)
        found = self._file(path)
        if found is not None:
            return self._send(found, accepted, immutable=path.startswith("/assets/"))
        if (
            any(path == prefix or path.startswith(prefix + "/") for prefix in _NOT_PAGES)
            or "." in path.rsplit("/", 1)[-1]
        ):
            return Response(status_code=404)
        if not self.built:
            return HTMLResponse(_MISSING, status_code=503)
        return self._send(self._folder / "index.html", accepted, immutable=False)

    def _file(self, path: str) -> Path | None:
        """The file of the build at ``path``; none for folders, for what is not there and for ways out of the build."""
        if path.endswith((".br", ".gz", ".map")):
            return None
        candidate = (self._folder / path.lstrip("/")).resolve()
        if candidate.is_relative_to(self._folder) and candidate.is_file():
            return candidate
        return None

    def _send(self, file: Path, accepted: str, *, immutable: bool) -> Response:
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable" if immutable else "no-cache",
            "Vary": "Accept-Encoding",
        }
        media_type = _TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        for encoding, suffix in _ENCODINGS:
            sibling = file.with_name(file.name + suffix)
            if _accepts(accepted, encoding) and sibling.is_file():
                return FileResponse(sibling, media_type=media_type, headers=headers | {"Content-Encoding": encoding})
        return FileResponse(file, media_type=media_type, headers=headers)


def _accepts(header: str, encoding: str) -> bool:
    """Whether ``Accept-Encoding`` names ``encoding`` without ``q=0`` (RFC 9110, 12.5.3)."""
    for part in header.lower().split(","):
        name, _, weight = part.strip().partition(";")
        if name.strip() in {encoding, "*"}:
            value = weight.strip().removeprefix("q=").strip()
            return not value or _number(value) > 0
    return False


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
