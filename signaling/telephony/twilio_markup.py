"""TwiML: what a step of the dialogue looks like for Twilio. Pure; the addresses are given.

The ticket of the stream goes into a ``<Parameter>``: Twilio allows no query in the address of a stream, and addresses end up in logs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from twilio.twiml.voice_response import Connect, Gather, VoiceResponse

from media.sip import prompts
from signaling.telephony.port import Sentence, Step, Then
from signaling.telephony.wording import Wording

VOICES: Mapping[str, tuple[str, str]] = {
    "en": ("en-GB", "Google.en-GB-Standard-A"),
    "sr-Cyrl": ("sr-RS", "Google.sr-RS-Standard-A"),
    "sr-Latn": ("sr-RS", "Google.sr-RS-Standard-A"),
    "ar": ("arb", "Polly.Zeina"),
}
"""Language and voice of ``<Say>`` by locale. Twilio has no voice for Macedonian, Albanian, Farsi, Dari and Pashto."""
OWN_FILES = tuple(locale for locale in prompts.voices() if locale not in VOICES)
"""Locales in which our own files are played (``media/sip/voice``, synthetic), because Twilio has no voice. Pashto has neither."""
CONTENT_TYPE = "text/xml"


@dataclass(frozen=True)
class Addresses:
    """Where Twilio comes back to with one call."""

    keys: str
    waited: str
    stream: str
    """``wss://...`` without a query."""
    voice: str
    """What stands before ``/<locale>/<prompt>`` of a file of our own."""
    stream_news: str
    """Where Twilio tells what became of a stream."""


@dataclass(frozen=True)
class Uttered:
    """One thing that is heard: a text that Twilio says in ``locale``, or a file of ours that it plays."""

    text: str = ""
    locale: str = ""
    url: str = ""


def utterances(step: Step, wording: Wording, to: Addresses) -> tuple[Uttered, ...]:
    """The sentences of a step: by Twilio's voice, else from our files, else in English; each sentence whole in one way."""
    found: list[Uttered] = []
    for sentence in step.say:
        files = _files(sentence) if step.locale in OWN_FILES else ()
        if files:
            found += [Uttered(url=f"{to.voice}/{step.locale}/{name}") for name in files]
        else:
            spoken = wording.spoken((sentence,), step.locale, VOICES)
            found += [Uttered(text, spoken.locale) for text in spoken.texts]
    return tuple(found)


def _files(sentence: Sentence) -> tuple[str, ...]:
    """The packaged prompts that make the whole sentence; none if a piece of it, such as a language, is not packaged."""
    names = prompts.names(sentence.key, sentence.params)
    return names if prompts.known(sentence.key) or len(names) == len(sentence.params) else ()


def twiml(step: Step, heard: tuple[Uttered, ...], to: Addresses, *, ticket: str = "") -> str:
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
        _utter(gather, heard)
        response.append(gather)
        return str(response)
    _utter(response, heard)
    match step.then:
        case Then.WAIT:
            response.pause(length=step.seconds)
            response.redirect(to.waited, method="POST")
        case Then.JOIN:
            connect = Connect()
            stream = connect.stream(url=to.stream, status_callback=to.stream_news, status_callback_method="POST")
            stream.parameter(name="ticket", value=ticket)
            response.append(connect)
            # After the stream: the call goes on if the room still wants it (a process of ours ended), else it is told to hang up.
            response.redirect(to.waited, method="POST")
        case _:
            response.hangup()
    return str(response)


def _utter(parent: VoiceResponse | Gather, heard: tuple[Uttered, ...]) -> None:
    for one in heard:
        if one.url:
            parent.play(one.url)
        else:
            language, voice = VOICES[one.locale]
            parent.say(one.text, language=language, voice=voice)
