"""What can go wrong at a carrier, in our words: Twilio's numbers and codes, and which of them may be tried again. Pure data.

The sentence of a trouble is ``telephony.trouble.<code>`` and what the coordinator does is ``telephony.trouble.<code>.next`` in the
catalogue of the area. A number that is in no table is ``carrier_other``.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Trouble(StrEnum):
    """One kind of failure; each has one sentence and one thing to do."""

    NOT_CONFIGURED = "telephony_not_configured"
    NUMBER_INVALID = "number_refused"
    """The carrier says that there is no such number."""
    COUNTRY_CLOSED = "country_not_opened"
    """The account may not call this country."""
    NUMBER_BLOCKED = "number_blocked"
    OWN_NUMBER = "own_number_unusable"
    """Our own number is not ours, not verified, or cannot speak."""
    TRIAL = "account_on_trial"
    ACCOUNT = "account_refused"
    """Wrong or suspended account, wrong key."""
    NO_MONEY = "account_out_of_credit"
    BUSY_LINES = "too_many_calls"
    """More calls at once or in a second than the account allows; queued and tried again."""
    QUEUE_LATE = "queue_too_long"
    CALL_OVER = "call_over_already"
    UNREACHED = "carrier_unreached"
    CARRIER = "carrier_failed"
    """The carrier's own failure."""
    OUR_ANSWER = "our_answer_unread"
    """The carrier could not fetch or read our answer: address, certificate, or proxy."""
    STREAM = "stream_refused"
    """The carrier could not open or keep its stream of sound to us."""
    UNENCRYPTED = "sound_unencrypted"
    """Encrypted sound was demanded, and the other side cannot or did not: the call was ended before anything was heard."""
    STREAM_SLOW = "stream_too_slow"
    VOICE = "voice_unknown"
    PLACING_LOST = "placing_lost"
    """Our process ended while it handed the call over: nobody knows whether it rang."""
    NOT_MOBILE = "number_not_mobile"
    """A number that takes no text messages."""
    TEXT_BARRED = "text_barred"
    """The network took our message for unwanted, or our sender is not registered there."""
    OUT_OF_REACH = "telephone_out_of_reach"
    UNKNOWN = "carrier_other"


