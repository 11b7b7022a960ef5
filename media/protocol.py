"""The published language of media: commands that a node obeys, answers it gives and news it tells.

Everything here is a frozen model that goes to JSON and back. No behaviour, no aiortc: anybody may import it.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Union

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from core.clock import new_id
from core.events.bus import Event, Json
from media.codecs import Codec as Codec

MAX_PEERS = 6
"""People in one room, at most."""
BRIEFING_PEERS = 34
"""The same for a group briefing: thirty posts that listen, who speaks, the interpreter, and places for replacements."""
MAX_SDP = 64 * 1024
"""Characters of a session description that a node reads."""
NODES_TOPIC = "media.nodes"
"""Topic log on which every node announces its ``NodeStatus`` each second."""


def address_of(node_id: str) -> str:
    """Bus address on which a node answers commands."""
    return f"media.{node_id}"


class Kind(StrEnum):
    """What a track carries."""

    AUDIO = "audio"
    VIDEO = "video"


class Grade(StrEnum):
    """Signal quality as people see it (the three dots)."""

    GOOD = "good"
    WEAK = "weak"
    LOST = "lost"


class Direction(StrEnum):
    """Seen from the person: ``up`` is what they send, ``down`` what they receive."""

    UP = "up"
    DOWN = "down"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class MediaWant(_Part):
    """What a participant's browser will send and wants to receive."""

    send_audio: bool = True
    send_video: bool = True
    receive_audio: bool = True
    receive_video: bool = True
    echo: bool = False
    """True: their own sound and picture are sent back too (the check before joining)."""


class PeerFlags(_Part):
    """What the server lets through, whatever the browser sends; the whole set each time."""

    audio: bool = True
    """False: the microphone is muted by the server (packets are dropped)."""
    video: bool = True
    """False: the camera is off by the server."""
    receive_video: bool = True
    """False: no pictures are sent to this participant (to save a weak line)."""


class TrackInfo(_Part):
    """One m-line on which the server sends: whose sound or picture it is."""

    mid: str
    peer_id: str
    kind: Kind


class PeerOffer(_Part):
    """A session description that the browser answers with the same ``generation`` and ``negotiation``."""

    peer_id: str
    generation: int
    """Counts the peer connections of this participant in this room, from 1."""
    negotiation: int
    """Counts the offers on one peer connection, from 1."""
    sdp: str
    tracks: tuple[TrackInfo, ...]


class PeerNumbers(_Part):
    """Of the last few seconds. Losses are fractions 0..1, times milliseconds, rates bits per second."""

    uplink_loss: float = 0.0
    downlink_loss: float = 0.0
    jitter_ms: float = 0.0
    """The greater of both directions."""
    rtt_ms: float | None = None
    """Between node and browser; none until a report told."""
    uplink_bps: int = 0
    downlink_bps: int = 0


class PeerDescription(_Part):
    """One participant's connection as the node knows it now."""

    peer_id: str
    generation: int
    connected: bool
    """ICE and DTLS stand and something was heard from the browser in the last five seconds."""
    joined_at: datetime
    heard_at: datetime | None
    """When the first sound packet arrived."""
    speaking: bool
    speech_ms: int
    """Time with a voice, summed over all connections of this participant in this room."""
    audio_flowing: bool
    video_flowing: bool
    video_held: bool = False
    """True: their line loses so much that pictures are held back from them, for the sake of the sound."""
    flags: PeerFlags
    grade: Grade
    numbers: PeerNumbers


class RoomDescription(_Part):
    """A room as the node knows it now."""

    room_id: str
    node_id: str
    opened_at: datetime
    peers: tuple[PeerDescription, ...]
    left_speech_ms: int = 0
    """Time with a voice of those who have given up their places."""


class NodeStatus(_Part):
    """What a node says about itself twice a second on ``NODES_TOPIC``."""

    node_id: str
    at: datetime
    room_ids: tuple[str, ...]
    rooms: int
    peers: int
    capacity: int
    """Peers that this node takes at most."""
    load: float
    """Share of one core that the node's loop is busy, 0..1."""
    draining: bool
    """True: takes no new rooms."""
    region: str = ""
    join_success: float = 1.0
    """Share of the recent joins that reached ``connected``; 1.0 while there were none."""
    lines_url: str = ""
    """Where telephone lines and taps of sound connect inside the house; empty while there is no sound process."""


class LineTicket(_Part):
    """Lets one telephone line or tap connect once, within 30 seconds. The secret goes into no log and no event."""

    url: str
    secret: str = Field(repr=False)


# Commands


class OpenRoom(_Part):
    do: Literal["open_room"] = "open_room"
    room_id: str
    seats: Annotated[int, Field(ge=1, le=BRIEFING_PEERS)] = MAX_PEERS
    """How many may be in the room at most."""


