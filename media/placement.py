"""Pure choice of a node for a new room from what the nodes announce: draining, room left, recent success, region, load."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from media.protocol import MAX_PEERS, NodeStatus

_GRAY_BELOW = 0.5
"""A node on which less than this share of recent joins succeeded looks alive and is not; it comes last."""
_FULL_LOAD = 0.85
_STEPS = 10
"""Nodes whose load differs by less than a tenth count as equally loaded; rooms are then spread evenly."""


def choose(room_id: str, nodes: Iterable[NodeStatus], *, region: str = "") -> str | None:
    """The node for this room, or none when every node is full or draining.

    The same room and announcements always give the same node, so that two processes that choose at once agree."""
    fit = [node for node in nodes if not node.draining and node.peers + MAX_PEERS <= node.capacity]
    if not fit:
        return None

    def order(node: NodeStatus) -> tuple[bool, bool, bool, int, bytes]:
        load = max(node.load, node.peers / node.capacity)
        return (
            node.join_success < _GRAY_BELOW,
            load >= _FULL_LOAD,
            bool(region) and node.region != region,
            int(load * _STEPS),
            hashlib.sha256(f"{room_id}|{node.node_id}".encode()).digest(),
        )

    return min(fit, key=order).node_id
