"""A stand-in for Twilio, as strict as the real one where we depend on it: REST over a socket, signed callbacks, TwiML, media streams.

It is driven by Twilio's own client and signs with Twilio's own algorithm over the *public* addresses, which it then reaches through
a "proxy": the server's port on loopback. Nothing of it is in the product.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from twilio.request_validator import RequestValidator
from websockets.asyncio.client import ClientConnection, connect

from tests.contracts.twilio_contract import check_call, check_message, check_request

ACCOUNT = "AC" + "5e" * 16
TOKEN = "a token that only Twilio and we know"
PUBLIC = "https://phone.tarjuman.example"
FRAME = 160
SILENCE = b"\xff" * FRAME
Bend = Callable[[dict[str, str]], dict[str, str]]


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[int]:
    """An ASGI application on a free port of loopback."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, lifespan="off", log_level=None, ws="websockets-sansio", log_config=None
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(30):
            while not server.started:  # noqa: ASYNC110 - uvicorn tells it no other way
                await asyncio.sleep(0.01)
        yield int(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, 30)


@dataclass
class Refusal:
    """How the next request is answered."""

    status: int
    code: int
    message: str = "The number +38163000077 cannot be called"
    """Twilio quotes numbers in its messages."""


@dataclass
class Stand:
    """Twilio."""

    base: str = ""
    proxied: str = ""
    """Where the public address leads: ``127.0.0.1:<port>``."""
    calls: dict[str, Call] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    new_message: asyncio.Event = field(default_factory=asyncio.Event)
    account_status: str = "active"
    refusals: list[Refusal] = field(default_factory=list)
    placed_at: list[float] = field(default_factory=list)
    new_call: asyncio.Event = field(default_factory=asyncio.Event)

    async def create(self, request: Request) -> Response:
        """POST Calls.json"""
        form = await _form(request)
        check_request("create", form)
        if (refused := self._refused(request)) is not None:
            return refused
        call = Call(self, form["To"][0], form["From"][0], form["Url"][0], form["StatusCallback"][0])
        call.timeout, call.fallback_url = int(form["Timeout"][0]), form["FallbackUrl"][0]
        self.calls[call.sid] = call
        self.placed_at.append(asyncio.get_running_loop().time())
        self.new_call.set()
        return JSONResponse(call.resource(), 201)

    async def account(self, request: Request) -> Response:
        """GET Accounts/{sid}.json"""
        if (refused := self._refused(request)) is not None:
            return refused
        return JSONResponse(
            {"sid": ACCOUNT, "friendly_name": "Tarjuman", "status": self.account_status, "type": "Full"}
        )

    async def send(self, request: Request) -> Response:
        """POST Messages.json"""
        form = await _form(request)
        check_request("create_message", form)
        if (refused := self._refused(request)) is not None:
            return refused
        message = Message(self, {name: values[0] for name, values in form.items()})
        self.messages[message.sid] = message
        self.new_message.set()
        return JSONResponse(message.resource(), 201)

    async def update(self, request: Request) -> Response:
        """POST Calls/{sid}.json"""
        form = await _form(request)
        check_request("update", form)
        if (refused := self._refused(request)) is not None:
            return refused
        call = self.calls.get(request.path_params["sid"])
        if call is None or call.status in ("completed", "canceled"):
            return JSONResponse({"code": 20404 if call is None else 21220, "message": "no", "status": 404}, 404)
        if "Status" in form:
            call.ended_by_us.set()
            call.status = form["Status"][0]
        else:
            call.redirected_to = form["Url"][0]
            call.redirected.set()
        return JSONResponse(call.resource(), 200)

    def _refused(self, request: Request) -> Response | None:
        wanted = "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if request.headers.get("authorization") != wanted or request.path_params["account"] != ACCOUNT:
            return JSONResponse({"code": 20003, "message": "Authenticate", "status": 401}, 401)
        if self.refusals:
            refusal = self.refusals.pop(0)
            body = {"code": refusal.code, "message": refusal.message, "status": refusal.status}
            return JSONResponse(body, refusal.status)
        return None

    async def next_call(self, *, within: float = 45.0) -> Call:
        """The newest call, once one is placed."""
        async with asyncio.timeout(within):
            await self.new_call.wait()
        self.new_call.clear()
        return list(self.calls.values())[-1]

    async def next_message(self, *, within: float = 45.0) -> Message:
        """The newest text message, once one is sent."""
        async with asyncio.timeout(within):
            await self.new_message.wait()
        self.new_message.clear()
        return list(self.messages.values())[-1]

    def dialled(self, caller: str, called: str) -> Call:
        """Somebody calls one of the product's numbers, whose voice address is set as docs/telephony.md says."""
        call = Call(self, called, caller, f"{PUBLIC}/telephony/dial-in", f"{PUBLIC}/telephony/status", "inbound")
        call.fallback_url = f"{PUBLIC}/telephony/lost"
        self.calls[call.sid] = call
        return call