class MakeOffer(_Part):
    do: Literal["offer"] = "offer"
    room_id: str
    peer_id: str
    want: MediaWant


class TakeAnswer(_Part):
    do: Literal["answer"] = "answer"
    room_id: str
    peer_id: str
    generation: int
    negotiation: int
    sdp: str


class AddCandidate(_Part):
    do: Literal["candidate"] = "candidate"
    room_id: str
    peer_id: str
    generation: int
    candidate: str | None
    mid: str | None


class SetPeer(_Part):
    do: Literal["set_peer"] = "set_peer"
    room_id: str
    peer_id: str
    flags: PeerFlags


class Close(_Part):
    do: Literal["close"] = "close"
    room_id: str
    peer_id: str | None
    reason: str


class Describe(_Part):
    do: Literal["describe"] = "describe"
    room_id: str


class OpenLine(_Part):
    do: Literal["open_line"] = "open_line"
    room_id: str
    peer_id: str
    codec: Codec


class OpenTap(_Part):
    do: Literal["open_tap"] = "open_tap"
    room_id: str
    peer_ids: tuple[str, ...]


Command = Annotated[
    Union[OpenRoom, MakeOffer, TakeAnswer, AddCandidate, SetPeer, Close, Describe, OpenLine, OpenTap],  # noqa: UP007 - a discriminated union
    Field(discriminator="do"),
]
COMMANDS: TypeAdapter[Command] = TypeAdapter(Command)


# News


class News(_Part):
    """Something that happened in a room. ``seq`` counts within the room on its node: newer news wins."""

    name: ClassVar[str]
    id: str = Field(default_factory=lambda: new_id("news"))
    room_id: str
    node_id: str
    at: datetime
    seq: int


class OfferMade(News):
    """Somebody came or left, so the server renegotiates: relay the offer to the participant's browser."""

    name = "offer_made"
    offer: PeerOffer


class PeerConnected(News):
    """ICE and DTLS stand."""

    name = "peer_connected"
    peer_id: str
    generation: int


class PeerHeard(News):
    """The first sound packet of this connection arrived (it may be silence)."""

    name = "peer_heard"
    peer_id: str
    generation: int


class PeerLost(News):
    """Nothing came from the browser for about five seconds, or its connection failed; it may come back."""

    name = "peer_lost"
    peer_id: str
    generation: int
    reason: Literal["silent", "failed", "never_connected"]
    last_rtp_at: datetime | None


class PeerBack(News):
    """A lost participant is heard again, on the same or on a new connection."""

    name = "peer_back"
    peer_id: str
    generation: int


class PeerClosed(News):
    """A participant's connection was closed on command (not told when a new one takes its place)."""

    name = "peer_closed"
    peer_id: str
    generation: int
    reason: str


class TrackPublished(News):
    """The first packet of this kind came from this connection."""

    name = "track_published"
    peer_id: str
    kind: Kind


class TrackEnded(News):
    """No more packets of this kind: the connection ended, or the browser stopped sending it."""

    name = "track_ended"
    peer_id: str
    kind: Kind


class SpeakingChanged(News):
    """Somebody began or stopped to speak (RFC 6464 audio level, with hysteresis)."""

    name = "speaking_changed"
    peer_id: str
    on: bool


class QualityChanged(News):
    """A participant's signal quality changed its grade; ``direction`` is the worse one."""

    name = "quality_changed"
    peer_id: str
    grade: Grade
    direction: Direction
    score: int
    """0 to 100."""
    numbers: PeerNumbers


class RoomClosed(News):
    """The room is gone from this node."""

    name = "room_closed"
    reason: str


_NEWS: dict[str, type[News]] = {
    cls.name: cls
    for cls in (
        OfferMade, PeerConnected, PeerHeard, PeerLost, PeerBack, PeerClosed, TrackPublished, TrackEnded,
        SpeakingChanged, QualityChanged, RoomClosed,
    )
}  # fmt: skip
NEWS_EVENTS: tuple[str, ...] = tuple(f"media.{name}" for name in _NEWS)
"""Event names to consume, once per group, to hear all news of all nodes."""


def news_to_event(news: News) -> Event:
    """As it goes over the bus. The country is empty: a media node knows none."""
    return Event(name=f"media.{news.name}", country="", body=news.model_dump(mode="json"), id=news.id)


def news_from_event(event: Event) -> News:
    """Raises ``KeyError`` for a name that is no media news, ``ValidationError`` for a wrong body."""
    return _NEWS[event.name.removeprefix("media.")].model_validate(event.body)


def to_json(part: BaseModel) -> dict[str, Any]:
    """A plain JSON object."""
    return part.model_dump(mode="json")


def command_from_json(body: Json) -> Command:
    """Raises ``pydantic.ValidationError`` when it is no command."""
    return COMMANDS.validate_python(body)
