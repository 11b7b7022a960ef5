"""How good somebody's line is, as the house notes it: taken from the node itself, because news may overtake each other."""

from __future__ import annotations

from typing import cast

from core.clock import ManualClock
from core.errors import NotFound
from core.events.bus import Event
from media.ice import IceConfig
from media.protocol import (
    Direction,
    Grade,
    News,
    PeerDescription,
    PeerFlags,
    PeerHeard,
    PeerNumbers,
    QualityChanged,
    RoomDescription,
    to_json,
)
from records.models import Session
from signaling.call_media import CallMedia
from signaling.nodes import NodeDirectory, Placement
from tests.signaling.fallback.ladder import SYSTEM, Stage


class Node:
    """The media node of one room: says of everybody what the test set."""

    grade = Grade.GOOD
    room_id = ""
    peer_id = ""

    def client(self, node: str) -> Node:
        return self

    async def describe(self, room_id: str) -> RoomDescription:
        if room_id != self.room_id:
            raise NotFound("room_unknown")
        at = ManualClock().now()
        peer = PeerDescription(
            peer_id=self.peer_id, generation=1, connected=True, joined_at=at, heard_at=at, speaking=False, speech_ms=0,
            audio_flowing=True, video_flowing=False, flags=PeerFlags(), grade=self.grade, numbers=PeerNumbers(),
        )  # fmt: skip
        return RoomDescription(room_id=room_id, node_id="n1", opened_at=at, peers=(peer,))


async def test_a_weak_line_that_is_good_again_leaves_nothing_behind_whatever_news_comes_last(stage: Stage) -> None:
    place, node = await stage.place("officer"), Node()
    node.room_id, node.peer_id = stage.session_id, place.id
    async with stage.world.database.unit(SYSTEM) as uow:
        (await uow.session.get_one(Session, stage.session_id)).media_node = "n1"
    media = CallMedia(
        stage.world.database,
        stage.services.live.hub,
        cast(NodeDirectory, node),
        cast(Placement, node),
        IceConfig(stage.clock),
    )

    async def told(news: News) -> None:
        await media.on_event(Event(f"media.{news.name}", "RS", to_json(news), news.id))

    def changed(grade: Grade, seq: int) -> QualityChanged:
        return QualityChanged(
            room_id=stage.session_id, node_id="n1", at=stage.clock.now(), seq=seq, peer_id=place.id,
            grade=grade, direction=Direction.UP, score=50, numbers=PeerNumbers(),
        )  # fmt: skip

    node.grade = Grade.WEAK
    await told(changed(Grade.WEAK, 1))
    weak = await stage.place("officer")
    assert (weak.grade, weak.weak_since) == ("weak", stage.clock.now())
    stage.clock.advance(5)
    await told(
        PeerHeard(room_id=stage.session_id, node_id="n1", at=stage.clock.now(), seq=2, peer_id=place.id, generation=1)
    )
    assert (await stage.place("officer")).weak_since == weak.weak_since, "it keeps the instant at which it became so"
    node.grade = Grade.GOOD
    await told(changed(Grade.GOOD, 4))
    await told(changed(Grade.WEAK, 3))
    good = await stage.place("officer")
    assert (good.grade, good.weak_since) == ("good", None)
    node.grade = Grade.WEAK
    await told(changed(Grade.WEAK, 5))
    node.grade = Grade.GOOD
    await told(
        PeerHeard(room_id=stage.session_id, node_id="n1", at=stage.clock.now(), seq=6, peer_id=place.id, generation=1)
    )
    good = await stage.place("officer")
    assert (good.grade, good.weak_since) == ("good", None)
