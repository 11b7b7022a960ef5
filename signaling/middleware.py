"""What surrounds every HTTP request: correlation id, security headers, timing, and the last net under defects."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.clock import new_id
from core.logs import correlation
from core.settings import Settings

log = logging.getLogger(__name__)
HSTS = "max-age=63072000; includeSubDomains"


def security_headers(settings: Settings) -> dict[str, str]:
    """The headers of every answer. Pages may load only our own code, talk only to us, and be framed by nobody."""
    parts = urlsplit(settings.public_url)
    socket = f"{'wss' if settings.secure else 'ws'}://{parts.netloc}"
    csp = {
        "default-src": "'self'",
        "script-src": "'self' 'wasm-unsafe-eval'",
        "style-src": "'self'",
        "style-src-attr": "'unsafe-inline'",  # positions of tiles and bars are set as style attributes
        "img-src": "'self' data: blob:",
        "media-src": "'self' blob: mediastream:",
        "font-src": "'self'",
        "connect-src": f"'self' {socket}",
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    headers = {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in csp.items()),
        "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(), geolocation=(), payment=(), usb=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
    }
    if settings.secure:
        headers["Strict-Transport-Security"] = HSTS
    return headers


class HttpNumbers:
    """Counters of requests, by route and status; no addresses and no ids."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("method", "route", "status")
        self.requests = Counter("tarjuman_http_requests_total", "Answered HTTP requests", labels, registry=registry)
        self.seconds = Histogram(
            "tarjuman_http_seconds",
            "Time to answer",
            ("method", "route"),
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=registry,
        )


class Surroundings:
    """ASGI middleware, the outermost."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: Settings,
        numbers: HttpNumbers,
        on_defect: Callable[[Request], Response],
    ) -> None:
        self._app = app
        self._headers = security_headers(settings)
        self._largest = settings.limits.request_bytes
        self._numbers = numbers
        self._on_defect = on_defect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        correlation_id = new_id("req")
        scope.setdefault("state", {})["correlation_id"] = correlation_id
        with correlation(correlation_id):
            await self._surrounded(scope, receive, send, correlation_id)

    async def _surrounded(self, scope: Scope, receive: Receive, send: Send, correlation_id: str) -> None:
        started = time.perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers["X-Correlation-Id"] = correlation_id
                if scope["path"].startswith("/api/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self._app(scope, _limited(receive, self._largest), send_with_headers)
        except Exception:
            log.exception("request_defect", extra={"method": scope["method"], "route": _route(scope)})
            if status:
                raise
            await self._on_defect(Request(scope))(scope, receive, send_with_headers)
        finally:
            route = _route(scope)
            self._numbers.requests.labels(scope["method"], route, str(status or 500)).inc()
            self._numbers.seconds.labels(scope["method"], route).observe(time.perf_counter() - started)


def _limited(receive: Receive, largest: int) -> Receive:
    """``receive`` that refuses a body of more than ``largest`` bytes as soon as it is seen, declared or not."""
    seen = 0

    async def receive_some() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > largest:
            raise HTTPException(413)
        return message

    return receive_some


def _route(scope: Scope) -> str:
    """The pattern of the route, never the address itself: addresses hold ids."""
    return getattr(scope.get("route"), "path", None) or "static"
