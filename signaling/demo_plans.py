"""The demo's plan: asked for by the coordinator, so that it is searched as soon as the server runs."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.access import Actor
from core.errors import Conflict
from signaling.bootstrap import Services

_AHEAD = timedelta(days=14)
_SECONDS = 10


async def tell_plans(services: Services, now: datetime, coordinator: Actor, country: str) -> None:
    """Ask for one plan of the appointments that have nobody yet; the leased job finds it."""
    try:
        async with services.database.unit(coordinator) as uow:
            await services.scheduler.plans.service.ask(uow, country, now, now + _AHEAD, seconds=_SECONDS)
    except Conflict:
        return  # somebody asked already
