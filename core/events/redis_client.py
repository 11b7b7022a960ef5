"""Connections to Redis, how long they may take, and what their failures mean."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from core.errors import Unavailable

TROUBLE = (RedisError, OSError, TimeoutError)
"""What a command may raise when Redis is away, starting or overloaded."""
BLOCK = 2.0
"""Seconds that a blocking read waits at the server before it asks again."""


class RedisClients:
    """The connections of one process: short commands, and blocking reads that would hold those up."""

    def __init__(self, url: str) -> None:
        retry = Retry(ExponentialBackoff(cap=0.5, base=0.02), 4)
        common: dict[str, Any] = {
            "decode_responses": True,
            "protocol": 2,
            "socket_connect_timeout": 2.0,
            "health_check_interval": 15,
        }
        self.commands = Redis(
            connection_pool=BlockingConnectionPool.from_url(
                url,
                max_connections=32,
                timeout=5,
                socket_timeout=5.0,
                retry=retry,
                retry_on_error=[RedisConnectionError, RedisTimeoutError],
                **common,
            )
        )
        self.blocking = Redis(
            connection_pool=ConnectionPool.from_url(url, max_connections=256, socket_timeout=BLOCK + 5.0, **common)
        )

    async def close(self) -> None:
        """Close all connections."""
        for client in (self.commands, self.blocking):
            await client.aclose()
            await client.connection_pool.disconnect()


@contextmanager
def unavailable_when_down() -> Iterator[None]:
    """Turn trouble with Redis into ``Unavailable('bus_unavailable')``. A wrong command stays a defect."""
    try:
        yield
    except ResponseError as error:
        if str(error).startswith(("LOADING", "READONLY", "OOM", "MASTERDOWN", "BUSY ", "MISCONF", "max number")):
            raise Unavailable("bus_unavailable") from error
        raise
    except TROUBLE as error:
        raise Unavailable("bus_unavailable") from error


def packed(value: Any) -> str:
    """JSON without spaces; raises ``TypeError`` for what is not JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
