"""Signs of life for load balancers and numbers for the operator. No personal data."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from core.errors import Unavailable
from signaling.api.routing import guarded_router
from signaling.api.shapes import Out
from signaling.deps import Svc
from signaling.health import LAG_LIMIT, check_bus, check_clock, run_check

router: APIRouter = guarded_router("operations")


class Alive(Out):
    """The process lives and its loop turns."""

    ok: bool
    loop_lag_ms: int


class CheckOut(Out):
    """One check."""

    name: str
    ok: bool
    detail: str
    ms: int


class Ready(Out):
    """Whether requests should be sent here."""

    ok: bool
    checks: list[CheckOut]


@router.get("/livez", include_in_schema=False)
async def livez(response: Response, services: Svc) -> Alive:
    """Alive while the event loop is not stuck; 503 means: restart this process."""
    lag = services.lag.now()
    if lag > LAG_LIMIT:
        response.status_code = 503
    return Alive(ok=lag <= LAG_LIMIT, loop_lag_ms=round(lag * 1000))


@router.get("/readyz", include_in_schema=False)
async def readyz(response: Response, services: Svc) -> Ready:
    """Ready while database, bus, media node and clock are as they should be; 503 means: send requests elsewhere."""

    async def media() -> None:
        if not services.nodes.alive():
            raise Unavailable("no_media_node")

    checks = await asyncio.gather(
        run_check("database", services.database.ping),
        run_check("bus", lambda: check_bus(services.bus)),
        run_check("media", media),
        run_check("clock", lambda: check_clock(services.database)),
    )
    ok = all(check.ok for check in checks)
    if not ok:
        response.status_code = 503
    return Ready(
        ok=ok,
        checks=[CheckOut(name=c.name, ok=c.ok, detail=c.detail, ms=round(c.seconds * 1000)) for c in checks],
    )


@router.get("/metrics", include_in_schema=False)
async def metrics(services: Svc) -> Response:
    """Numbers in the Prometheus text format; only from the inside."""
    return Response(generate_latest(services.registry), media_type=CONTENT_TYPE_LATEST)
