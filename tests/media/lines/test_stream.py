"""Sound past the WebSocket library: however the bytes come, sound is taken whole and everything else is the library's."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from media.lines.stream import MAX_MESSAGE, ClientStream, ServerStream, binary, masked, size_of

HANDSHAKE = (
    b"GET /line HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
SOUNDS = [bytes([n]) * size for n, size in enumerate((160, 1, 125, 126, 8000, 160))]


class Kept:
    """What a server's connection took."""

    def __init__(self) -> None:
        self.sounds: list[bytes] = []
        self.texts: list[str | bytes] = []
        self.stream: ServerStream | None = None
        self.over = asyncio.Event()


@asynccontextmanager
async def server(
    handle: Callable[[ServerStream], Awaitable[None]] | None = None, *, by_hand: bool = False
) -> AsyncIterator[tuple[int, Kept]]:
    kept = Kept()

    async def take(connection: ServerConnection) -> None:
        stream = kept.stream = cast(ServerStream, connection)
        stream.sound = kept.sounds.append
        if by_hand:
            stream.read_by_hand()
        if handle is not None:
            await handle(stream)
        with suppress(ConnectionClosed):
            async for message in stream:
                kept.texts.append(message)
        kept.over.set()

    async with serve(take, "127.0.0.1", 0, create_connection=ServerStream, compression=None, max_size=MAX_MESSAGE) as s:
        yield next(iter(s.sockets)).getsockname()[1], kept


async def until(condition: Callable[[], bool], stream: ServerStream | None = None) -> None:
    """Looks, and reads by hand if it is asked to, each millisecond; fails after half a minute."""
    async with asyncio.timeout(30):
        while not condition():
            if stream is not None:
                stream.read_now()
            await asyncio.sleep(0.001)


def frame(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin=fin).serialize(mask=True)


@given(st.binary(max_size=2000))
def test_both_heads_tell_their_size_and_nothing_less_does(data: bytes) -> None:
    for message, head in ((binary(data), 4), (masked(data), 8)):
        assert size_of(message, 0) == (head, head + len(data))
        assert size_of(b"xyz" + message, 3) == (head, head + len(data))
        for cut in range(4):
            assert size_of(message[:cut], 0) == (0, 0) or cut >= 4
    # The library's shorter heads are understood too.
    theirs = Frame(Opcode.BINARY, data).serialize(mask=True)
    assert size_of(theirs, 0)[1] == len(theirs)


@pytest.mark.parametrize("by_hand", [False, True])
async def test_however_it_is_cut_sound_comes_whole_and_the_rest_is_the_librarys(by_hand: bool) -> None:
    rng = random.Random(3)
    async with server(by_hand=by_hand) as (port, kept):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for at in range(0, len(HANDSHAKE), 50):
            writer.write(HANDSHAKE[at : at + 50])
            await asyncio.sleep(0)
        assert b"101" in await reader.readuntil(b"\r\n\r\n")
        sent = b"".join(
            (
                *(masked(sound) for sound in SOUNDS[:3]),
                frame(Opcode.PING, b"there?"),
                frame(Opcode.TEXT, b'{"hold": ', fin=False),
                frame(Opcode.CONT, b"true}"),
                *(frame(Opcode.BINARY, sound) for sound in SOUNDS[3:]),
                frame(Opcode.BINARY, b"in ", fin=False),
                frame(Opcode.CONT, b"parts"),
                frame(Opcode.CLOSE, (1000).to_bytes(2, "big")),
            )
        )
        at = 0
        while at < len(sent):
            size = rng.choice((1, 2, 7, 300, 5000))
            writer.write(sent[at : at + size])
            at += size
            await asyncio.sleep(0)
            if kept.stream is not None:
                kept.stream.read_now()
        answer = asyncio.create_task(reader.read())
        assert kept.stream is not None
        await until(answer.done, kept.stream)
        answered = await answer
        writer.close()
        await until(kept.over.is_set, kept.stream)
        assert kept.sounds == SOUNDS
        assert kept.texts == ['{"hold": true}', b"in parts"]
        assert b"there?" in answered, "the ping was answered"


async def test_read_by_hand_it_wakes_nobody_and_the_end_is_still_noticed() -> None:
    async with server(by_hand=True) as (port, kept):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HANDSHAKE)
        await until(lambda: kept.stream is not None)
        assert kept.stream is not None
        writer.write(masked(SOUNDS[0]))
        await writer.drain()
        await asyncio.sleep(0.05)
        assert kept.sounds == []
        kept.stream.read_now()
        assert kept.sounds == SOUNDS[:1]
        writer.close()
        await writer.wait_closed()
        await until(kept.over.is_set, kept.stream)


async def test_a_message_that_is_too_long_ends_the_connection() -> None:
    async with server() as (port, kept):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HANDSHAKE)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(frame(Opcode.BINARY, bytes(MAX_MESSAGE + 1)) + masked(SOUNDS[0]))
        async with asyncio.timeout(30):
            answered = await reader.read()
        assert answered[2:4] == (1009).to_bytes(2, "big")
        assert kept.sounds == []
        writer.close()


async def test_a_client_hears_what_the_server_says_and_a_slow_reader_is_told() -> None:
    async def speak(stream: ServerStream) -> None:
        for sound in SOUNDS:
            assert stream.write(binary(sound))
        await stream.send("words")
        stream.write(binary(SOUNDS[0]))

    async with server(speak) as (port, kept):
        client = await connect(f"ws://127.0.0.1:{port}/", create_connection=ClientStream, compression=None, proxy=None)
        assert isinstance(client, ClientStream)
        heard: list[bytes] = []
        async with asyncio.timeout(30):
            early = []
            client.sound = heard.append
            while "words" not in early:
                early.append(await client.recv())
        assert [*(e for e in early if isinstance(e, bytes)), *heard][: len(SOUNDS)] == SOUNDS
        for sound in SOUNDS:
            assert client.write(masked(sound))
        await until(lambda: len(kept.sounds) == len(SOUNDS))
        assert kept.sounds == SOUNDS
        assert kept.stream is not None
        kept.stream.transport.pause_reading()
        sent = 0
        while client.write(masked(os.urandom(60_000))):
            sent += 1
            assert sent < 1000
            await asyncio.sleep(0)
        kept.stream.transport.abort()
        await client.close()
        assert client.write(b"nowhere"), "after the end"
