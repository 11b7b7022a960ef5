"""Who may come into a call: one-time grants for officer and interpreter, invitations for guests, the room for a check.

A grant opens one place once, within a minute; what happens inside is ``signaling.calls``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from core.access import Actor
from core.clock import new_id
from core.db.session import Database, UnitOfWork
from core.errors import Conflict, Forbidden, NotFound, Unauthenticated
from media.ice import IceConfig
from records.entry_kinds import EntryKind
from records.models import Case, Session
from records.session_log import SessionLog
from records.session_rows import locked_session
from signaling import places
from signaling.auth.principal import Principal
from signaling.auth.tokens import Token, TokenKind, issue, read_token, redeem, revoke_tokens
from signaling.calls import running_session
from signaling.places import Place
from signaling.realtime.protocol import instant
from signaling.realtime.rooms import INTERPRETER, OFFICER

GRANT_TTL = timedelta(seconds=60)
INVITE_TTL = timedelta(minutes=30)
CHECK_TTL = timedelta(minutes=2)
GUEST_PARTS = ("applicant", "guardian", "lawyer")
MOST_GUESTS = 12
"""Places of guests in a session that are open at the same time; a call is for two to six people, some come again elsewhere."""
MOST_INVITED = 60
"""Places of guests in a session in all."""


@dataclass(frozen=True)
class Join:
    """All that a browser needs to open its socket and its media."""

    grant: str
    session_id: str
    place_id: str
    part: str
    code: str | None
    ice_servers: list[dict[str, Any]]
    mode: str
    step_code: str
    language: str
    officer_language: str
    case_ref: str | None
    rating: str | None = None
    """For the person's tablet: the secret with which one face may be given after the session."""


class Admission:
    """Gives grants."""

    def __init__(self, database: Database, session_log: SessionLog, ice: IceConfig) -> None:
        self._database = database
        self._log = session_log
        self._ice = ice

    async def join(self, principal: Principal, session_id: str) -> Join:
        """A one-time grant for the officer or the interpreter of the session.

        Raises ``NotFound('session_unknown')`` for everybody else, ``Conflict('join_not_open' | 'session_over')``."""
        async with self._database.unit(Actor.system()) as uow:
            session = await running_session(uow, session_id)
            place = await places.of_user(uow, session_id, principal.user_id)
            if place is None:
                raise NotFound("session_unknown")
            if uow.now < session.join_opens_at:
                raise Conflict("join_not_open", {"opens_at": instant(session.join_opens_at)})
            return await self.grant(uow, session, place)

    async def invite(self, principal: Principal, session_id: str, part: str) -> tuple[str, datetime]:
        """A one-time token for a guest on another device; the officer shows or reads it out.

        Raises ``NotFound``, ``Conflict('too_many_guests')`` (most) while so many places are open or were opened in all.
        """
        if part not in GUEST_PARTS:
            raise Forbidden("part_not_allowed")
        async with self._database.unit(Actor.system()) as uow:
            session = await running_session(uow, session_id)
            if session.officer_user_id != principal.user_id:
                raise NotFound("session_unknown")
            await locked_session(uow, session_id)
            guests = [place for place in await places.of_session(uow, session_id) if place.part in GUEST_PARTS]
            open_ones = [place for place in guests if place.state not in ("left", "gone")]
            for found, most in ((open_ones, MOST_GUESTS), (guests, MOST_INVITED)):
                if len(found) >= most:
                    raise Conflict("too_many_guests", {"most": most})
            place = await places.invite(uow, session_id, part)
            token = await issue(uow, TokenKind.INVITE, ttl=INVITE_TTL, session_id=session_id, participant_id=place.id)
            await self._log.append(uow, session_id, EntryKind.INVITED, {"part": part})
            return token.secret, token.expires_at

    async def guest_join(self, token: str, key: str | None = None) -> Join:
        """The guest's link, used once, becomes a grant. Raises ``Unauthenticated('token_invalid')``.

        ``key``: a secret of the browser. Whoever brings the link with the same key again has not read the answer, or could not take
        the place with it: they get the same place anew, while the link would be good and until they leave; what the answers before
        gave is worthless then.
        """
        async with self._database.unit(Actor.system()) as uow:
            used, again = await self._used(uow, token, None if key is None else f"{token}.{key}")
            session = await running_session(uow, used.session_id or "")
            place = await places.get(uow, used.participant_id or "")
            if again:
                if place.state not in ("invited", *places.IN_ROOM):
                    raise Unauthenticated("token_invalid")
                for kind in (TokenKind.JOIN, TokenKind.RATING):
                    await revoke_tokens(uow, kind=kind, participant_id=place.id)
            join = await self.grant(uow, session, place)
            if place.part != "applicant":
                return join
            face = await issue(uow, TokenKind.RATING, session_id=session.id, participant_id=place.id)
            return replace(join, rating=face.secret)

    async def _used(self, uow: UnitOfWork, token: str, mine: str | None) -> tuple[Token, bool]:
        """What the link stands for, and whether this browser has used it before. ``mine``: link and key of the browser."""
        try:
            used = await redeem(uow, TokenKind.INVITE, token)
        except Unauthenticated:
            if mine is None:
                raise
            return await read_token(uow, TokenKind.JOINING, mine), True
        if mine is not None:
            whose = {"session_id": used.session_id, "participant_id": used.participant_id}
            await issue(uow, TokenKind.JOINING, ttl=used.expires_at - uow.now, secret=mine, **whose)
        return used, False

    async def precheck(self, principal: Principal) -> Join:
        """A room of one on a real node that sends the own sound back."""
        room = new_id("check")
        async with self._database.unit(Actor.system()) as uow:
            user_id = principal.user_id
            token = await issue(
                uow, TokenKind.JOIN, ttl=CHECK_TTL, user_id=user_id, session_id=room, participant_id=room
            )
        part = INTERPRETER if principal.interpreter_id else OFFICER
        ice = self._ice.servers(room)
        return Join(
            token.secret, room, room, part, principal.code, ice, "open", "", "", principal.officer_language, None
        )

    async def grant(self, uow: UnitOfWork, session: Session, place: Place) -> Join:
        """A one-time grant for a place whose owner has already been let in by other means."""
        token = await issue(
            uow,
            TokenKind.JOIN,
            ttl=GRANT_TTL,
            user_id=place.user_id,
            session_id=session.id,
            participant_id=place.id,
        )
        case = await uow.session.get(Case, session.case_id) if place.part == OFFICER and session.case_id else None
        return Join(
            grant=token.secret,
            session_id=session.id,
            place_id=place.id,
            part=place.part,
            code=place.code,
            ice_servers=self._ice.servers(place.id),
            mode=session.mode,
            step_code=session.step_code if place.part == OFFICER else "",
            language=session.language_declared,
            officer_language=session.officer_language,
            case_ref=case.case_ref if case is not None else None,
        )
