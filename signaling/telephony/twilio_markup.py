"""TwiML: what a step of the dialogue looks like for Twilio. Pure; the addresses are given.

The ticket of the stream goes into a ``<Parameter>``: Twilio allows no query in the address of a stream, and addresses end up in logs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from twilio.twiml.voice_response import Connect, Gather, VoiceResponse

from signaling.telephony.port import Step, Then
from signaling.telephony.wording import Spoken

VOICES: Mapping[str, tuple[str, str]] = {
    "en": ("en-GB", "Google.en-GB-Standard-A"),
    "sr-Cyrl": ("sr-RS", "Google.sr-RS-Standard-A"),
    "sr-Latn": ("sr-RS", "Google.sr-RS-Standard-A"),
    "ar": ("arb", "Polly.Zeina"),
}
"""Language and voice of ``<Say>`` by locale. Twilio has no voice for Macedonian, Albanian, Farsi, Dari and Pashto."""
CONTENT_TYPE = "text/xml"


@dataclass(frozen=True)
class Addresses:
    """Where Twilio comes back to with one call."""

    keys: str
    waited: str
    stream: str
    """``wss://...`` without a query."""


def twiml(step: Step, spoken: Spoken, to: Addresses, *, ticket: str = "") -> str:
    """The document for a step. ``ticket``: for JOIN, the secret of the stream."""
    response = VoiceResponse()
    if step.then in (Then.ASK_KEY, Then.ASK_PIN):
        digits = step.digits if step.then is Then.ASK_PIN else 1
        gather = Gather(
            input="dtmf",
            num_digits=digits,
            timeout=step.seconds,
            finish_on_key="#",
            action_on_empty_result=True,
            action=to.keys,
            method="POST",
        )
        _say(gather, spoken)
        response.append(gather)
        return str(response)
    _say(response, spoken)
    match step.then:
        case Then.WAIT:
            response.pause(length=step.seconds)
            response.redirect(to.waited, method="POST")
        case Then.JOIN:
            connect = Connect()
            stream = connect.stream(url=to.stream)
            stream.parameter(name="ticket", value=ticket)
            response.append(connect)
            # After the stream: the call goes on if the room still wants it (a process of ours ended), else it is told to hang up.
            response.redirect(to.waited, method="POST")
        case _:
            response.hangup()
    return str(response)


def _say(parent: VoiceResponse | Gather, spoken: Spoken) -> None:
    language, voice = VOICES[spoken.locale]
    for text in spoken.texts:
        parent.say(text, language=language, voice=voice)
