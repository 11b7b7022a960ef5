"""The Twilio adapter: calls are placed and ended, and text messages sent, by Twilio's own client; its refusals become our words.

The client blocks, so it runs in threads of its own, few, each request with a time limit. Numbers go into requests only: Twilio's
messages quote them, therefore no message of an exception is ever passed on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar
from urllib.parse import urlsplit

from requests.exceptions import RequestException
from twilio.base import values
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from core.settings_sections import TelephonySettings
from signaling.telephony.port import CallOrder, Capabilities, PhoneDesk, PhoneTrouble
from signaling.telephony.text_port import TextOrder
from signaling.telephony.troubles import AGAIN, Trouble, of_twilio
from signaling.telephony.twilio_markup import OWN_FILES, VOICES

log = logging.getLogger(__name__)
T = TypeVar("T")
TIMEOUT_S = 8.0
"""For one request; after that nobody knows whether the call was placed, so it is not placed again."""
_WORKERS = 4
EVENTS = ["initiated", "ringing", "answered", "completed"]


class TwilioProvider:
    """``port.PhoneProvider`` over Twilio's REST interface."""

    name = "twilio"
    configured = True

    def __init__(self, settings: TelephonySettings, public_url: str) -> None:
        assert settings.auth_token is not None
        self._public = public_url.rstrip("/")
        self._numbers = dict(entry.split("=", 1) for entry in settings.numbers)
        self._sid = settings.account_sid
        self._text_from = settings.texts_from
        quiet = logging.getLogger(f"{__name__}.http")
        quiet.setLevel(logging.ERROR)
        http = TwilioHttpClient(timeout=TIMEOUT_S, logger=quiet)
        stand_in = bool(settings.api_base)
        self._client = Client(
            settings.account_sid,
            settings.auth_token.get_secret_value(),
            region=None if stand_in else settings.region or None,
            edge=None if stand_in else settings.edge or None,
            http_client=http,
            environment={"-": "-"},
        )
        if stand_in:
            parts = urlsplit(settings.api_base)
            self._client.api.base_url = f"{parts.scheme}://{parts.netloc}"
        self._threads = ThreadPoolExecutor(_WORKERS, thread_name_prefix="twilio")

    @property
    def capabilities(self) -> Capabilities:
        """Both ways; sound is encrypted up to Twilio and clear text at the carriers behind it."""
        return Capabilities(
            dial_out=True,
            dial_in=True,
            dial_in_numbers=tuple(self._numbers.values()),
            voices=(*VOICES, *OWN_FILES),
            own_voices=OWN_FILES,
            encrypted_to="gateway",
        )

    @property
    def countries(self) -> dict[str, str]:
        """Country by our own number."""
        return {number: country for country, number in self._numbers.items()}

    async def place(self, order: CallOrder) -> str:
        """Queue a call at Twilio; it asks us what to do when somebody lifts. Raises ``PhoneTrouble``."""
        base = f"{self._public}/telephony/legs/{order.leg_id}"

        def create() -> str:
            call = self._client.calls.create(
                to=order.number,
                from_=self._from(order.region),
                url=f"{base}/lifted",
                method="POST",
                fallback_url=f"{base}/lost",
                fallback_method="POST",
                status_callback=f"{base}/status",
                status_callback_method="POST",
                status_callback_event=EVENTS,
                timeout=order.ring_seconds,
            )
            return str(call.sid)

        return await self._ask(create, again=True)

    async def account_status(self) -> str:
        """What Twilio says of the account: active, suspended, closed. Raises ``PhoneTrouble``."""

        def fetch() -> str:
            return str(self._client.api.v2010.accounts(self._sid).fetch().status)

        return await self._ask(fetch, again=True)

    @property
    def sends_texts(self) -> bool:
        """Whether a sender of text messages is set up."""
        return bool(self._text_from)

    async def send_text(self, order: TextOrder) -> str:
        """Queue a text message at Twilio; what becomes of it comes back signed. Raises ``PhoneTrouble``."""
        # A name has at most eleven letters, a service has 34 (core.settings_sections).
        service = len(self._text_from) == 34

        def create() -> str:
            message = self._client.messages.create(
                to=order.number,
                from_=values.unset if service else self._text_from,
                messaging_service_sid=self._text_from if service else values.unset,
                body=order.body,
                status_callback=f"{self._public}/telephony/texts/{order.text_id}/status",
                validity_period=order.seconds,
            )
            return str(message.sid)

        return await self._ask(create, again=True)

    async def hang_up(self, call_id: str) -> None:
        """End a call; one that is over already is no trouble. Raises ``PhoneTrouble``."""

        def complete() -> None:
            self._client.calls(call_id).update(status="completed")

        try:
            await self._ask(complete, again=False)
        except PhoneTrouble as trouble:
            if trouble.code != Trouble.CALL_OVER:
                raise

    async def refresh(self, call_id: str) -> None:
        """Let Twilio ask now what to do with a waiting call; if that fails it asks by itself within seconds."""
        url = f"{self._public}/telephony/waited"

        def redirect() -> None:
            self._client.calls(call_id).update(url=url, method="POST")

        try:
            await self._ask(redirect, again=False)
        except PhoneTrouble as trouble:
            log.info("call_not_refreshed", extra={"code": trouble.code})

    async def down(self) -> bool:
        """Nobody asks Twilio without a call to place."""
        return False

    @asynccontextmanager
    async def running(self, desk: PhoneDesk) -> AsyncIterator[None]:
        """Requests go out while open; what Twilio tells comes in by ``signaling.api.telephony``."""
        try:
            yield
        finally:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _from(self, region: str) -> str:
        """The number of ours in the called country, else the first: a domestic call costs less and is lifted more often."""
        return self._numbers.get(region) or next(iter(self._numbers.values()))

    async def _ask(self, work: Callable[[], T], *, again: bool) -> T:
        try:
            async with asyncio.timeout(TIMEOUT_S + 2):
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except TwilioRestException as refused:
            trouble = of_twilio(refused.code, refused.status)
            if again and trouble is Trouble.CALL_OVER:
                # What is not found when something new is asked for is the account, in this region.
                trouble = Trouble.ACCOUNT
            log.warning("carrier_refused", extra={"code": trouble.value, "carrier_code": refused.code or 0})
            again_in = 1.0 if again and trouble in AGAIN else None
            raise PhoneTrouble(trouble.value, carrier_code=refused.code or None, again_in=again_in) from None
        except (TwilioException, RequestException, TimeoutError) as failed:
            # A connection that was refused placed no call; after a time limit nobody knows.
            refused_at_once = type(failed).__name__ in ("ConnectionError", "ConnectTimeout")
            log.warning("carrier_unreached", extra={"error_type": type(failed).__name__})
            again_in = 1.0 if again and refused_at_once else None
            raise PhoneTrouble(Trouble.UNREACHED.value, again_in=again_in) from None
