"""A push service on loopback that plays the browser too: it subscribes, receives, decrypts (RFC 8291) and checks VAPID (RFC 8292)."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from dataclasses import dataclass, field
from typing import Any

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from core.notify import PushAddress


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Received:
    """One message as the browser gets it."""

    payload: dict[str, Any]
    headers: dict[str, str]
    claims: dict[str, Any]
    sealed: bytes


@dataclass
class PushService:
    """Answers with ``status``; what it accepted is in ``received``."""

    public_key: str
    """Of the application server, as browsers subscribe with it."""
    status: int = 201
    received: list[Received] = field(default_factory=list)
    server: asyncio.Server | None = None
    port: int = 0
    _browsers: dict[str, tuple[ec.EllipticCurvePrivateKey, bytes]] = field(default_factory=dict)

    async def __aenter__(self) -> PushService:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.server is not None
        self.server.close()
        await self.server.wait_closed()

    def browser(self, name: str) -> PushAddress:
        """A new browser subscribes."""
        key, auth = ec.generate_private_key(ec.SECP256R1()), os.urandom(16)
        self._browsers[name] = (key, auth)
        point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return PushAddress(f"http://127.0.0.1:{self.port}/{name}", b64(point), b64(auth))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        sealed = await reader.readexactly(int(headers["content-length"]))
        if self.status == 201:
            self.received.append(self._open(first.split()[1].strip("/"), headers, sealed))
        writer.write(f"HTTP/1.1 {self.status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    def _open(self, name: str, headers: dict[str, str], sealed: bytes) -> Received:
        key, auth = self._browsers[name]
        plain = http_ece.decrypt(sealed, private_key=key, auth_secret=auth, version="aes128gcm")
        scheme, _, given = headers["authorization"].partition(" ")
        parts = dict(part.strip().split("=", 1) for part in given.split(","))
        assert (scheme, parts["k"]) == ("vapid", self.public_key)
        signed, _, signature = parts["t"].rpartition(".")
        raw = unb64(signature)
        signer = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unb64(parts["k"]))
        der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
        signer.verify(der, signed.encode("ascii"), ec.ECDSA(SHA256()))
        claims = json.loads(unb64(signed.partition(".")[2]))
        assert claims["aud"] == f"http://127.0.0.1:{self.port}"
        return Received(json.loads(plain), headers, claims, sealed)