async def posted(
    stand: Stand, url: str, fields: dict[str, str], *, signed_as: str | None = None, token: str = TOKEN
) -> httpx.Response:
    """A signed request to a public address."""
    signature = RequestValidator(token).compute_signature(signed_as or url, fields)
    parts = urlsplit(url)
    async with httpx.AsyncClient(timeout=40) as client:
        return await client.post(
            f"http://{stand.proxied}{parts.path}{'?' + parts.query if parts.query else ''}",
            data=fields,
            headers={"X-Twilio-Signature": signature, "Host": "internal.example", "User-Agent": "TwilioProxy/1.1"},
        )


@dataclass
class Message:
    """One text message, moved by the test as the networks would."""

    stand: Stand
    form: dict[str, str]
    sid: str = field(default_factory=lambda: "SM" + secrets.token_hex(16))

    def resource(self) -> dict[str, Any]:
        """As the REST interface shows it."""
        found = {
            "sid": self.sid, "account_sid": ACCOUNT, "to": self.form["To"], "from": self.form.get("From"),
            "status": "accepted", "direction": "outbound-api", "body": self.form["Body"], "num_segments": "1",
            "api_version": "2010-04-01", "uri": f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{self.sid}.json",
        }  # fmt: skip
        check_message(found)
        return found

    async def tell(self, status: str, *, token: str = TOKEN, sid: str | None = None, **more: str) -> httpx.Response:
        """A status callback."""
        fields = {
            "AccountSid": ACCOUNT, "ApiVersion": "2010-04-01", "MessageSid": sid or self.sid, "SmsSid": sid or self.sid,
            "MessageStatus": status, "To": self.form["To"], "From": self.form.get("From", ""), **more,
        }  # fmt: skip
        return await posted(self.stand, self.form["StatusCallback"], fields, token=token)


