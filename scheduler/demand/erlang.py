"""How many people a stream of requests needs: Erlang B and C, with the ring's own time taken off the target. Pure.

Requests come at random at a rate, each takes its time, who finds nobody free waits in line (M/M/n). Own, short and stable: the
recursion of Erlang B never forms a factorial. Checked in the tests against an independent event simulation.
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, isfinite

SERVICE_SHARE, SERVICE_SECONDS = 0.9, 60.0
"""The product's promise in normal load: nine in ten within a minute (domain 4.4)."""
HANDLING_MINUTES = 25.0
"""Interpreting and the time around it (policy; measure and replace)."""
RING_SECONDS = 14.0
"""How long a ring takes until somebody accepts, where nothing was measured (policy)."""
_MOST = 5_000


def erlang_b(agents: int, load: float) -> float:
    """Share of requests that find all ``agents`` busy when nobody waits; ``load`` in Erlangs (rate x time)."""
    blocked = 1.0
    for n in range(1, agents + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked


def erlang_c(agents: int, load: float) -> float:
    """Share of requests that have to wait; 1 when the load is not less than the agents."""
    if load <= 0:
        return 0.0
    if load >= agents:
        return 1.0
    blocked = erlang_b(agents, load)
    return agents * blocked / (agents - load * (1 - blocked))


def service_level(agents: int, per_hour: float, handling_minutes: float, seconds: float) -> float:
    """Share of requests that wait no longer than ``seconds`` for a free person."""
    load = per_hour * handling_minutes / 60
    if load <= 0:
        return 1.0
    if load >= agents:
        return 0.0
    return 1 - erlang_c(agents, load) * exp(-(agents - load) * max(0.0, seconds) / (handling_minutes * 60))


@lru_cache(maxsize=65_536)
def agents_for(
    per_hour: float,
    handling_minutes: float = HANDLING_MINUTES,
    *,
    share: float = SERVICE_SHARE,
    seconds: float = SERVICE_SECONDS,
    ring_seconds: float = 0.0,
) -> int:
    """Fewest people so that ``share`` of the requests wait at most ``seconds``, of which the ring itself takes ``ring_seconds``.

    0 for a rate of 0. Raises ``ValueError`` for what is no rate, and when more than 5,000 people would be needed.
    """
    if not (isfinite(per_hour) and isfinite(handling_minutes) and per_hour >= 0 and handling_minutes > 0 < share < 1):
        raise ValueError("rate, handling time or share is out of range")
    if per_hour == 0:
        return 0
    load = per_hour * handling_minutes / 60
    left = max(0.0, seconds - ring_seconds)
    agents, blocked = 0, 1.0
    while agents < _MOST:
        agents += 1
        blocked = load * blocked / (agents + load * blocked)
        if agents <= load:
            continue
        waits = agents * blocked / (agents - load * (1 - blocked))
        if 1 - waits * exp(-(agents - load) * left / (handling_minutes * 60)) >= share:
            return agents
    raise ValueError("more people would be needed than can be planned")
