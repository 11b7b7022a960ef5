"""The web application: routes, what surrounds them, the socket and the pages. Decides nothing itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from starlette.responses import Response

from signaling.api import ROUTERS
from signaling.api.catalogue import product_version
from signaling.api.telephony_carrier import stream_router
from signaling.bootstrap import Services
from signaling.middleware import HttpNumbers, Surroundings
from signaling.openapi import router as openapi_router
from signaling.problems import ProblemWriter, install
from signaling.socket import router as socket_router
from signaling.static import WebClient, client_folder


def create_app(services: Services) -> FastAPI:
    """The application for these services; they run as long as the application does."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with services.running():
            yield

    app = FastAPI(
        title="Tarjuman",
        version=product_version(),
        description="Interpreters for identification and asylum interviews, from the case. See docs/protocol.md.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.services = services
    writer = ProblemWriter(services.texts)
    install(app, writer)
    for router in (*ROUTERS, openapi_router):
        app.router.routes.extend(router.routes)
    app.router.routes.extend(socket_router(services.live.socket).routes)
    app.router.routes.extend(stream_router(services.telephony.streams).routes)
    app.mount("/", WebClient(client_folder()))

    def on_defect(request: Request) -> Response:
        return writer.problem(request, 500, "internal")

    app.add_middleware(
        Surroundings,
        settings=services.settings,
        numbers=HttpNumbers(services.registry),
        on_defect=on_defect,
    )
    return app
