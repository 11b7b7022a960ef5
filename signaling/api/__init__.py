"""The HTTP interface: one module per group of resources, models first, then thin routes."""

from signaling.api import (
    admin,
    audit,
    auth,
    board,
    bookings,
    calendar,
    calls,
    cases,
    catalogue,
    health,
    interpreter,
    pay,
    pool,
    ring,
    pool_life,
    quality,
    sessions,
)

ROUTERS = (
    health.router,
    auth.router,
    catalogue.router,
    cases.router,
    sessions.router,
    bookings.router,
    interpreter.router,
    calendar.router,
    calls.router,
    board.router,
    ring.router,
    pool.router,
    pool_life.router,
    quality.router,
    pay.router,
    admin.router,
    audit.router,
)
"""All routers, in the order of the documentation."""
