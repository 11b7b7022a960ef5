"""What coordinators see of telephony: what is configured, what a minute costs, which calls failed and why. Never a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from core.db.session import ReadUnit
from core.i18n import LOCALES
from signaling.telephony.models import PhoneLeg
from signaling.telephony.port import LegState, LegWhy, MinuteCost, PhoneProvider

SINCE = timedelta(days=7)
MOST = 50
NOT_REACHED = (LegWhy.FAILED, LegWhy.BUSY, LegWhy.NO_ANSWER, LegWhy.STALLED, LegWhy.LINE_FAILED)


@dataclass(frozen=True)
class FailedLeg:
    """A call that did not become a conversation."""

    id: str
    at: datetime
    country: str
    reason: str
    region: str
    why: str
    error: str | None
    """A code of ``telephony.troubles``; its sentence and what to do are in the catalogue."""
    carrier_code: int | None
    interpreter_id: str | None


@dataclass(frozen=True)
class Spoken:
    """Calls of the last week to one country, and their minutes as carriers count them: begun ones are whole ones."""

    region: str
    calls: int
    minutes: int


class TelephonyOverview:
    """Reads."""

    def __init__(self, provider: PhoneProvider, cost: Sequence[str]) -> None:
        self.provider = provider
        self.costs = tuple(_price(entry) for entry in cost)

    @property
    def silent_locales(self) -> tuple[str, ...]:
        """Languages of the product in which the carrier cannot speak: English is said there."""
        voices = self.provider.capabilities.voices
        return tuple(locale for locale in LOCALES if locale not in voices) if self.provider.configured else ()

    def cost_of(self, region: str) -> MinuteCost | None:
        """The price of a minute to a country, if the operator entered one."""
        return next((cost for cost in self.costs if cost.country == region), None)

    async def failed(self, unit: ReadUnit) -> list[FailedLeg]:
        """The newest calls of the last week that failed, in the countries of the actor."""
        rows = await unit.session.scalars(
            select(PhoneLeg)
            .where(PhoneLeg.state == LegState.ENDED, PhoneLeg.why.in_(NOT_REACHED), PhoneLeg.made_at > unit.now - SINCE)
            .order_by(PhoneLeg.made_at.desc(), PhoneLeg.id.desc())
            .limit(MOST)
        )
        return [
            FailedLeg(
                leg.id, leg.made_at, leg.country, leg.reason, leg.region,
                leg.why.value if leg.why is not None else "", leg.error, leg.carrier_code, leg.interpreter_id,
            )
            for leg in rows
        ]  # fmt: skip

    async def spoken(self, unit: ReadUnit) -> list[Spoken]:
        """Minutes of the last week by called country."""
        rows = await unit.session.execute(
            select(PhoneLeg.region, PhoneLeg.lifted_at, PhoneLeg.ended_at).where(
                PhoneLeg.direction == "out",
                PhoneLeg.lifted_at.is_not(None),
                PhoneLeg.ended_at.is_not(None),
                PhoneLeg.made_at > unit.now - SINCE,
            )
        )
        found: dict[str, tuple[int, int]] = {}
        for region, lifted, ended in rows:
            if lifted is None or ended is None:
                continue
            calls, minutes = found.get(region, (0, 0))
            found[region] = calls + 1, minutes + -(-int((ended - lifted).total_seconds()) // 60)
        return [Spoken(region, calls, minutes) for region, (calls, minutes) in sorted(found.items())]

    async def waiting(self, unit: ReadUnit) -> int:
        """Calls that wait for their turn at the carrier."""
        count = select(func.count()).select_from(PhoneLeg).where(PhoneLeg.state == LegState.QUEUED)
        return int(await unit.session.scalar(count) or 0)


def _price(entry: str) -> MinuteCost:
    """``RS=EUR 0.152``; the settings have checked its form."""
    country, _, rest = entry.partition("=")
    currency, _, price = rest.partition(" ")
    whole, _, part = price.partition(".")
    return MinuteCost(country, currency, int(whole) * 1000 + int(part.ljust(3, "0") or 0))
