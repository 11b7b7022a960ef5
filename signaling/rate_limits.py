"""Rate limits through the ``limits`` library: in memory for one process, in Redis for several.

When Redis does not answer, each process counts for itself: a limit that is too generous for a while is better than no sign-in.
"""

from __future__ import annotations

import logging
import time

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError

from core.errors import TooMany
from core.settings import LimitSettings
from signaling.doors import Limit

log = logging.getLogger(__name__)

SIGN_IN_PER_MINUTE = 20
"""Sign-ins and one-time tokens that one address may try in a minute; a whole office may share an address."""


RETRY_AFTER = 10.0
"""Seconds until the shared counters are tried again after a failure."""


class RateLimits:
    """Counts requests by address or account."""

    def __init__(self, settings: LimitSettings, bus_url: str = "memory://") -> None:
        self._items: dict[Limit, RateLimitItem] = {
            Limit.NORMAL: RateLimitItemPerMinute(settings.requests_per_minute),
            Limit.SIGN_IN: RateLimitItemPerMinute(SIGN_IN_PER_MINUTE),
        }
        self._own = FixedWindowRateLimiter(MemoryStorage())
        self._own_until = 0.0
        self._shared = self._own if bus_url == "memory://" else FixedWindowRateLimiter(_redis(bus_url))

    async def count(self, limit: Limit, who: str) -> None:
        """Count one request. Raises ``TooMany('too_many', {retry_after})`` when there were too many in this minute."""
        item = self._items.get(limit)
        if item is None:
            return
        limiter = self._own if time.monotonic() < self._own_until else self._shared
        try:
            accepted = await limiter.hit(item, limit.value, who)
        except StorageError:
            log.warning("rate_limit_storage_failed")
            self._own_until = time.monotonic() + RETRY_AFTER
            limiter = self._own
            accepted = await limiter.hit(item, limit.value, who)
        if not accepted:
            stats = await limiter.get_window_stats(item, limit.value, who)
            raise TooMany("too_many", {"retry_after": max(1, int(stats.reset_time - time.time()) + 1)})


def _redis(url: str) -> Storage:
    return RedisStorage(
        f"async+{url}" if url.startswith("redis") else f"async+redis+{url}",
        wrap_exceptions=True,
        implementation="redispy",
        key_prefix="tarjuman:limits",
        socket_timeout=1.0,
    )
