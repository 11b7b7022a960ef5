"""The demo's group briefing: three posts at the border were told the same in one language; the switch is closed again since then."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from core.access import Actor
from records.lifecycle import EndReason, Outcome
from scheduler.briefings.models import BriefingPost, Understood
from scheduler.briefings.service import NewBriefing
from scheduler.models import Offer
from scheduler.pool import regional
from scheduler.surge.rule import Switch
from scheduler.surge.states import ByHand
from signaling.bootstrap import Services

BRIEFINGS = 1
"""Sessions that belong to no case."""
INTERPRETER = "I-0402"
_SITE = "RS-PRESEVO"
_GROUPS = ((38, Understood.YES), (41, Understood.YES), (24, Understood.NOT_ALL))
"""People at each post, and whether they understood."""


async def tell_briefing(
    services: Services,
    officers: dict[str, tuple[Actor, str]],
    interpreter_id: str,
    wait: Callable[[float], None],
) -> None:
    """Ask, accept, speak, say who was told, end; each at its time (``wait`` moves the story's clock on by seconds)."""
    coordinator, (leader, language) = officers["C-07"][0], officers["O-1183"]
    await _switch(services, coordinator, on=True, reason="Three buses at once")
    scheduler, log = services.scheduler, services.session_log
    async with services.database.unit(Actor.system()) as uow:
        await scheduler.presence.set_wanted(uow, interpreter_id, wanted="available")
    new = NewBriefing("RS-ID-10", "arb", language, _SITE, [_SITE] * len(_GROUPS), 15)
    async with services.database.unit(regional(leader)) as uow:
        briefing = await scheduler.briefings.start(uow, new)
    wait(11)
    async with services.database.unit(Actor.system()) as uow:
        offer = (
            await uow.session.scalars(
                select(Offer).where(Offer.booking_id == briefing.booking_id, Offer.interpreter_id == interpreter_id)
            )
        ).one()
        answer = await scheduler.offers.accept(uow, offer.id, interpreter_id=interpreter_id, round_no=offer.round)
    session_id = str(answer["session_id"])
    wait(14)
    async with services.database.unit(Actor.system()) as uow:
        await log.arrive(uow, session_id, part="officer", code=leader.code)
        await log.arrive(uow, session_id, part="interpreter", code=INTERPRETER)
        await scheduler.conduct.arrived(uow, session_id)
    wait(4)
    async with services.database.unit(Actor.system()) as uow:
        await scheduler.conduct.start(uow, session_id)
    wait(560)
    async with services.database.unit(Actor.system()) as uow:
        posts = await uow.session.scalars(
            select(BriefingPost).where(BriefingPost.briefing_id == briefing.id).order_by(BriefingPost.nr)
        )
        for post, (people, understood) in zip(posts.all(), _GROUPS, strict=True):
            await scheduler.briefings.told(uow, post, group=1, people=people, answer=understood)
    wait(90)
    async with services.database.unit(Actor.system()) as uow:
        await log.add_speaking(uow, session_id, 380_000)
        await scheduler.conduct.finish(
            uow, session_id, outcome=Outcome.COMPLETED, reason=EndReason.FINISHED, by="officer"
        )
        await log.seal(uow, session_id)
        await scheduler.presence.set_wanted(uow, interpreter_id, wanted="away")
    await _switch(services, coordinator, on=False, reason="The buses have gone on")


async def _switch(services: Services, coordinator: Actor, *, on: bool, reason: str) -> None:
    async with services.database.unit(coordinator) as uow:
        # Given back to the rule afterwards: a red state must open briefings again.
        wish = ByHand(reason=reason, switches={Switch.GROUP_BRIEFING: True if on else None})
        await services.foresight.surge.set_by_hand(uow, "RS", wish)
