"""The HTTP interface: one module per group of resources, models first, then thin routes."""

from signaling.api import admin, audit, auth, catalogue, health

ROUTERS = (health.router, auth.router, catalogue.router, admin.router, audit.router)
"""All routers, in the order of the documentation."""
