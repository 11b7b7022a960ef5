"""Partner lists of the demo, set as a coordinator sets them; the organisations are invented."""

from __future__ import annotations

from core.access import Actor, Country
from scheduler.ring.policy import Partner
from signaling.bootstrap import Services

_PARTNERS = {
    Country.RS: [
        Partner(name="Centar za susret (invented)", contact="+381 11 000 00 01", languages=["apc", "pes", "prs"]),
        Partner(name="Most NGO (invented)", contact="+381 18 000 00 02", languages=["pbt", "urd"]),
    ],
    Country.MK: [Partner(name="Otvorena vrata (invented)", contact="+389 2 000 0003", languages=["apc", "pes"])],
}


async def tell_ring(services: Services) -> None:
    """Give both countries a partner list."""
    async with services.database.unit(Actor.system()) as uow:
        for country, partners in _PARTNERS.items():
            policy, version = await services.scheduler.policies.versioned(uow, country.value)
            changed = policy.model_copy(update={"partners": partners})
            await services.scheduler.policies.change(uow, changed, version=version)
