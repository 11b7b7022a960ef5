"""Routes that knock at their door (``signaling.doors``) before anything else happens: before the body is read, before a
unit of work is opened."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from signaling.deps import pass_door
from signaling.doors import Door, door
from signaling.problems import RESPONSES


class GuardedRoute(APIRoute):
    """A route with its door. One that is not in the register raises ``LookupError`` when it is defined."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **kwargs: Any) -> None:
        super().__init__(path, endpoint, **kwargs)
        self.doors: dict[str, Door] = {method: door(method, path) for method in self.methods or ()}

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            await pass_door(request, self.doors[request.method])
            return await handle(request)

        return guarded


def guarded_router(tag: str) -> APIRouter:
    """A router whose routes are all guarded; paths are written in full."""
    return APIRouter(tags=[tag], route_class=GuardedRoute, responses=RESPONSES)
