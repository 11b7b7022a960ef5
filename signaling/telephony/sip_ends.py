"""From the agent's ends of calls to the words that both carriers share. Pure."""

from __future__ import annotations

from media.sip.protocol import CallEnd
from signaling.telephony.port import LegWhy
from signaling.telephony.troubles import Trouble

_WHY: dict[CallEnd, LegWhy] = {
    CallEnd.HUNG_UP_THERE: LegWhy.HUNG_UP,
    CallEnd.BUSY: LegWhy.BUSY,
    CallEnd.NO_ANSWER: LegWhy.NO_ANSWER,
    CallEnd.NOT_REACHABLE: LegWhy.NO_ANSWER,
    CallEnd.REFUSED: LegWhy.BUSY,
    CallEnd.HUNG_UP_HERE: LegWhy.CANCELLED,
    CallEnd.SOUND_LOST: LegWhy.STALLED,
    CallEnd.LINE_LOST: LegWhy.LINE_FAILED,
    CallEnd.AGENT_LOST: LegWhy.LINE_FAILED,
}
"""Carriers tell a refusal on the telephone as busy (Twilio does); networks do, too."""
_TROUBLE: dict[CallEnd, Trouble] = {
    CallEnd.NUMBER_UNKNOWN: Trouble.NUMBER_INVALID,
    CallEnd.TRUNK_REFUSED: Trouble.ACCOUNT,
    CallEnd.TRUNK_DOWN: Trouble.UNREACHED,
    CallEnd.NOT_SECURE: Trouble.UNENCRYPTED,
    CallEnd.FULL: Trouble.BUSY_LINES,
    CallEnd.DRAINING: Trouble.BUSY_LINES,
    CallEnd.AGENT_LOST: Trouble.CARRIER,
}


def leg_end(end: CallEnd, *, answered: bool) -> tuple[LegWhy, Trouble | None]:
    """Why the leg ended, and the trouble if the carrier is to blame."""
    if end is CallEnd.AGENT_LOST and not answered:
        return LegWhy.FAILED, _TROUBLE[end]
    if end in _WHY:
        return _WHY[end], _TROUBLE.get(end)
    return LegWhy.FAILED, _TROUBLE.get(end, Trouble.UNKNOWN)
