"""The doors through which a carrier comes: let in by its signature, answered with documents of its own. Nothing here is for browsers."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, WebSocket
from starlette.responses import Response

from core.errors import NotFound
from media.sip import prompts
from signaling.api.routing import guarded_router
from signaling.api.shapes import Key
from signaling.bootstrap import Services
from signaling.deps import Svc
from signaling.telephony.twilio_front import STREAM_PATH, Form, TwilioFront
from signaling.telephony.twilio_markup import CONTENT_TYPE, OWN_FILES
from signaling.telephony.twilio_stream import TwilioStreams

router: APIRouter = guarded_router("telephony")


@router.post("/telephony/legs/{leg_id}/lifted", include_in_schema=False)
async def lifted(leg_id: Key, request: Request, services: Svc) -> Response:
    """Twilio: somebody lifted."""
    front, form = await _signed(request, services)
    return _document(await front.lifted(leg_id, form))


@router.post("/telephony/legs/{leg_id}/keys", include_in_schema=False)
async def keys(leg_id: Key, request: Request, services: Svc) -> Response:
    """Twilio: keys were pressed."""
    front, form = await _signed(request, services)
    return _document(await front.keys(leg_id, form))


@router.post("/telephony/legs/{leg_id}/waited", include_in_schema=False)
async def waited(leg_id: Key, request: Request, services: Svc) -> Response:
    """Twilio: a wait or a stream is over."""
    front, form = await _signed(request, services)
    return _document(await front.waited(leg_id, form))


@router.post("/telephony/waited", include_in_schema=False)
async def refreshed(request: Request, services: Svc) -> Response:
    """Twilio: a wait was broken."""
    front, form = await _signed(request, services)
    return _document(await front.refreshed(form))


@router.post("/telephony/dial-in", include_in_schema=False)
async def called_in(request: Request, services: Svc) -> Response:
    """Twilio: somebody calls one of our numbers."""
    front, form = await _signed(request, services)
    return _document(await front.dialled_in(form))


@router.post("/telephony/legs/{leg_id}/lost", include_in_schema=False)
async def leg_unread(leg_id: Key, request: Request, services: Svc) -> Response:
    """Twilio: our last answer was of no use."""
    front, form = await _signed(request, services)
    return _document(await front.unread(leg_id, form))


@router.post("/telephony/lost", include_in_schema=False)
async def call_unread(request: Request, services: Svc) -> Response:
    """Twilio: the same of a call that came in."""
    front, form = await _signed(request, services)
    return _document(await front.unread(None, form))


@router.post("/telephony/legs/{leg_id}/stream", include_in_schema=False, status_code=204)
async def stream_status(leg_id: Key, request: Request, services: Svc) -> None:
    """Twilio: news of a stream of sound."""
    front, form = await _signed(request, services)
    await front.stream_status(leg_id, form)


@router.post("/telephony/legs/{leg_id}/status", include_in_schema=False, status_code=204)
async def leg_status(leg_id: Key, request: Request, services: Svc) -> None:
    """Twilio: news of a call that we placed."""
    front, form = await _signed(request, services)
    await front.status(leg_id, form)


@router.post("/telephony/texts/{text_id}/status", include_in_schema=False, status_code=204)
async def text_status(text_id: Key, request: Request, services: Svc) -> None:
    """Twilio: news of a text message."""
    front, form = await _signed(request, services, about="MessageSid")
    await front.text_status(text_id, form)


@router.get("/telephony/voice/{locale}/{prompt}", include_in_schema=False)
async def voice(locale: Key, prompt: Key, services: Svc) -> Response:
    """A sentence of ours as sound, for a carrier that has no voice in this language. The same for everybody; nothing in it is secret."""
    if services.telephony.front is None or locale not in OWN_FILES or not prompts.known(prompt):
        raise NotFound("not_found")
    sound = await asyncio.to_thread(prompts.wav_of, prompt, locale)
    return Response(sound, media_type="audio/wav", headers={"Cache-Control": "public, max-age=3600"})


@router.post("/telephony/status", include_in_schema=False, status_code=204)
async def call_status(request: Request, services: Svc) -> None:
    """Twilio: news of a call that came in."""
    front, form = await _signed(request, services)
    await front.status(None, form)


def stream_router(streams: TwilioStreams | None) -> APIRouter:
    """The endpoint of media streams; there is none without Twilio."""
    api = APIRouter()
    if streams is None:
        return api
    serving = streams

    @api.websocket(STREAM_PATH)
    async def media(websocket: WebSocket) -> None:
        await serving.serve(websocket)

    return api


async def _signed(request: Request, services: Services, *, about: str = "CallSid") -> tuple[TwilioFront, Form]:
    """The form, if it is signed. Raises ``NotFound('not_found')`` where Twilio is not the carrier."""
    front = services.telephony.front
    if front is None:
        raise NotFound("not_found")
    body = await request.body()
    return front, front.form(request.url.path, request.url.query, body, request.headers, about=about)


def _document(text: str) -> Response:
    return Response(text, media_type=CONTENT_TYPE)
