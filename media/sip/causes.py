"""From how SIP ends a call to our stable codes. Pure; the meanings are those of RFC 3261 21."""

from __future__ import annotations

from media.sip.protocol import CallEnd

_BY_STATUS = {
    401: CallEnd.TRUNK_REFUSED,
    402: CallEnd.TRUNK_REFUSED,
    403: CallEnd.TRUNK_REFUSED,
    404: CallEnd.NUMBER_UNKNOWN,
    407: CallEnd.TRUNK_REFUSED,
    408: CallEnd.NO_ANSWER,
    410: CallEnd.NUMBER_UNKNOWN,
    480: CallEnd.NOT_REACHABLE,
    484: CallEnd.NUMBER_UNKNOWN,
    486: CallEnd.BUSY,
    487: CallEnd.NO_ANSWER,
    488: CallEnd.NOT_SECURE,
    494: CallEnd.NOT_SECURE,
    600: CallEnd.BUSY,
    603: CallEnd.REFUSED,
    604: CallEnd.NUMBER_UNKNOWN,
    606: CallEnd.NOT_SECURE,
    607: CallEnd.REFUSED,
}


def end_of(
    status: int | None, *, established: bool, by_us: bool, rang: bool = False, encrypted: bool = True
) -> CallEnd:
    """``status`` is the SIP code that closed the call, if one did; ``established`` whether it was answered before; ``rang`` whether
    the other side rang; ``encrypted`` whether our side demanded encrypted sound, without which 488 and 606 are plain refusals."""
    if by_us:
        return CallEnd.HUNG_UP_HERE
    if established:
        return CallEnd.HUNG_UP_THERE
    if status is None:
        return CallEnd.NO_ANSWER if rang else CallEnd.TRUNK_DOWN
    found = _BY_STATUS.get(status)
    if found is CallEnd.NOT_SECURE and not encrypted:
        return CallEnd.REFUSED
    if found is CallEnd.NO_ANSWER and status == 408 and not rang:
        return CallEnd.TRUNK_DOWN
    if found is not None:
        return found
    return CallEnd.TRUNK_DOWN if 500 <= status < 600 else CallEnd.REFUSED
