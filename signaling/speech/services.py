"""Speech put together for this house: switches, drafts, listeners, workers, models. Holds no rules."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from core.access import Actor
from core.crypto import FieldCipher
from core.db.session import Database, ReadUnit
from core.errors import Unavailable
from core.events.bus import EventBus
from core.settings import SettingsError
from core.settings_sections import SpeechSettings
from media.lines.client import SpeechTap
from media.speech.models import ModelDirectories, ModelState, Verifier
from media.speech.workers import SpeechWorkers, command
from records.models import Session
from records.procedures import Catalogue
from records.session_log import SessionLog
from scheduler.languages import LanguageTable
from signaling import places
from signaling.nodes import NodeDirectory
from signaling.places import Place
from signaling.realtime.protocol import RoomSpeech
from signaling.room_legs import relay_legs
from signaling.speech.drafts import DraftService
from signaling.speech.export import ExportTexts
from signaling.speech.languages import spoken
from signaling.speech.lines import DraftLines
from signaling.speech.listening import Listeners, OpenTap, Tap
from signaling.speech.rows import consents, draft_of
from signaling.speech.states import How
from signaling.speech.switches import SpeechSwitches

_SHOWN = (
    "ara", "fas", "prs", "pus", "urd", "kmr", "ckb", "tur", "fra", "som", "amh", "tir", "srp", "mkd", "sqi", "eng",
)  # fmt: skip
"""By macrolanguage where the model knows only that."""


@dataclass(frozen=True)
class ModelRow:
    """What can be said about the model of one language."""

    language: str
    """ISO 639-3."""
    state: ModelState


@dataclass(frozen=True)
class Speech:
    """What routes, socket and the composition root use."""

    settings: SpeechSettings
    database: Database
    languages: LanguageTable
    directories: ModelDirectories
    verifier: Verifier
    switches: SpeechSwitches
    lines: DraftLines
    drafts: DraftService
    workers: SpeechWorkers
    listeners: Listeners

    @classmethod
    def build(
        cls,
        settings: SpeechSettings,
        database: Database,
        bus: EventBus,
        cipher: FieldCipher,
        catalogue: Catalogue,
        session_log: SessionLog,
        nodes: NodeDirectory,
        languages: LanguageTable,
        texts: ExportTexts,
        *,
        open_tap: OpenTap | None = None,
        workers: SpeechWorkers | None = None,
    ) -> Speech:
        """``open_tap`` and ``workers`` replace the real ones in tests."""
        try:
            directories = ModelDirectories.parse(settings.models)
        except ValueError as error:
            raise SettingsError(f"TARJUMAN_SPEECH__MODELS: {error}") from None
        switches = SpeechSwitches(catalogue)
        lines = DraftLines(database, cipher)
        has_model = bool(directories.all()) or workers is not None
        drafts = DraftService(database, session_log, switches, lines, cipher, texts, has_model=has_model)
        argv = command(directories, compute_type=settings.compute_type, beam=settings.beam)
        workers = workers or SpeechWorkers(argv, settings.workers)
        listeners = Listeners(database, bus, drafts, lines, workers, open_tap or _taps(database, nodes))
        return cls(settings, database, languages, directories, Verifier(), switches, lines, drafts, workers, listeners)

    @property
    def has_model(self) -> bool:
        """Whether any model is configured."""
        return bool(self.directories.all())

    def direction(self, code: str) -> str:
        """``rtl`` or ``ltr``, of a language's script."""
        language = self.languages.get(code)
        return language.direction if language is not None and language.direction in ("rtl", "ltr") else "auto"

    def shown_languages(self) -> list[str]:
        """Languages of the settings page: those of the pool and the officers, in the order of the table."""
        return [code for code in _SHOWN if code in self.languages]

    async def silent_languages(self, unit: ReadUnit, session: Session) -> dict[str, str]:
        """Languages of a session that are not written down, and why."""
        seated = await places.of_session(unit, session.id)
        legs = await relay_legs(unit, session.id, seated)
        codes = sorted({code for pair in spoken(session, seated, legs).values() for code in pair})
        return {
            row.language: row.state.value for row in await self.models(codes) if row.state is not ModelState.VERIFIED
        }

    async def room_message(self, place: Place, message: RoomSpeech) -> dict[str, Any]:
        """What somebody in a room, guest or staff, says about a draft: what is going on, yes, or no (also the taking back of a yes)."""
        if message.do != "state":
            await self.drafts.answer(place.id, agrees=message.do == "agree")
        async with self.database.read(Actor.system()) as unit:
            draft = await draft_of(unit, place.session_id)
            mine = (await consents(unit, place.session_id)).get(place.id)
            session = await unit.session.get(Session, place.session_id)
            possible = session is not None and await self.drafts.why_not(unit, session) is None
        return {
            "state": draft.state.value if draft is not None else "none",
            "answer": mine.answer.value if mine is not None else None,
            "possible": possible,
        }

    async def key(self, place: Place, *, agrees: bool) -> None:
        """The same by a key of the own telephone. Raises as ``DraftService.answer``."""
        await self.drafts.answer(place.id, agrees=agrees, how=How.OWN_KEY)

    async def confirm(self, place: Place) -> None:
        """A key with which an interpreter stands for what the officer noted. Raises as ``DraftService.confirm``."""
        await self.drafts.confirm(place)

    async def models(self, languages: list[str]) -> list[ModelRow]:
        """The state of each language's model. Reads files in a thread the first time."""
        found = []
        for code in languages:
            state = self.directories.reason(code)
            directory = self.directories.for_code(code)
            if state is None and directory is not None:
                error = await asyncio.to_thread(self.verifier.state, directory)
                state = error.state if error is not None else ModelState.VERIFIED
            found.append(ModelRow(code, state or ModelState.NOT_CONFIGURED))
        return found


def _taps(database: Database, nodes: NodeDirectory) -> OpenTap:
    @asynccontextmanager
    async def open_tap(session_id: str) -> AsyncIterator[Tap]:
        async with database.read(Actor.system()) as unit:
            session = await unit.session.get(Session, session_id)
            node = session.media_node if session is not None else None
        if node is None:
            raise Unavailable("no_media_node")
        ticket = await nodes.client(node).open_tap(session_id, ())
        async with SpeechTap.connect(ticket) as tap:
            yield tap

    return open_tap
