"""How the rest of the house talks to a media node: one port, in this process or over the bus. Not the node."""

from __future__ import annotations

from typing import Protocol

from pydantic import BaseModel

from core.events.bus import EventBus, Json
from media.protocol import (
    MAX_PEERS,
    AddCandidate,
    Close,
    Codec,
    Command,
    Describe,
    LineTicket,
    MakeOffer,
    MediaWant,
    OpenLine,
    OpenRoom,
    OpenTap,
    PeerFlags,
    PeerOffer,
    RoomDescription,
    SetPeer,
    TakeAnswer,
    address_of,
    to_json,
)


class MediaClient(Protocol):
    """One media node.

    Errors: ``NotFound('room_unknown' | 'peer_unknown')``, ``Invalid('sdp_invalid')``,
    ``Conflict('stale_generation' | 'room_full')``, ``Unavailable('node_full' | 'node_draining' | 'lines_unavailable')``
    and, over the bus, ``Unavailable('no_answer' | 'bus_unavailable')``. After an error the room and its peers go on."""

    async def open_room(self, room_id: str, *, seats: int = MAX_PEERS) -> None:
        """Make the room on this node for ``seats`` people at most; does nothing when it is there."""
        ...

    async def offer(self, room_id: str, peer_id: str, *, want: MediaWant) -> PeerOffer:
        """A new peer connection for this participant, in place of any older one, with its first offer."""
        ...

    async def answer(self, room_id: str, peer_id: str, generation: int, negotiation: int, sdp: str) -> None:
        """The browser's answer to the offer with these numbers."""
        ...

    async def candidate(
        self, room_id: str, peer_id: str, generation: int, candidate: str | None, mid: str | None
    ) -> None:
        """One more ICE candidate of the browser (RFC 8839 text), or none for the end of candidates."""
        ...

    async def set_peer(self, room_id: str, peer_id: str, flags: PeerFlags) -> None:
        """What the server lets through to and from this participant; stays when they reconnect."""
        ...

    async def close(self, room_id: str, peer_id: str | None, reason: str) -> None:
        """End one participant's connection, or the whole room (``peer_id`` none); nothing if it is not there."""
        ...

    async def describe(self, room_id: str) -> RoomDescription:
        """Who is connected, heard and flowing now."""
        ...

    async def open_line(self, room_id: str, peer_id: str, codec: Codec) -> LineTicket:
        """A telephone in place of any older connection of this participant; ``media.lines.client.PhoneLine`` takes the ticket.

        The place counts as connecting until the line stands, and the usual news come for it."""
        ...

    async def open_tap(self, room_id: str, peer_ids: tuple[str, ...]) -> LineTicket:
        """The sound of these participants, and of nobody else, for ``media.lines.client.SpeechTap``."""
        ...


Reply = PeerOffer | RoomDescription | LineTicket | None


class CommandHandler(Protocol):
    """The part of a node that a local client needs."""

    async def handle(self, command: Command) -> Reply:
        """Obey one command."""
        ...


class LocalMediaClient:
    """A node in this process."""

    def __init__(self, node: CommandHandler) -> None:
        self._node = node

    async def open_room(self, room_id: str, *, seats: int = MAX_PEERS) -> None:
        await self._node.handle(OpenRoom(room_id=room_id, seats=seats))

    async def offer(self, room_id: str, peer_id: str, *, want: MediaWant) -> PeerOffer:
        answer = await self._node.handle(MakeOffer(room_id=room_id, peer_id=peer_id, want=want))
        assert isinstance(answer, PeerOffer)
        return answer

    async def answer(self, room_id: str, peer_id: str, generation: int, negotiation: int, sdp: str) -> None:
        await self._node.handle(
            TakeAnswer(room_id=room_id, peer_id=peer_id, generation=generation, negotiation=negotiation, sdp=sdp)
        )

    async def candidate(
        self, room_id: str, peer_id: str, generation: int, candidate: str | None, mid: str | None
    ) -> None:
        await self._node.handle(
            AddCandidate(room_id=room_id, peer_id=peer_id, generation=generation, candidate=candidate, mid=mid)
        )

    async def set_peer(self, room_id: str, peer_id: str, flags: PeerFlags) -> None:
        await self._node.handle(SetPeer(room_id=room_id, peer_id=peer_id, flags=flags))

    async def close(self, room_id: str, peer_id: str | None, reason: str) -> None:
        await self._node.handle(Close(room_id=room_id, peer_id=peer_id, reason=reason))

    async def describe(self, room_id: str) -> RoomDescription:
        answer = await self._node.handle(Describe(room_id=room_id))
        assert isinstance(answer, RoomDescription)
        return answer

    async def open_line(self, room_id: str, peer_id: str, codec: Codec) -> LineTicket:
        answer = await self._node.handle(OpenLine(room_id=room_id, peer_id=peer_id, codec=codec))
        assert isinstance(answer, LineTicket)
        return answer

    async def open_tap(self, room_id: str, peer_ids: tuple[str, ...]) -> LineTicket:
        answer = await self._node.handle(OpenTap(room_id=room_id, peer_ids=peer_ids))
        assert isinstance(answer, LineTicket)
        return answer


class RemoteNode:
    """A ``CommandHandler`` that asks a node in another process over the bus."""

    def __init__(self, bus: EventBus, node_id: str, *, timeout: float = 8.0) -> None:
        self._bus = bus
        self._address = address_of(node_id)
        self._timeout = timeout

    async def handle(self, command: Command) -> Reply:
        reply = await self._bus.request(self._address, to_json(command), timeout=self._timeout)
        return reply_from_json(reply)


class RemoteMediaClient(LocalMediaClient):
    """A node in another process; commands travel as bus requests, each with a time limit in seconds."""

    def __init__(self, bus: EventBus, node_id: str, *, timeout: float = 8.0) -> None:
        super().__init__(RemoteNode(bus, node_id, timeout=timeout))


_REPLIES: dict[str, type[PeerOffer | RoomDescription | LineTicket]] = {
    "offer": PeerOffer,
    "room": RoomDescription,
    "ticket": LineTicket,
}


def reply_to_json(reply: Reply) -> Json:
    """As a node's answer goes over the bus."""
    part: BaseModel | None = reply
    for name, cls in _REPLIES.items():
        if isinstance(part, cls):
            return {name: to_json(part)}
    return {}


def reply_from_json(body: Json) -> Reply:
    """The other way."""
    for name, cls in _REPLIES.items():
        if name in body:
            return cls.model_validate(body[name])
    return None
