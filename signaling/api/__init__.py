"""The HTTP interface: one module per group of resources, models first, then thin routes."""

from signaling.api import (
    admin,
    audit,
    auth,
    board,
    bookings,
    calls,
    cases,
    catalogue,
    health,
    interpreter,
    pool,
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
    calls.router,
    board.router,
    pool.router,
    admin.router,
    audit.router,
)
"""All routers, in the order of the documentation."""