SOURCED: Mapping[int, Trouble] = {
    10004: Trouble.BUSY_LINES, 20429: Trouble.BUSY_LINES, 22005: Trouble.QUEUE_LATE, 31920: Trouble.STREAM,
    31922: Trouble.STREAM, 31924: Trouble.STREAM, 31930: Trouble.STREAM_SLOW,
}  # fmt: skip
"""Numbers whose meaning was read in Twilio's documentation."""
REMEMBERED: Mapping[int, Trouble] = {
    10001: Trouble.ACCOUNT, 10002: Trouble.TRIAL, 10003: Trouble.ACCOUNT,
    11100: Trouble.OUR_ANSWER, 11200: Trouble.OUR_ANSWER, 11205: Trouble.OUR_ANSWER, 11206: Trouble.OUR_ANSWER,
    11210: Trouble.OUR_ANSWER, 11215: Trouble.OUR_ANSWER, 11220: Trouble.OUR_ANSWER, 11235: Trouble.OUR_ANSWER,
    11237: Trouble.OUR_ANSWER, 11750: Trouble.OUR_ANSWER,
    12100: Trouble.OUR_ANSWER, 12200: Trouble.OUR_ANSWER, 12300: Trouble.OUR_ANSWER, 12400: Trouble.CARRIER,
    13224: Trouble.NUMBER_INVALID, 13225: Trouble.NUMBER_BLOCKED, 13226: Trouble.COUNTRY_CLOSED,
    13227: Trouble.COUNTRY_CLOSED, 13310: Trouble.OUR_ANSWER, 13314: Trouble.OUR_ANSWER,
    13512: Trouble.VOICE, 13520: Trouble.VOICE,
    20003: Trouble.ACCOUNT, 20005: Trouble.ACCOUNT, 20006: Trouble.ACCOUNT,
    20008: Trouble.ACCOUNT, 20403: Trouble.ACCOUNT, 20404: Trouble.CALL_OVER,
    20500: Trouble.CARRIER, 20503: Trouble.CARRIER, 20504: Trouble.CARRIER,
    21201: Trouble.NUMBER_INVALID, 21202: Trouble.NUMBER_BLOCKED, 21203: Trouble.COUNTRY_CLOSED,
    21205: Trouble.OUR_ANSWER, 21208: Trouble.OUR_ANSWER, 21210: Trouble.OWN_NUMBER, 21211: Trouble.NUMBER_INVALID,
    21212: Trouble.OWN_NUMBER, 21213: Trouble.OWN_NUMBER, 21214: Trouble.NUMBER_INVALID, 21215: Trouble.COUNTRY_CLOSED,
    21216: Trouble.NUMBER_BLOCKED, 21217: Trouble.NUMBER_INVALID, 21219: Trouble.TRIAL, 21220: Trouble.CALL_OVER,
    21408: Trouble.COUNTRY_CLOSED, 21606: Trouble.OWN_NUMBER, 21608: Trouble.TRIAL,
    21610: Trouble.NUMBER_BLOCKED, 21611: Trouble.BUSY_LINES, 21612: Trouble.OWN_NUMBER, 21614: Trouble.NOT_MOBILE,
    30001: Trouble.QUEUE_LATE, 30002: Trouble.ACCOUNT, 30003: Trouble.OUT_OF_REACH, 30004: Trouble.NUMBER_BLOCKED,
    30005: Trouble.NUMBER_INVALID, 30006: Trouble.NOT_MOBILE, 30007: Trouble.TEXT_BARRED, 30008: Trouble.UNKNOWN,
    30036: Trouble.QUEUE_LATE,
    31901: Trouble.STREAM, 31902: Trouble.STREAM, 31921: Trouble.STREAM,
    31923: Trouble.STREAM, 31931: Trouble.STREAM,
    31941: Trouble.STREAM, 31951: Trouble.STREAM, 32205: Trouble.COUNTRY_CLOSED,
}  # fmt: skip
"""Numbers from memory, not held against the documentation: the carrier's own number always stands beside the sentence."""
TWILIO: Mapping[int, Trouble] = {**REMEMBERED, **SOURCED}
"""Twilio's error numbers; each is explained at ``https://www.twilio.com/docs/errors/<number>``."""

AGAIN = frozenset({Trouble.BUSY_LINES, Trouble.CARRIER, Trouble.UNREACHED})
"""What passes by itself: the call is queued again with a longer wait."""


OF_ONE_NUMBER = frozenset(
    {
        Trouble.NUMBER_INVALID, Trouble.NUMBER_BLOCKED, Trouble.NOT_MOBILE, Trouble.OUT_OF_REACH, Trouble.CALL_OVER,
        Trouble.PLACING_LOST,
    }
)  # fmt: skip
"""Says something about one person's telephone or one call; all others say something about the carrier or our account."""


def of_twilio(code: int | None, status: int | None = None) -> Trouble:
    """Our word for a refusal; by its HTTP status (RFC 9110) when the number says nothing."""
    if code is not None and code in TWILIO:
        return TWILIO[code]
    if status == 429:
        return Trouble.BUSY_LINES
    if status in (401, 403):
        return Trouble.ACCOUNT
    if status == 402:
        return Trouble.NO_MONEY
    if status == 404:
        return Trouble.CALL_OVER
    if status is not None and status >= 500:
        return Trouble.CARRIER
    return Trouble.UNKNOWN


def wait_before(attempt: int, *, most: float = 30.0) -> float:
    """Seconds before try number ``attempt`` (from 1): 1, 2, 4, ... at most ``most``."""
    return float(min(most, 2.0 ** max(0, attempt - 1)))