@dataclass
class Call:
    """One call, moved by the test as the telephone network and a person would."""

    stand: Stand
    to: str
    from_: str
    url: str
    status_url: str
    direction: str = "outbound-api"
    sid: str = field(default_factory=lambda: "CA" + secrets.token_hex(16))
    status: str = "queued"
    timeout: int = 60
    fallback_url: str = ""
    """Asked when an answer could not be fetched or used."""
    sequence: int = 0
    twiml: ElementTree.Element | None = None
    ended_by_us: asyncio.Event = field(default_factory=asyncio.Event)
    redirected: asyncio.Event = field(default_factory=asyncio.Event)
    redirected_to: str = ""

    def resource(self) -> dict[str, Any]:
        """As the REST interface shows it."""
        found = {
            "sid": self.sid, "account_sid": ACCOUNT, "to": self.to, "from": self.from_, "status": self.status,
            "direction": self.direction, "queue_time": "1000", "api_version": "2010-04-01",
            "uri": f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{self.sid}.json",
        }  # fmt: skip
        check_call(found)
        return found

    def fields(self, **more: str) -> dict[str, str]:
        """The form of every request that Twilio makes about this call."""
        return {
            "AccountSid": ACCOUNT, "ApiVersion": "2010-04-01", "CallSid": self.sid, "CallStatus": self.status,
            "Direction": self.direction, "From": self.from_, "To": self.to, "CallerCountry": "", **more,
        }  # fmt: skip

    async def post(
        self, url: str, fields: dict[str, str], *, signed_as: str | None = None, token: str = TOKEN
    ) -> httpx.Response:
        """As ``posted``."""
        return await posted(self.stand, url, fields, signed_as=signed_as, token=token)

    async def tell(self, status: str, *, number: int | None = None, **more: str) -> httpx.Response:
        """A status callback."""
        if number is None:
            number, self.sequence = self.sequence, self.sequence + 1
        self.status = status
        return await self.post(self.status_url, self.fields(SequenceNumber=str(number), **more))

    async def ask(self, url: str, **more: str) -> str:
        """Fetch TwiML and take it as what to do; returns the name of its main verb."""
        answer = await self.post(url, self.fields(**more))
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/xml")
        self.twiml = ElementTree.fromstring(answer.text)
        assert self.twiml.tag == "Response"
        return self.verb

    @property
    def verb(self) -> str:
        """gather, connect, wait or hangup."""
        assert self.twiml is not None
        tags = [one.tag for one in self.twiml]
        for tag, name in (("Gather", "gather"), ("Connect", "connect"), ("Pause", "wait"), ("Hangup", "hangup")):
            if tag in tags:
                return name
        raise AssertionError(tags)

    @property
    def said(self) -> str:
        """All that is spoken."""
        assert self.twiml is not None
        return " ".join(one.text or "" for one in self.twiml.iter("Say"))

    @property
    def played(self) -> list[str]:
        """The addresses of all files that are played."""
        assert self.twiml is not None
        return [str(one.text) for one in self.twiml.iter("Play")]

    async def fetch(self, url: str) -> httpx.Response:
        """As Twilio fetches what it plays: unsigned, through the proxy."""
        assert url.startswith(PUBLIC)
        async with httpx.AsyncClient(timeout=40) as client:
            return await client.get(f"http://{self.stand.proxied}{url.removeprefix(PUBLIC)}")

    @property
    def voices(self) -> set[tuple[str | None, str | None]]:
        """Language and voice of everything spoken."""
        assert self.twiml is not None
        return {(one.get("language"), one.get("voice")) for one in self.twiml.iter("Say")}

    async def unread(self, number: int) -> str:
        """The last answer was of no use to Twilio."""
        return await self.ask(self.fallback_url, ErrorCode=str(number), ErrorUrl=self.url)

    async def stream_failed(self, sentence: str) -> httpx.Response:
        """The stream that ``<Connect><Stream>`` asks for did not come about."""
        assert self.twiml is not None
        node = self.twiml.find("Connect/Stream")
        assert node is not None, self.verb
        fields = self.fields(StreamEvent="stream-error", StreamError=sentence, StreamSid="MZ" + secrets.token_hex(16))
        return await self.post(str(node.get("statusCallback")), fields)

    async def lift(self) -> str:
        """A person lifts: the address of the call is asked."""
        self.status = "in-progress"
        return await self.ask(self.url)

    async def press(self, digits: str) -> str:
        """Keys, or nothing in time."""
        assert self.twiml is not None
        gather = self.twiml.find("Gather")
        assert gather is not None, self.verb
        assert gather.get("actionOnEmptyResult") == "true"
        assert len(digits) <= int(gather.get("numDigits") or 99)
        return await self.ask(str(gather.get("action")), Digits=digits)

    async def wait(self) -> str:
        """Pause, then redirect."""
        assert self.twiml is not None
        redirect = self.twiml.find("Redirect")
        assert redirect is not None, self.verb
        return await self.ask(str(redirect.text))

    @asynccontextmanager
    async def stream(self, **changes: Any) -> AsyncIterator[Stream]:
        """The media stream that ``<Connect><Stream>`` asks for."""
        assert self.twiml is not None
        node = self.twiml.find("Connect/Stream")
        assert node is not None, self.verb
        url = str(node.get("url"))
        assert url.startswith("wss://")
        assert "?" not in url
        parameters = {str(p.get("name")): str(p.get("value")) for p in node.iter("Parameter")} | changes.pop(
            "parameters", {}
        )
        signed = changes.pop("signed_as", url)
        signature = RequestValidator(changes.pop("token", TOKEN)).compute_signature(signed, {})
        headers = {"X-Twilio-Signature": signature, "Host": "internal.example"}
        address = f"ws://{self.stand.proxied}{urlsplit(url).path}"
        async with connect(
            address, additional_headers={"X-Twilio-Signature": headers["X-Twilio-Signature"]}, **changes
        ) as socket:
            stream = Stream(self, socket, "MZ" + secrets.token_hex(16))
            await stream.begin(parameters)
            try:
                yield stream
            finally:
                await stream.close()


