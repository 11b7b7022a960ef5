"""Which node a room gets."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from media.placement import choose
from media.protocol import NodeStatus


def node(name: str, **over: object) -> NodeStatus:
    known: dict[str, object] = {
        "node_id": name, "at": datetime(2026, 11, 22, tzinfo=UTC), "room_ids": (), "rooms": 0, "peers": 0,
        "capacity": 100, "load": 0.0, "draining": False,
    }  # fmt: skip
    return NodeStatus.model_validate({**known, **over})


def test_none_when_nothing_is_left() -> None:
    assert choose("r", []) is None
    assert choose("r", [node("a", draining=True), node("b", peers=95)]) is None


def test_the_less_loaded_one() -> None:
    assert choose("r", [node("a", load=0.6), node("b", load=0.2)]) == "b"
    assert choose("r", [node("a", peers=80), node("b", peers=10)]) == "b"


def test_own_region_before_load_but_not_when_overloaded() -> None:
    near, far = node("near", region="rs", load=0.5), node("far", region="mk", load=0.1)
    assert choose("r", [near, far], region="rs") == "near"
    assert choose("r", [near.model_copy(update={"load": 0.9}), far], region="rs") == "far"


def test_a_node_that_fails_its_joins_comes_last() -> None:
    gray, busy = node("gray", join_success=0.2), node("busy", load=0.95)
    assert choose("r", [gray, busy]) == "busy"
    assert choose("r", [gray]) == "gray"


def test_equal_nodes_share_the_rooms() -> None:
    nodes = [node("a"), node("b"), node("c")]
    chosen = [choose(f"room{number}", nodes) for number in range(300)]
    assert all(chosen.count(name) > 60 for name in "abc")


@given(st.text(min_size=1), st.permutations(["a", "b", "c", "d"]))
def test_order_of_announcements_does_not_matter(room: str, names: list[str]) -> None:
    nodes = [node(name, load=(ord(name) - 97) / 20) for name in names]
    assert choose(room, nodes) == choose(room, sorted(nodes, key=lambda n: n.node_id))
