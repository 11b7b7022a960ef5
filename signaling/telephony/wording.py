"""The sentences that are said on the telephone, from the catalogue of the area ``telephony``, and in which language a carrier says them.

A language without a voice is said in English: the keys are digits, and nobody is left with silence. Holds no markup.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from core.errors import Param
from core.i18n import DEFAULT, Catalogues
from scheduler.languages import LanguageTable
from signaling.telephony.port import Sentence


@dataclass(frozen=True)
class Spoken:
    """What is said, in which locale."""

    locale: str
    texts: tuple[str, ...]


class Wording:
    """Words of one installation."""

    def __init__(self, texts: Catalogues, languages: LanguageTable) -> None:
        self._texts = texts
        self._languages = languages

    def spoken(self, sentences: Collection[Sentence], locale: str, voices: Collection[str]) -> Spoken:
        """The sentences in ``locale`` if ``voices`` has it, else in English. Raises ``LookupError`` for a key without a sentence."""
        used = locale if locale in voices else DEFAULT
        return Spoken(used, tuple(self._text(one, used) for one in sentences))

    def _text(self, sentence: Sentence, locale: str) -> str:
        params: Mapping[str, Param] = sentence.params
        if "language" in params:
            params = {**params, "language": self._language(str(params["language"]), locale)}
        text = self._texts.text(f"telephony.say.{sentence.key}", locale, params)
        if text is None:
            raise LookupError(f"telephony.say.{sentence.key}")
        return text

    def _language(self, code: str, locale: str) -> str:
        """The name of a language, in ``locale`` if the catalogue names it there, else in English."""
        named = self._texts.text(f"telephony.say.language.{code}", locale)
        known = self._languages.get(code)
        return named or (known.name if known is not None else code)
