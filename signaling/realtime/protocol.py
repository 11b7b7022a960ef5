"""The socket's language: what browsers may send, and the frames that the server sends. See docs/protocol.md, section 2.

Only shapes and limits; what a message does is in ``signaling.socket`` and ``signaling.calls``.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Any, Literal, Union

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from core.errors import Invalid
from core.events.bus import Message, Position
from signaling.realtime.shown_numbers import ShownNumber

VERSION = 1
SUBPROTOCOL = "tarjuman.v1"

Identifier = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.:-]+$")]
Topic = Annotated[str, Field(min_length=3, max_length=80, pattern=r"^(user|room|booking|board|shifts):[A-Za-z0-9_-]+$")]
Secret = Annotated[str, Field(min_length=16, max_length=128)]


class _In(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    id: Identifier


class At(BaseModel):
    """A place in a topic log, as browsers send it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    epoch: str = Field(max_length=64)
    seq: int = Field(ge=0)

    def position(self) -> Position:
        return Position(self.epoch, self.seq)


class Resume(BaseModel):
    """The place of a cut connection and the secret that proves it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    connection: Identifier
    secret: Secret


class Hello(_In):
    t: Literal["hello"]
    v: int
    ticket: Secret | None = None
    grant: Secret | None = None
    resume: Resume | None = None
    after: dict[Topic, At] = Field(default_factory=dict, max_length=16)
    locale: str = Field(default="en", max_length=12)


class Ping(_In):
    t: Literal["ping"]


class Follow(_In):
    t: Literal["follow"]
    topic: Topic
    after: At | None = None


class Unfollow(_In):
    t: Literal["unfollow"]
    topic: Topic


class Want(BaseModel):
    """Which media the browser sends and wishes to get."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    send_audio: bool = True
    send_video: bool = True
    receive_audio: bool = True
    receive_video: bool = True


class MediaStart(_In):
    t: Literal["media.start"]
    want: Want


class MediaAnswer(_In):
    t: Literal["media.answer"]
    generation: int
    negotiation: int
    sdp: str = Field(max_length=48 * 1024)


class MediaCandidate(_In):
    t: Literal["media.candidate"]
    generation: int
    candidate: str | None = Field(default=None, max_length=1024)
    mid: str | None = Field(default=None, max_length=16)


class MediaSet(_In):
    t: Literal["media.set"]
    audio: bool
    video: bool
    receive_video: bool = True
    why: Literal["camera_off", "weak_line", "sound_only"] | None = None
    """Why no picture is sent, for the mode segment of the log."""


class RoomPause(_In):
    t: Literal["room.pause"]
    reason: Literal["break"] = "break"


class RoomResume(_In):
    t: Literal["room.resume"]


class RoomLeave(_In):
    t: Literal["room.leave"]


class RoomEnd(_In):
    t: Literal["room.end"]
    outcome: Literal["completed", "stopped", "rebooked"]
    reason: str | None = Field(default=None, max_length=32)


SignalKind = Literal["pause", "repeat", "slower", "shorter", "cannot_hear", "break", "correct", "concern"]


class RoomSignal(_In):
    t: Literal["room.signal"]
    kind: SignalKind


class RoomGotIt(_In):
    t: Literal["room.got_it"]
    signal_id: Identifier


class RoomLanguage(_In):
    t: Literal["room.language"]
    code: Annotated[str, Field(pattern=r"^[a-z]{3}$")]


class RoomSpeech(_In):
    """The own answer about a draft transcript; ``state`` only asks what is going on."""

    t: Literal["room.speech"]
    do: Literal["state", "agree", "refuse"]


class RoomRecuse(_In):
    t: Literal["room.recuse"]
    reason: Literal["knows_person", "related", "same_centre", "community_tension", "safety", "language", "other"]


class RoomNumber(_In):
    t: Literal["room.number"]
    number: ShownNumber


class RoomNumberClear(_In):
    t: Literal["room.number_clear"]
    n: int = Field(ge=1)


class RoomPhone(_In):
    t: Literal["room.phone"]
    do: Literal["ring", "stop", "back"]
    place: Identifier


class RoomSoundOnly(_In):
    t: Literal["room.sound_only"]
    on: bool


class RoomAgree(_In):
    t: Literal["room.agree"]
    yes: bool


class RoomGoOn(_In):
    t: Literal["room.go_on"]
    after: Literal["stop", "repeat"]


class RoomOpening(_In):
    t: Literal["room.opening"]
    ask: Literal["phone", "recording"] | None = None
    yes: bool | None = None


RoomMessage = Union[  # noqa: UP007 - a discriminated union
    MediaStart, MediaAnswer, MediaCandidate, MediaSet, RoomPause, RoomResume, RoomLeave, RoomEnd, RoomSignal, RoomGotIt,
    RoomLanguage, RoomRecuse, RoomSpeech, RoomNumber, RoomNumberClear, RoomPhone, RoomSoundOnly, RoomAgree, RoomGoOn, RoomOpening,
]  # fmt: skip
ClientMessage = Annotated[Union[Hello, Ping, Follow, Unfollow, RoomMessage], Field(discriminator="t")]  # noqa: UP007
_CLIENT: TypeAdapter[ClientMessage] = TypeAdapter(ClientMessage)


def parse(text: str) -> ClientMessage:
    """The message in a frame. Raises ``Invalid('message_malformed', {'where'})``; what was sent is never repeated."""
    try:
        return _CLIENT.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:80] or "frame"
        raise Invalid("message_malformed", {"where": where}) from None


def message_id(text: str) -> str | None:
    """The ``id`` of a frame that could not be parsed as a message, so that the refusal can name it."""
    try:
        found = TypeAdapter(dict[str, Any]).validate_json(text).get("id")
    except ValidationError:
        return None
    return found[:64] if isinstance(found, str) else None


def at_json(position: Position) -> dict[str, Any]:
    """A position as browsers get it."""
    return {"epoch": position.epoch, "seq": position.seq}


def event_frame(message: Message, *, hidden: Collection[str] = ()) -> dict[str, Any]:
    """A numbered message as it goes to browsers; one of the ``hidden`` names keeps its number and loses its content."""
    kept = message.body["name"] not in hidden
    return {
        "t": "event",
        "topic": message.topic,
        **at_json(message.position),
        "name": message.body["name"] if kept else "hidden",
        "at": message.body["at"],
        "data": message.body["data"] if kept else {},
    }


def event_body(name: str, at: datetime, data: dict[str, Any]) -> dict[str, Any]:
    """The body of a topic message."""
    return {"name": name, "at": instant(at), "data": data}


def instant(at: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and ``Z``."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
