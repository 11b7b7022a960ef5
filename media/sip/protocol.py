"""What a server and its SIP agent say to each other over a local socket: commands, news, the frame around them.

Published language of ``media.sip``: frozen models without behaviour, no SIP stack. A frame is four bytes of length (big endian) and
one JSON object of at most 64 KiB. Numbers of telephones travel here because the agent has to dial them; they stay in memory.
"""

from __future__ import annotations

import asyncio
import json
import struct
from enum import StrEnum
from typing import Annotated, Literal, Union

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

MAX_FRAME = 64 * 1024
NUMBER = r"^\+?[0-9*#]{2,20}$"
"""What may be dialled: digits only, so that nothing can be smuggled into a SIP address."""
CALL_ID = r"^[A-Za-z0-9_]{4,64}$"


class CallEnd(StrEnum):
    """Why a call is over; stable codes, mapped by the adapter to those of the port."""

    HUNG_UP_THERE = "hung_up_there"
    HUNG_UP_HERE = "hung_up_here"
    BUSY = "busy"
    """486, 600."""
    NO_ANSWER = "no_answer"
    """408, 487, or nobody answered within the time."""
    REFUSED = "refused"
    """603 and other refusals of the one who was called."""
    NUMBER_UNKNOWN = "number_unknown"
    """404, 410, 484, 604: no such number."""
    NOT_REACHABLE = "not_reachable"
    """480: the telephone is off or away."""
    TRUNK_REFUSED = "trunk_refused"
    """401, 402, 403, 407: the trunk does not let us call."""
    TRUNK_DOWN = "trunk_down"
    """No transport to the trunk, 5xx, or no answer to the INVITE at all."""
    NOT_SECURE = "not_secure"
    """Encrypted sound was demanded and the other side cannot (488), or did not do it."""
    FULL = "full"
    """Our own limit of calls at the same time."""
    DRAINING = "draining"
    SOUND_LOST = "sound_lost"
    """No sound packet came for ``sound_timeout`` seconds."""
    LINE_LOST = "line_lost"
    """The media node's end of the line was lost and the caller of this agent did not join another."""
    AGENT_LOST = "agent_lost"
    """The agent's process died; told by the server's side, never by the agent."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TrunkOptions(_Part):
    """The trunk of the house and our own end of it."""

    host: str = Field(pattern=r"^[A-Za-z0-9.\-]{1,253}(:[0-9]{1,5})?$")
    """Host, or host:port, of the trunk or of the proxy in front of it."""
    transport: Literal["udp", "tcp", "tls"] = "tls"
    srtp: Literal["off", "optional", "mandatory"] = "mandatory"
    user: str = Field("tarjuman", pattern=r"^\+?[A-Za-z0-9._\-]{1,64}$")
    """User part of our address: what the trunk shows as the calling number."""
    auth_user: str = ""
    password: str = Field("", repr=False)
    registers: bool = False
    """True: we register with the trunk; false: the trunk knows our address."""
    ca_file: str = ""
    certificate_file: str = ""
    """Our own certificate and key in one PEM file: what we show to those who call us by TLS. Theirs is not asked for: the stack lets
    callers without one in all the same, so who may reach the port is the firewall's and the proxy's decision."""
    local_address: str = "127.0.0.1"
    local_port: int = Field(5060, ge=1024, le=65535)
    rtp_port_min: int = Field(42000, ge=1024, le=65535)
    rtp_port_max: int = Field(42199, ge=1024, le=65535)
    max_calls: int = Field(20, ge=1, le=200)
    sound_timeout: int = Field(30, ge=2, le=300)
    """Seconds without any sound packet after which a call is over."""


# Commands


class Configure(_Part):
    """First frame of all; the agent answers with ``Ready`` or ends."""

    do: Literal["configure"] = "configure"
    trunk: TrunkOptions


class Place(_Part):
    do: Literal["place"] = "place"
    call_id: str = Field(pattern=CALL_ID)
    number: str = Field(pattern=NUMBER, repr=False)
    ring_seconds: int = Field(45, ge=1, le=180)


class Answer(_Part):
    """Take an incoming call."""

    do: Literal["answer"] = "answer"
    call_id: str


class Play(_Part):
    """Play packaged prompts one after the other, in place of the room's sound; ``Played`` follows. No names: stop what plays."""

    do: Literal["play"] = "play"
    call_id: str
    prompts: tuple[str, ...]
    language: str
    """Locale of the prompts; a prompt without a voice in it is played in English."""


