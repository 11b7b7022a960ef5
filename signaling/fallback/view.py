"""The ladder as everybody in a room sees it. Pure. Neither numbers nor who has one: only what happens, and what may be chosen."""

from __future__ import annotations

from typing import Any

from signaling.fallback.facts import Do, Plan
from signaling.fallback.models import Opening
from signaling.fallback.reading import Seen
from signaling.fallback.rules import SHOW_AFTER, phone_closed
from signaling.fallback.states import CallState
from signaling.medium import medium_of
from signaling.realtime.protocol import instant
from signaling.realtime.rooms import block_limit_min


def ladder_view(
    seen: Seen, plan: Plan, opening: Opening | None = None, *, short_blocks: bool = False
) -> dict[str, Any]:
    """The shape of ``fallback`` in docs/protocol.md. ``short_blocks``: children and people who need short blocks (S-8)."""
    room, facts = seen.room, seen.facts
    medium = medium_of(seen.places)
    limit = block_limit_min(mode=medium.value, child=short_blocks, needs=())
    return {
        "version": 0 if room is None else room.version,
        "mode": seen.session.mode,
        "medium": medium.value,
        "block_limit_min": limit,
        "sound_only": facts.sound_only,
        "phone": [_phone(seen, one.place_id, plan) for one in plan.phone if _shown(seen, one.place_id, plan)],
        "callable": [person.place_id for person in facts.people if phone_closed(facts, person) is None],
        "offered": [rung.value for rung in plan.offered],
        "closed": [{"rung": one.rung.value, "why": one.why.value} for one in plan.closed],
        "agreement": _agreement(seen, plan),
        "stop": None
        if room is None or room.stop_reason is None or room.stop_at is None
        else {"reason": room.stop_reason, "at": instant(room.stop_at)},
        "repeat": None if plan.repeat is None else {"from": instant(plan.repeat.start), "seconds": plan.repeat.seconds},
        "opening": None
        if opening is None
        else {"id": opening.id, "reason": opening.reason, "by": opening.asked_by, "at": instant(opening.asked_at)},
    }


def _shown(seen: Seen, place_id: str, plan: Plan) -> bool:
    place = seen.place(place_id)
    if place.phone_leg_id is not None or seen.open_call(place_id) is not None:
        return True
    since = place.lost_from
    if since is not None and seen.facts.now - since < SHOW_AFTER:
        return False
    return since is not None or next(one for one in plan.phone if one.place_id == place_id).do is Do.OFFER


def _phone(seen: Seen, place_id: str, plan: Plan) -> dict[str, Any]:
    """One person's telephone: ``waiting`` (counted down), ``placing``, a state of the leg, ``offer`` or ``closed``; and why."""
    advice = next(one for one in plan.phone if one.place_id == place_id)
    place, call = seen.place(place_id), seen.open_call(place_id)
    state, at = ("offer" if advice.do is Do.OFFER else "closed"), None
    why: str | None = advice.why.value
    if place.phone_leg_id is not None:
        state, why = "in_room", None if call is None else call.reason
    elif call is not None:
        why = call.reason
        state = call.state.value if call.state is not CallState.CALLING else call.leg_state or "queued"
        at = instant(call.due_at) if call.state is CallState.WAITING else None
    elif advice.do in (Do.WAIT, Do.RING) and advice.at is not None:
        state, at = "waiting", instant(advice.at)
    browser = place.state == "present"
    return {"place": place_id, "state": state, "why": why, "at": at, "browser": browser}


def _agreement(seen: Seen, plan: Plan) -> dict[str, Any] | None:
    room = seen.room
    if plan.ask_person:
        return {"answer": "asked", "how": None}
    asked = room is not None and room.agreement in ("yes", "no")
    if not asked or not any(person.on_phone for person in seen.facts.people):
        return None
    return {"answer": room.agreement, "how": room.agreement_how} if room is not None else None