@dataclass
class Stream:
    """Our end of a media stream: what a telephone says goes out in real time, what it hears is kept."""

    call: Call
    socket: ClientConnection
    sid: str
    sequence: int = 0
    heard: list[bytes] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    clears: int = 0
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    answer_marks: bool = True
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    saying: bytes = b""
    """Mu-law that is said in a loop; empty: silence."""

    async def send(self, event: str, **body: Any) -> None:
        """One message; sequence numbers are strings that count."""
        self.sequence += 1
        message = {"event": event, "sequenceNumber": str(self.sequence), "streamSid": self.sid, **body}
        await self.socket.send(json.dumps(message))

    async def begin(self, parameters: dict[str, str]) -> None:
        """``connected`` and ``start``, then sound in both directions."""
        await self.socket.send(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
        start = {
            "accountSid": ACCOUNT, "streamSid": self.sid, "callSid": self.call.sid, "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": parameters,
        }  # fmt: skip
        await self.send("start", start=start)
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._speak())]

    async def key(self, digit: str) -> None:
        """A key is pressed."""
        await self.send("dtmf", dtmf={"track": "inbound_track", "digit": digit})

    async def stop(self) -> None:
        """The person puts the receiver down."""
        await self.send("stop", stop={"accountSid": ACCOUNT, "callSid": self.call.sid})

    async def close(self) -> None:
        """Cut, without a word."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.socket.close()

    def stop_reading(self) -> None:
        """Twilio's end hangs: nothing is read or played any more."""
        self._tasks[0].cancel()

    async def _listen(self) -> None:
        try:
            async for text in self.socket:
                message = json.loads(text)
                assert message["streamSid"] == self.sid
                match message["event"]:
                    case "media":
                        payload = base64.b64decode(message["media"]["payload"], validate=True)
                        assert len(payload) == FRAME
                        self.heard.append(payload)
                    case "mark":
                        self.marks.append(message["mark"]["name"])
                        if self.answer_marks:
                            await self.send("mark", mark={"name": message["mark"]["name"]})
                    case "clear":
                        self.clears += 1
                    case other:
                        raise AssertionError(f"31924: Twilio takes no {other}")
        finally:
            self.closed.set()

    async def _speak(self) -> None:
        loop = asyncio.get_running_loop()
        begun, chunk = loop.time(), 0
        while True:
            at = chunk * FRAME
            piece = (self.saying * 2)[at % len(self.saying) :][:FRAME] if self.saying else SILENCE
            chunk += 1
            media = {
                "track": "inbound", "chunk": str(chunk), "timestamp": str(chunk * 20),
                "payload": base64.b64encode(piece).decode(),
            }  # fmt: skip
            await self.send("media", media=media)
            await asyncio.sleep(max(0.0, begun + chunk * 0.02 - loop.time()))


async def _form(request: Request) -> dict[str, list[str]]:
    return parse_qs((await request.body()).decode(), keep_blank_values=True, strict_parsing=True)


@asynccontextmanager
async def open_stand() -> AsyncIterator[Stand]:
    """Twilio on loopback."""
    stand = Stand()
    root = "/2010-04-01/Accounts/{account}"
    app = Starlette(
        routes=[
            Route(f"{root}.json", stand.account, methods=["GET"]),
            Route(f"{root}/Calls.json", stand.create, methods=["POST"]),
            Route(f"{root}/Calls/{{sid}}.json", stand.update, methods=["POST"]),
            Route(f"{root}/Messages.json", stand.send, methods=["POST"]),
        ]
    )
    async with served(app) as port:
        stand.base = f"http://127.0.0.1:{port}"
        yield stand
