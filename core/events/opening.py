"""Which bus an installation has: in this process, or over Redis."""

from __future__ import annotations

from core.events.bus import EventBus
from core.settings import Settings


def open_bus(settings: Settings) -> EventBus:
    """In this process or over Redis, by the address."""
    if settings.bus_url == "memory://":
        from core.events.memory_bus import InProcessBus

        return InProcessBus()
    from core.events.redis_bus import RedisBus

    return RedisBus(settings.bus_url)