class Join(_Part):
    """Connect the call to a line of a media node."""

    do: Literal["join"] = "join"
    call_id: str
    url: str
    secret: str = Field(repr=False)


class Hold(_Part):
    """No sound either way between call and room, or again."""

    do: Literal["hold"] = "hold"
    call_id: str
    on: bool


class HangUp(_Part):
    do: Literal["hang_up"] = "hang_up"
    call_id: str


class Drain(_Part):
    """No new calls either way; the agent ends by itself after the last one."""

    do: Literal["drain"] = "drain"


Command = Annotated[
    Union[Configure, Place, Answer, Play, Join, Hold, HangUp, Drain],  # noqa: UP007 - a discriminated union
    Field(discriminator="do"),
]
COMMANDS: TypeAdapter[Command] = TypeAdapter(Command)


# News


class Ready(_Part):
    """The stack stands. ``usable`` false: the trunk has not accepted our registration yet."""

    tell: Literal["ready"] = "ready"
    usable: bool


class Rang(_Part):
    tell: Literal["rang"] = "rang"
    call_id: str


class Answered(_Part):
    """Sound can flow. ``secure``: the sound between us and the trunk is encrypted."""

    tell: Literal["answered"] = "answered"
    call_id: str
    secure: bool


class Incoming(_Part):
    """Somebody calls; not answered yet."""

    tell: Literal["incoming"] = "incoming"
    call_id: str
    caller: str = Field(repr=False)
    """Their number as the trunk says it, empty if withheld."""
    called: str = Field(repr=False)
    """The number that they dialled, as the trunk says it; empty if it names none."""


class Digit(_Part):
    """A key was pressed and released (RFC 4733, or SIP INFO)."""

    tell: Literal["digit"] = "digit"
    call_id: str
    digit: str = Field(repr=False)


class Played(_Part):
    """The prompts were heard to the end; not told when something else was played before."""

    tell: Literal["played"] = "played"
    call_id: str


class Joined(_Part):
    tell: Literal["joined"] = "joined"
    call_id: str


class LineEnded(_Part):
    """The media node ended the line (or refused it); the telephone call itself goes on, in silence."""

    tell: Literal["line_ended"] = "line_ended"
    call_id: str
    why: str


class Figures(_Part):
    """What a call was like for the network."""

    seconds: int = 0
    sent: int = 0
    received: int = 0
    lost: int = 0
    """Packets that never reached us."""
    jitter_ms: float = 0.0
    rtt_ms: float = 0.0


class Ended(_Part):
    """Last news of a call."""

    tell: Literal["ended"] = "ended"
    call_id: str
    why: CallEnd
    status: int | None = None
    """SIP status code, where one was the cause."""
    figures: Figures = Figures()


News = Annotated[
    Union[Ready, Rang, Answered, Incoming, Digit, Played, Joined, LineEnded, Ended],  # noqa: UP007
    Field(discriminator="tell"),
]
NEWS: TypeAdapter[News] = TypeAdapter(News)


def frame(part: BaseModel) -> bytes:
    """As it goes over the socket."""
    body = part.model_dump_json().encode()
    if len(body) > MAX_FRAME:
        raise ValueError("frame too long")
    return struct.pack(">I", len(body)) + body


async def read_frame(reader: asyncio.StreamReader) -> object | None:
    """The next JSON value, none at the end of the stream. Raises ``ValueError`` for what is no frame."""
    try:
        (length,) = struct.unpack(">I", await reader.readexactly(4))
        if length > MAX_FRAME:
            raise ValueError("frame too long")
        value: object = json.loads(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return value
