"""The text that goes into a record: in the officer's language, each line marked as machine draft or corrected, original and rendition
as a pair. Pure but for reading the officer's language.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from core.db.session import ReadUnit
from core.errors import Param
from core.i18n import DEFAULT, Catalogues
from records.models import Session
from scheduler.languages import LanguageTable
from signaling import places
from signaling.auth.models import User
from signaling.speech.views import Line, in_rows

_LOCALES = {"srp": "sr-Cyrl", "mkd": "mk", "sqi": "sq", "eng": "en"}
_FSI, _PDI = "\u2068", "\u2069"
"""First strong isolate and its end (Unicode 9, 2.4): Persian inside a Serbian line does not turn what stands around it."""


class ExportWords:
    """The labels of an export in one locale."""

    def __init__(self, speech: Catalogues, common: Catalogues, languages: LanguageTable, locale: str) -> None:
        self._speech = speech
        self._common = common
        self._languages = languages
        self.locale = locale

    def say(self, key: str, **params: Param) -> str:
        """A label. Raises ``LookupError`` for a key without a text."""
        text = self._speech.text(f"speech.export.{key}", self.locale, params)
        if text is None:
            raise LookupError(f"speech.export.{key}")
        return text

    def part(self, line: Line) -> str:
        """Who spoke: a part and a code, or a microphone that two people share."""
        if line.shared:
            return self.say("shared")
        return " ".join(filter(None, [self.part_name(line.part), line.code]))

    def part_name(self, part: str) -> str:
        """The name of a part."""
        return self._common.text(f"part.{part}", self.locale) or part

    def language(self, code: str) -> str:
        """The name of a language (ISO 639-3)."""
        known = self._languages.get(code)
        return self._common.text(f"lang.{code}", self.locale) or (known.name if known is not None else code)


class ExportTexts:
    """The catalogues, and which of them an officer reads."""

    def __init__(self, speech: Catalogues, common: Catalogues, languages: LanguageTable) -> None:
        self._speech = speech
        self._common = common
        self._languages = languages

    def words(self, locale: str) -> ExportWords:
        """The labels in one locale."""
        return ExportWords(self._speech, self._common, self._languages, locale)

    async def of_officer(self, unit: ReadUnit, session: Session) -> ExportWords:
        """In the language in which the officer held the session; Serbian in the letters of their screen."""
        locale = _LOCALES.get(session.officer_language, DEFAULT)
        if locale == "sr-Cyrl":
            for place in await places.of_session(unit, session.id):
                user = (
                    await unit.session.get(User, place.user_id) if place.part == "officer" and place.user_id else None
                )
                if user is not None and user.locale == "sr-Latn":
                    locale = user.locale
        return self.words(locale)


def as_text(lines: Sequence[Line], session: Session, words: ExportWords) -> str:
    """Plain text: what it is, then row by row what was said and how it was rendered, with times (UTC), speakers and languages.

    A corrected line shows the machine's below it. Nothing is left out: a place where something is missing says so.
    """
    step = session.step_code or ""
    out = [
        words.say("heading"),
        words.say("what"),
        words.say("errors"),
        words.say("never"),
        words.say("session", session=session.id, step=step, date=f"{session.starts_at:%Y-%m-%d}"),
    ]
    for number, row in groupby(in_rows(lines), key=lambda line: line.row):
        out += ["", f"{number}."]
        for line in row:
            out += _line(line, words)
    return "\n".join(out) + "\n"


def _line(line: Line, words: ExportWords) -> list[str]:
    side = words.say("rendered" if line.is_rendition else "said")
    mark = words.say("draft")
    if line.corrected is not None:
        mark = words.say("corrected", part=words.part_name(line.corrected_part or ""))
    text = line.corrected if line.corrected is not None else line.text
    head = f"{side} · {line.from_at:%H:%M:%S} · {words.part(line)}"
    if text is None:
        return [f"{head} ({words.say('missing')})"]
    found = [f"{head} · {words.language(line.language)} ({mark}): {_FSI}{text}{_PDI}"]
    if line.corrected is not None:
        below = words.say("missing") if line.text is None else f"{_FSI}{line.text}{_PDI}"
        found.append(f"    {words.say('draft')}: {below}")
    return found
