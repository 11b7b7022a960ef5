"""Ports by which somebody is called who has no page open: Web Push, text message, telephone. No transport is in here.

A port that is not configured says so, and nobody is counted as reached through it. What a port carries names no case and no
person: only that there is a call, and a number under which the signed-in page finds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from core.db.session import ReadUnit


class Means(StrEnum):
    """How somebody is called."""

    APP = "app"
    """The open page; its own socket, no port."""
    PUSH = "push"
    SMS = "sms"
    PHONE = "phone"


class Delivery(StrEnum):
    """What became of one message."""

    SENT = "sent"
    """The carrier took it; whether somebody saw it is not known."""
    GONE = "gone"
    """The address exists no more: forget it."""
    REFUSED = "refused"
    """The carrier will not take it, now or later."""
    FAILED = "failed"
    """The carrier was not reached."""
    NOT_CONFIGURED = "not_configured"
    """This installation has no such means."""


class NoteKind(StrEnum):
    """What somebody is called for."""

    RING = "ring"
    CALL_IN = "call_in"


@dataclass(frozen=True)
class Note:
    """What is carried: nothing about case, person, authority or language."""

    kind: NoteKind
    reference: str
    """Id of the offer (ring) or of the request to come on duty (call_in)."""
    expires_at: datetime

    @property
    def body(self) -> Mapping[str, str | int]:
        """The payload, the same for every carrier."""
        return {"v": 1, "kind": self.kind.value, "ref": self.reference}


@dataclass(frozen=True)
class PushAddress:
    """A browser's push subscription (W3C Push API)."""

    endpoint: str
    p256dh: str
    """The browser's public key, uncompressed P-256, base64url."""
    auth: str
    """The browser's secret of 16 bytes, base64url."""


class PushPort(Protocol):
    """Carries a note to a browser."""

    @property
    def configured(self) -> bool:
        """Whether this installation can do it at all."""
        ...

    @property
    def public_key(self) -> str | None:
        """The key that browsers subscribe with (VAPID, base64url); none if not configured."""
        ...

    def accepts(self, endpoint: str) -> bool:
        """Whether this is an address of a push service that we send to."""
        ...

    async def call(self, address: PushAddress, note: Note) -> Delivery:
        """Hand the note over; never raises for the carrier's trouble."""
        ...


class NumberPort(Protocol):
    """Carries a note to the telephone of an interpreter: a text message or a spoken call. Whose number it is stays behind the port."""

    @property
    def configured(self) -> bool:
        """Whether this installation can do it at all."""
        ...

    async def reaches(self, unit: ReadUnit, person_ids: Iterable[str]) -> frozenset[str]:
        """Who of them can be called so: whose number is on file."""
        ...

    async def call(self, person_id: str, note: Note) -> Delivery:
        """Hand the note over; never raises for the carrier's trouble."""
        ...


class NoPush:
    """Web Push where no key was given."""

    configured = False
    public_key: str | None = None

    def accepts(self, endpoint: str) -> bool:
        """No address is any use."""
        return False

    async def call(self, address: PushAddress, note: Note) -> Delivery:
        """Nothing is sent, and that is what is answered."""
        return Delivery.NOT_CONFIGURED


class NoNumber:
    """Text messages or telephone where no carrier was given."""

    configured = False

    async def reaches(self, unit: ReadUnit, person_ids: Iterable[str]) -> frozenset[str]:
        """Nobody."""
        return frozenset()

    async def call(self, person_id: str, note: Note) -> Delivery:
        """Nothing is sent, and that is what is answered."""
        return Delivery.NOT_CONFIGURED


@dataclass(frozen=True)
class Ports:
    """All means of this installation outside of the open page."""

    push: PushPort
    sms: NumberPort
    phone: NumberPort

    @classmethod
    def none(cls) -> Ports:
        """Nothing is configured."""
        return cls(NoPush(), NoNumber(), NoNumber())

    def configured(self, means: Means) -> bool:
        """Whether a means can be used here; the open page always can."""
        if means is Means.APP:
            return True
        ports: Mapping[Means, PushPort | NumberPort] = {
            Means.PUSH: self.push,
            Means.SMS: self.sms,
            Means.PHONE: self.phone,
        }
        return ports[means].configured
