"""The HTTP interface: one module per group of resources, models first, then thin routes."""

from signaling.api import auth, catalogue, health

ROUTERS = (health.router, auth.router, catalogue.router)
"""All routers, in the order of the documentation."""
