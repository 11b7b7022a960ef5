"""Web Push (RFC 8030) with encrypted payload (RFC 8291) and the application server's own key (VAPID, RFC 8292)."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02

from core.clock import Clock
from core.notify import Delivery, Note, PushAddress

log = logging.getLogger(__name__)

HOSTS: tuple[str, ...] = (
    "fcm.googleapis.com",
    "updates.push.services.mozilla.com",
    "*.push.apple.com",
    "*.notify.windows.com",
)
"""The push services of the browsers; a browser may name no other, else it could make us call anything."""
KEY_BYTES = 32
_LIMIT = httpx.Timeout(5.0)
_SHORTEST_TTL = 1
_TOKEN_FOR = timedelta(hours=1)


def new_key() -> str:
    """A new private key, raw 32 bytes in base64url, as the settings take it."""
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return base64.urlsafe_b64encode(number.to_bytes(32)).rstrip(b"=").decode("ascii")


class WebPush:
    """Sends to push services."""

    configured = True

    def __init__(
        self, private_key: str, subject: str, clock: Clock, *, hosts: Sequence[str] = HOSTS, plain_http: bool = False
    ) -> None:
        """``private_key`` is a P-256 key, raw 32 bytes in base64url; ``subject`` a mailto: or https: address (RFC 8292).

        ``plain_http`` allows http endpoints, for stand-ins on loopback. Raises ``ValueError`` for a wrong key.
        """
        try:
            if len(base64.urlsafe_b64decode(private_key + "=" * (-len(private_key) % 4))) != KEY_BYTES:
                raise ValueError("length")
            self._vapid = Vapid02.from_raw(private_key.encode("ascii"))
        except Exception as error:
            raise ValueError("the push key must be a P-256 private key of 32 bytes in base64url") from error
        from pywebpush import WebPusher  # takes half a second: only installations with a key pay for it

        self._pusher = WebPusher
        self._subject = subject
        self._clock = clock
        self._hosts = tuple(hosts)
        self._schemes = ("https", "http") if plain_http else ("https",)
        point = self._vapid.public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.public_key: str | None = base64.urlsafe_b64encode(point).rstrip(b"=").decode("ascii")

    def accepts(self, endpoint: str) -> bool:
        """Whether the endpoint is one of a known push service."""
        try:
            parts = urlsplit(endpoint)
            host, named = (parts.hostname or "").lower(), parts.username or parts.password
        except ValueError:
            return False
        if parts.scheme not in self._schemes or named or (parts.scheme == "https" and parts.port not in (None, 443)):
            return False
        return any(host == known or (known[:2] == "*." and host.endswith(known[1:])) for known in self._hosts)

    async def call(self, address: PushAddress, note: Note) -> Delivery:
        """Encrypt and hand over. 404 and 410 mean that the subscription is gone (RFC 8030, 7.3)."""
        if not self.accepts(address.endpoint):
            return Delivery.REFUSED
        now = self._clock.now()
        keys = {"p256dh": address.p256dh, "auth": address.auth}
        try:
            payload = json.dumps(dict(note.body), separators=(",", ":")).encode("utf-8")
            sealed = self._pusher({"endpoint": address.endpoint, "keys": keys}).encode(payload)["body"]
        except Exception:
            # The keys come from a browser: whatever is wrong with them, this browser cannot be reached.
            return Delivery.GONE
        headers = {
            **self._signed(address.endpoint, now),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(max(_SHORTEST_TTL, int((note.expires_at - now).total_seconds()))),
            "Urgency": "high",
        }
        try:
            async with httpx.AsyncClient(timeout=_LIMIT, follow_redirects=False, trust_env=False) as client:
                answer = await client.post(address.endpoint, content=bytes(sealed), headers=headers)
        except httpx.HTTPError:
            log.info("push_not_reached", extra={"host": urlsplit(address.endpoint).hostname})
            return Delivery.FAILED
        if answer.status_code in (404, 410):
            return Delivery.GONE
        if answer.is_success:
            return Delivery.SENT
        log.info("push_refused", extra={"status": answer.status_code})
        return Delivery.FAILED if answer.status_code >= 500 or answer.status_code == 429 else Delivery.REFUSED

    def _signed(self, endpoint: str, now: datetime) -> dict[str, str]:
        parts = urlsplit(endpoint)
        claims = {
            "sub": self._subject,
            "aud": f"{parts.scheme}://{parts.netloc}",
            "exp": int((now + _TOKEN_FOR).timestamp()),
        }
        return dict(self._vapid.sign(claims))
