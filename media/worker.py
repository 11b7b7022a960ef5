"""A media node on a bus: answers commands, publishes news, announces its state, drains at the end. The body of ``tarjuman media``."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import ValidationError

from core.clock import Clock
from core.errors import Invalid, Unavailable
from core.events.bus import EventBus, Json
from core.settings import MediaSettings
from media.client import reply_to_json
from media.lines.link import LinesOptions
from media.node import MediaNode, NodeOptions
from media.protocol import (
    MAX_PEERS,
    NODES_TOPIC,
    News,
    NodeStatus,
    address_of,
    command_from_json,
    news_to_event,
    to_json,
)
from media.sockets import WireOptions, local_addresses

logger = logging.getLogger(__name__)


def node_options(settings: MediaSettings) -> NodeOptions:
    """From the settings tree. The capacity is what the port range and the number of rooms allow."""
    wire = WireOptions(
        low_port=settings.port_min,
        high_port=settings.port_max,
        advertised=settings.advertised_address,
        interfaces=tuple(settings.interfaces),
        allow_loopback=settings.allow_loopback,
    )
    ports = settings.port_max - settings.port_min + 1
    return NodeOptions(
        node_id=settings.node_id,
        region=settings.region,
        capacity=min(ports, settings.max_rooms * MAX_PEERS),
        wire=wire,
        lines=LinesOptions(host=settings.lines_host, port=settings.lines_port, name=settings.lines_name),
    )


@asynccontextmanager
async def serving(options: NodeOptions, bus: EventBus, clock: Clock) -> AsyncIterator[MediaNode]:
    """A running node that answers on the bus while the context is open; rooms that are left then are closed."""

    async def emit(news: News) -> None:
        await bus.publish(news_to_event(news))

    async def announce(status: NodeStatus) -> None:
        await bus.append(NODES_TOPIC, to_json(status))

    if not local_addresses(options.wire):
        logger.warning("no address of this machine passes the interface filter; nobody will be able to connect")
    async with MediaNode(options, clock, emit, announce) as node:

        async def answer(body: Json) -> Json:
            try:
                command = command_from_json(body)
            except ValidationError as error:
                raise Invalid("command_invalid") from error
            return reply_to_json(await node.handle(command))

        async with bus.serve(address_of(options.node_id), answer):
            await announce(node.status())
            yield node


async def run_worker(
    settings: MediaSettings, bus: EventBus, clock: Clock, stop: asyncio.Event, *, drain_timeout: float = 3600.0
) -> None:
    """Runs a node until ``stop`` is set, then takes no new rooms and ends when the last one is over, or after
    ``drain_timeout`` seconds. A node that dies instead is known by its missing announcements."""
    async with serving(node_options(settings), bus, clock) as node:
        try:
            await node.sound.ready()
        except Unavailable:
            logger.warning("no sound process yet: telephones cannot join; browsers are served")
        logger.info("media node ready", extra={"node_id": settings.node_id})
        await stop.wait()
        node.draining = True
        await bus.append(NODES_TOPIC, to_json(node.status()))
        if not await node.drain(drain_timeout):
            logger.warning("rooms left at the end of draining", extra={"rooms": len(node.status().room_ids)})
