"""Joining, inviting and ending: the doors to the live side of a session. The socket does the rest."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from records.lifecycle import EndReason, Outcome
from scheduler.pool import regional
from signaling.admission import Join
from signaling.api.record_models import SessionRecord
from signaling.api.routing import guarded_router
from signaling.api.sessions import show_record
from signaling.api.shapes import In, Instant, Key, Out
from signaling.auth.principal import Principal
from signaling.bootstrap import Services
from signaling.deps import IdempotencyKey, Svc, Who
from signaling.facts import session_facts
from signaling.policy import SessionFacts, demand, may_lead_session

router: APIRouter = guarded_router("calls")


class IceServer(Out):
    """A STUN or TURN server for the browser (WebRTC ``RTCIceServer``)."""

    urls: list[str]
    username: str | None = None
    credential: str | None = None


class OwnPlace(Out):
    """The place that the grant opens."""

    id: str
    part: Literal["officer", "interpreter", "applicant", "guardian", "lawyer", "listener", "check"]
    code: str | None


class JoinAnswer(Out):
    """All that a browser needs for one call."""

    grant: str
    """Works once, within 60 s, in the socket's ``hello``."""
    session_id: str
    room: str
    participant: OwnPlace
    ice_servers: list[IceServer]
    mode: Literal["open", "sealed"]
    step_code: str
    language: str
    officer_language: str
    case_ref: str | None
    rating: str | None
    """On the person's tablet: the secret with which one face may be given after the session."""


class InviteBody(In):
    """Whom to invite."""

    part: Literal["applicant", "guardian", "lawyer"]


class Invitation(Out):
    """A link for one guest."""

    url: str
    expires_at: Instant


class GuestBody(In):
    """The token from the link."""

    token: str = Field(min_length=16, max_length=128)


class EndBody(In):
    """How a session ended."""

    outcome: Outcome
    reason: EndReason | None = None


@router.post("/api/sessions/{session_id}/join")
async def join(session_id: Key, who: Who, services: Svc) -> JoinAnswer:
    """A grant for the officer or the interpreter of the session."""
    return join_answer(await services.admission.join(who, session_id))


@router.post("/api/sessions/{session_id}/invite")
async def invite(session_id: Key, body: InviteBody, who: Who, services: Svc) -> Invitation:
    """A one-time link for the person, a guardian or a lawyer; the token stays in the fragment and reaches no server log."""
    token, expires_at = await services.admission.invite(who, session_id, body.part)
    return Invitation(url=f"{services.settings.public_url}/t#{token}", expires_at=expires_at)


@router.post("/api/guest/join")
async def guest_join(body: GuestBody, services: Svc, key: IdempotencyKey = None) -> JoinAnswer:
    """The token of a link becomes a grant; it works once, and again for the same key of the same browser."""
    return join_answer(await services.admission.guest_join(body.token, key))


@router.post("/api/sessions/{session_id}/end")
async def end(session_id: Key, body: EndBody, who: Who, services: Svc) -> SessionRecord:
    """End the session for everybody and seal its record."""
    demand(may_lead_session(who, await _facts(services, who, session_id)), hidden="session_unknown")
    await services.calls.end(who, session_id, body.outcome, body.reason)
    return await show_record(services, who, session_id, "session.ended")


@router.post("/api/precheck")
async def precheck(who: Who, services: Svc) -> JoinAnswer:
    """A room of one on a real media node that sends the own sound back."""
    return join_answer(await services.admission.precheck(who))


async def _facts(services: Services, who: Principal, session_id: str) -> SessionFacts:
    """An interpreter's session may belong to the other country, so this looks in both; the policy decides."""
    async with services.database.read(regional(who.actor)) as unit:
        return await session_facts(unit, session_id)


def join_answer(join: Join) -> JoinAnswer:
    """The shape of a grant."""
    return JoinAnswer(
        grant=join.grant,
        session_id=join.session_id,
        room=f"room:{join.session_id}",
        participant=OwnPlace.model_validate({"id": join.place_id, "part": join.part, "code": join.code}),
        ice_servers=[IceServer.model_validate(server) for server in join.ice_servers],
        mode="open",
        step_code=join.step_code,
        language=join.language,
        officer_language=join.officer_language,
        case_ref=join.case_ref,
        rating=join.rating,
    )
