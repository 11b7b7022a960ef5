"""The only module that knows the SIP stack (baresip through ``baresip-python``): one trunk, its calls, their sound.

It runs in the agent's own process. Nothing the stack writes into its log leaves this process: its lines hold numbers of telephones.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from baresip import (
    Account,
    AudioNotActive,
    AudioRestarted,
    BaresipError,
    Call,
    Config,
    Event,
    RegistrationError,
    Runtime,
    StackEvent,
    StaleHandleError,
    UserAgent,
)

from media.sip.protocol import Figures, TrunkOptions

logger = logging.getLogger(__name__)

_MENC = {"off": None, "optional": "srtp", "mandatory": "srtp-mand"}
_REGISTER_AGAIN = (2.0, 5.0, 15.0, 30.0, 60.0)
"""Seconds between tries to register, the last one again and again."""


def stack_lines(options: TrunkOptions) -> str:
    """Settings of the stack that the binding has no field for. A TLS socket listens on the port above ``sip_listen``."""
    port = options.local_port - 1 if options.transport == "tls" else options.local_port
    lines = [
        f"sip_listen {options.local_address}:{port}",
        f"sip_transports {options.transport}",
        f"rtp_ports {options.rtp_port_min}-{options.rtp_port_max}",
        # Grows with the jitter that is there, from 20 ms; the fixed default of five packets costs 100 ms always.
        "audio_jitter_buffer_type adaptive",
        "audio_jitter_buffer_ms 20-200",
        "audio_buffer 20-160",
        "call_local_timeout 200",
    ]
    if options.transport == "tls":
        lines.append("sip_verify_server yes")
        if options.ca_file:
            lines.append(f"sip_cafile {options.ca_file}")
        if options.certificate_file:
            lines.append(f"sip_certificate {options.certificate_file}")
    return "\n".join(lines) + "\n"


def account_of(options: TrunkOptions) -> Account:
    """Our identity at the trunk. Calls to any number are ours: a trunk calls the number that was dialled, not our user name."""
    extra = ["catchall=yes"]
    menc = _MENC[options.srtp]
    if menc:
        extra.append(f"mediaenc={menc}")
    return Account(
        user=options.user,
        domain=options.host,
        password=options.password,
        registrar=f"{options.host};transport={options.transport}",
        reg_interval=300 if options.registers else 0,
        transport=options.transport,
        audio_codecs=("pcma", "pcmu"),
        auth_user=options.auth_user or None,
        extra_params=tuple(extra),
    )


class SipCall:
    """One call. Its happenings are told by the callbacks; ``on_closed`` comes once, last: with the SIP status if one was the cause, and
    whether no sound came any more."""

    def __init__(self, call: Call, *, caller: str = "", called: str = "") -> None:
        self._call = call
        self.caller = caller
        self.called = called
        self.secure = False
        self.on_rang: Callable[[], None] = lambda: None
        self.on_answered: Callable[[], None] = lambda: None
        self.on_digit: Callable[[str], None] = lambda digit: None
        self.on_closed: Callable[[int | None, bool, Figures], None] = lambda status, lost, figures: None
        call.on(self._hear)
        call.on_dtmf(lambda event: self.on_digit(event.digit))

    @property
    def handle(self) -> int:
        return int(self._call.handle)

    def _hear(self, event: StackEvent) -> None:
        match event.event:
            case Event.CALL_RINGING | Event.CALL_PROGRESS:
                self.on_rang()
            case Event.CALL_MENC:
                self.secure = True
            case Event.CALL_ESTABLISHED:
                self.on_answered()
            case Event.CALL_CLOSED:
                self.on_closed(_status_of(event.text), "rtp stream" in (event.text or ""), self._figures())

    def _figures(self) -> Figures:
        stats = self._call.final_stats
        if stats is None:
            return Figures()
        return Figures(
            seconds=stats.duration_s,
            sent=stats.tx_packets,
            received=stats.rx_packets,
            lost=stats.rx_lost,
            jitter_ms=stats.rx_jitter_ms,
            rtt_ms=stats.rtt_ms,
        )

    async def answer(self) -> None:
        """Take it; ``on_answered`` follows. Nothing when it is over already."""
        try:
            await self._call.answer()
        except StaleHandleError:
            return

    async def hang_up(self) -> None:
        """End it, or refuse it; ``on_closed`` follows."""
        try:
            await self._call.hangup()
        except StaleHandleError:
            return

    def read(self) -> bytes:
        """What came since the last time: whole frames of 20 ms, signed 16 bit at 8 kHz; empty without sound."""
        try:
            return bytes(self._call.audio.read(3200))
        except (AudioNotActive, AudioRestarted):
            return b""

    def write(self, pcm: bytes) -> None:
        """Queue sound; what does not fit is dropped."""
        try:
            self._call.audio.write(pcm)
        except (AudioNotActive, AudioRestarted):
            return

    def waiting(self) -> int:
        """Bytes of sound that are written and not sent yet."""
        try:
            return int(self._call.audio.info().tx_buffered)
        except AudioNotActive:
            return 0

    def flush(self) -> None:
        """Drop what is written and not sent yet."""
        try:
            self._call.audio.flush_tx()
        except (AudioNotActive, AudioRestarted):
            return


class SipStack:
    """The trunk. ``incoming`` hears of each call to us, ``usable`` of changes of the registration, ``dead`` of the stack's own end."""

    def __init__(
        self,
        options: TrunkOptions,
        *,
        incoming: Callable[[SipCall], None],
        usable: Callable[[bool], None],
        dead: Callable[[], None],
    ) -> None:
        self._options = options
        self._incoming = incoming
        self._usable = usable
        self._runtime = Runtime(native_log_level="error")
        self._runtime.on_dead = dead
        self._agent: UserAgent | None = None
        self._registering: asyncio.Task[None] | None = None
        self._early: dict[int, list[StackEvent]] = {}
        self._known: set[int] = set()
        self._dialled = ""

    async def start(self) -> None:
        """Raises ``OSError`` when the address or the port cannot be had."""
        for name in ("baresip", "baresip.native", "baresip.native.sip"):
            # Its lines hold numbers.
            logging.getLogger(name).disabled = True
            logging.getLogger(name).propagate = False
        options = self._options
        try:
            await self._runtime.start(
                Config(
                    net_interface=options.local_address,
                    expose_headers=("To",),
                    native_log_level="error",
                    max_concurrent_calls=options.max_calls,
                    rtp_timeout=options.sound_timeout,
                    extra_config_text=stack_lines(options),
                )
            )
            self._runtime.subscribe(self._remember)
            agent = self._agent = await UserAgent.create(self._runtime, account_of(options), transfer_policy="reject")
        except BaresipError as error:
            raise OSError("the SIP stack did not start") from error
        agent.on_incoming(self._call_came)
        if options.registers:
            self._registering = asyncio.create_task(self._register(agent))
        else:
            self._usable(True)

    async def _register(self, agent: UserAgent) -> None:
        """Until it succeeds; the stack refreshes by itself then, and tells of a refresh that failed."""

        def hear(event: StackEvent) -> None:
            if event.event is Event.REGISTER_OK:
                self._usable(True)
            elif event.event is Event.REGISTER_FAIL:
                self._usable(False)

        agent.on(hear)
        tries = 0
        while True:
            try:
                await agent.register()
                return
            except RegistrationError as error:
                logger.warning("registration refused", extra={"status": error.status or 0})
                self._usable(False)
            await asyncio.sleep(_REGISTER_AGAIN[min(tries, len(_REGISTER_AGAIN) - 1)])
            tries += 1

    def _remember(self, event: StackEvent) -> None:
        """A call of ours may be told about before the stack has told us its handle: those events are kept for ``dial``."""
        if event.event is Event.CALL_INCOMING:
            self._dialled = number_in(event.headers.get("To"))
        elif event.call and event.call not in self._known:
            if len(self._early) > 64:
                self._early.pop(next(iter(self._early)))
            self._early.setdefault(event.call, []).append(event)
        if event.event is Event.CALL_CLOSED:
            self._known.discard(event.call)

    def _call_came(self, call: Call) -> None:
        self._known.add(call.handle)
        self._early.pop(call.handle, None)
        # Told of in the same breath as ``_remember`` was: listeners are called one after the other.
        self._incoming(SipCall(call, caller=number_in(call.peer), called=self._dialled))

    async def dial(self, number: str, prepare: Callable[[SipCall], None]) -> SipCall:
        """Call a number through the trunk; ``prepare`` sets the callbacks before anything is told.

        Raises ``OSError`` when the stack refuses (no way to the trunk)."""
        assert self._agent is not None
        uri = f"sip:{number}@{self._options.host};transport={self._options.transport}"
        try:
            call = await self._agent.dial(uri)
        except BaresipError as error:
            raise OSError("the stack refused to dial") from error
        self._known.add(call.handle)
        sip_call = SipCall(call)
        prepare(sip_call)
        for event in self._early.pop(call.handle, ()):
            call_hears: Any = call._on_stack_event
            call_hears(event)
        return sip_call

    async def drain(self) -> None:
        """No new calls; returns when the last one is over."""
        await self._runtime.drain()

    async def close(self) -> None:
        """End everything that is left."""
        if self._registering is not None:
            self._registering.cancel()
        await self._runtime.close()


def number_in(uri: str | None) -> str:
    """The number in a SIP address such as ``sip:+38111@host``; empty when there is none, as for a withheld one."""
    user = (uri or "").partition("<")[2] or (uri or "")
    user = user.partition(":")[2].partition("@")[0].partition(";")[0]
    digits = user.removeprefix("+")
    return user if digits.isdigit() and 2 <= len(digits) <= 20 else ""


def _status_of(text: str | None) -> int | None:
    head = (text or "")[:3]
    return int(head) if head.isdigit() and (text or "")[3:4] in {"", " "} else None
