"""What coordinators see of telephony: what is configured, what a minute costs, which calls failed and why. Never a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select

from core.db.session import ReadUnit
from core.i18n import LOCALES
from signaling.telephony.models import PhoneLeg, PhoneText
from signaling.telephony.port import LegState, LegWhy, MinuteCost, PhoneProvider
from signaling.telephony.text_port import TextCarrier, TextState
from signaling.telephony.troubles import OF_ONE_NUMBER, Trouble

SINCE = timedelta(days=7)
NOW = timedelta(hours=1)
"""Older troubles say nothing about now."""
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


@dataclass(frozen=True)
class Ailing:
    """The carrier, or our account there, is in trouble now."""

    code: str
    """A code of ``telephony.troubles``."""
    carrier_code: int | None
    at: datetime
    """Of the first call that met it since calls last went through."""


@dataclass(frozen=True)
class TextsSent:
    """Text messages of the last week."""

    handed_over: int
    delivered: int
    failed: int
    error: str | None
    """Why the newest of the failed ones failed."""
    carrier_code: int | None


class TelephonyOverview:
    """Reads."""

    def __init__(self, provider: PhoneProvider, texts: TextCarrier, cost: Sequence[str]) -> None:
        self.provider = provider
        self.texts_configured = texts.sends_texts
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

    async def ailing(self, unit: ReadUnit) -> Ailing | None:
        """The trouble that calls of the last hour met at the carrier, unless a later one went through; none where nothing is known.

        What says something about one person's number only is no trouble of the carrier.
        """
        if not self.provider.configured:
            return None
        calls = await unit.session.scalars(
            select(PhoneLeg)
            .where(
                or_(PhoneLeg.taken_at.is_not(None), PhoneLeg.error.is_not(None)),
                PhoneLeg.made_at > unit.now - NOW,
            )
            .order_by(PhoneLeg.made_at.desc(), PhoneLeg.id.desc())
            .limit(MOST)
        )
        found: Ailing | None = None
        for leg in calls:
            troubled = leg.error is not None and leg.error not in OF_ONE_NUMBER
            if leg.joined_at is not None or (
                not troubled and (leg.rung_at or leg.lifted_at or leg.why in (LegWhy.BUSY, LegWhy.NO_ANSWER))
            ):
                break
            if troubled and leg.error is not None:
                code, number = (found.code, found.carrier_code) if found else (leg.error, leg.carrier_code)
                found = Ailing(code, number, leg.made_at)
        if found is None and await self.provider.down():
            return Ailing(Trouble.UNREACHED.value, None, unit.now)
        return found

    async def texts(self, unit: ReadUnit) -> TextsSent | None:
        """Text messages of the last week; none where no sender is set up."""
        if not self.texts_configured:
            return None
        recent = PhoneText.made_at > unit.now - SINCE
        counted = await unit.session.execute(
            select(PhoneText.state, func.count()).where(recent).group_by(PhoneText.state)
        )
        states = {state: int(count) for state, count in counted}
        newest = (
            await unit.session.execute(
                select(PhoneText.error, PhoneText.carrier_code)
                .where(recent, PhoneText.state == TextState.FAILED)
                .order_by(PhoneText.made_at.desc(), PhoneText.id.desc())
                .limit(1)
            )
        ).one_or_none()
        delivered = states.get(TextState.DELIVERED, 0)
        return TextsSent(
            handed_over=states.get(TextState.SENT, 0) + delivered,
            delivered=delivered,
            failed=states.get(TextState.FAILED, 0),
            error=newest.error if newest else None,
            carrier_code=newest.carrier_code if newest else None,
        )

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
