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
    """Wrong account or key, or a right that it does not have."""
    INACTIVE = "account_inactive"
    """Out of credit, suspended or closed: the carrier does not say which."""
    NO_MONEY = "account_out_of_credit"
    BUSY_LINES = "too_many_calls"
    """More at once or in a second than the account allows, or its queue is full; queued and tried again."""
    QUEUE_LATE = "queue_too_long"
    CALL_OVER = "call_over_already"
    UNREACHED = "carrier_unreached"
    CARRIER = "carrier_failed"
    """The carrier's own failure."""
    TOO_LONG = "call_too_long"
    """It reached the longest time that the carrier lets a call last."""
    OUR_ANSWER = "our_answer_unread"
    """The carrier could not fetch or read our answer: address, certificate, or proxy."""
    OUR_WORDS = "our_words_refused"
    """What we asked for or said on the stream has not the form that the carrier takes: a fault of this program."""
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
    OPTED_OUT = "texts_declined"
    """The receiver told the carrier that no more text messages of ours are wanted."""
    OUT_OF_REACH = "telephone_out_of_reach"
    UNKNOWN = "carrier_other"


_NUMBERS: Mapping[Trouble, str] = {
    # account, its credit and its limits
    Trouble.ACCOUNT: "10005 20003 20006 20008 20010 21218 30037 32005 32106 32200 32201 32202",
    Trouble.INACTIVE: "10001 10003 20005 20403 30002",
    Trouble.TRIAL: "10002 13805 21219 21264 21267 21404 21607 21608 32100",
    Trouble.BUSY_LINES: "10004 20429 21611 22005 32001 32012 32013",
    Trouble.COUNTRY_CLOSED: "13227 21203 21215 21408 32205",
    Trouble.OWN_NUMBER: """13214 13247 21210 21212 21213 21603 21606 21657 21659 21660 21661 21701 21702 21703 21704 21705
        21709 32017 32204 32206""",
    # the called number
    Trouble.NUMBER_INVALID: "13223 13224 13226 21211 21214 21217 21265 21266 30005 32101",
    Trouble.NUMBER_BLOCKED: "13225 21202 21216 21268 32203",
    Trouble.NOT_MOBILE: "21614 21635 30006",
    Trouble.OUT_OF_REACH: "30003 32014 32016",
    Trouble.OPTED_OUT: "21610",
    Trouble.TEXT_BARRED: "21612 21618 30004 30007 30018 30024 30040 30042",
    # time
    Trouble.QUEUE_LATE: "22001 30001 30036",
    Trouble.CALL_OVER: "20404 21220",
    Trouble.TOO_LONG: "32015",
    # what the carrier fetches from us: answers, files, news
    Trouble.OUR_ANSWER: """11100 11200 11201 11202 11203 11205 11206 11210 11215 11216 11217 11220 11235 11236 11237 11240 11241
        11242 11243 11251 11750 11770 12100 12101 12102 12300 13325 13420 15002 15003""",
    Trouble.STREAM: "31900 31901 31902 31903 31904 31910 31920 31921 31922 31923",
    Trouble.STREAM_SLOW: "31930",
    Trouble.VOICE: "13321 13331 13511 13512 13513 13520 13521",
    # what we asked for in a form that the carrier does not take
    Trouble.OUR_WORDS: """12200 13310 13311 13312 13313 13314 13320 13322 13326 13338 13410 13510 13710 13910 15004 20001 20004
        20422 21201 21205 21206 21207 21208 21209 21602 21604 21609 21617 21624 21626 31924 31931 31940 31941 31942 31950 31951 31952
        32018""",
    # its own failures
    Trouble.CARRIER: "12400 15000 15009 20500 20503 20504 30017 30410 31953",
    Trouble.UNENCRYPTED: "32207 32208 32209",
    Trouble.UNKNOWN: "30008",
}
TWILIO: Mapping[int, Trouble] = {int(number): trouble for trouble, many in _NUMBERS.items() for number in many.split()}
"""Twilio's error numbers, each read in Twilio's own dictionary (docs/telephony.md says where); explained at
``https://www.twilio.com/docs/errors/<number>``. Which ones reach us, and how, is told there too."""

AGAIN = frozenset({Trouble.BUSY_LINES, Trouble.CARRIER, Trouble.UNREACHED})
"""What passes by itself: the call is queued again with a longer wait."""


OF_ONE_NUMBER = frozenset(
    {
        Trouble.NUMBER_INVALID, Trouble.NUMBER_BLOCKED, Trouble.NOT_MOBILE, Trouble.OUT_OF_REACH, Trouble.CALL_OVER,
        Trouble.TOO_LONG, Trouble.OPTED_OUT, Trouble.PLACING_LOST,
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
