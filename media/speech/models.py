"""Model directories on disk: which serves a language, and whether every byte is what it should be. Loads nothing into memory.

A directory is in CTranslate2's format. It is accepted when each file that would be read has a known SHA-256: from the pins
below, or from a ``SHA256SUMS`` file that the operator put beside it (fine-tuned models).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from media.speech.languages import PASHTO, token, tokens

SUMS = "SHA256SUMS"
NEEDED = ("model.bin", "config.json", "tokenizer.json")
"""Without ``tokenizer.json`` the library would ask a hub on the internet."""
VOCABULARIES = ("vocabulary.txt", "vocabulary.json")
OPTIONAL = ("preprocessor_config.json",)

_TOKENIZER = "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab"
_VOCABULARY = "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913"


@dataclass(frozen=True)
class Pin:
    """What a file must be."""

    sha256: str
    size: int | None = None


PINS: Mapping[str, Mapping[str, Pin]] = {
    "base": {
        "model.bin": Pin("d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9", 145_217_532),
        "config.json": Pin("56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"),
        "tokenizer.json": Pin(_TOKENIZER),
        "vocabulary.txt": Pin(_VOCABULARY),
    },
    "tiny": {"model.bin": Pin("dcb76c6586fc06cbdac6dd21f14cfd129cc4cdd9dce19bf4ffa62e59cbe6e6d1", 75_538_270)},
    "small": {"model.bin": Pin("3e305921506d8872816023e4c273e75d2419fb89b24da97b4fe7bce14170d671", 483_546_902)},
    "medium": {"model.bin": Pin("9b45e1009dcc4ab601eff815b61d80e60ce3fd8c74c1a14f4a282258286b51ae", 1_527_906_378)},
}
"""Files of the official multilingual CTranslate2 conversions (Systran/faster-whisper-*). Of tiny, small and medium only the
weights are pinned here; their small files need the operator's ``SHA256SUMS``."""


class ModelState(StrEnum):
    """What can be said about the model of a language."""

    VERIFIED = "verified"
    NOT_CONFIGURED = "not_configured"
    """No directory is given: drafts are off."""
    MISSING = "missing"
    """The directory or one of its files is not there."""
    UNPINNED = "unpinned"
    """A file has no known hash: put a SHA256SUMS beside it."""
    WRONG = "wrong"
    """A file is not what its hash says: it is not loaded."""
    NO_PASHTO_MODEL = "no_pashto_model"
    """Stock models write no readable Pashto, at any size; a fine-tuned directory is needed."""
    NO_TOKEN = "no_token"  # noqa: S105 - a word of the model
    """Whisper does not know this language."""


class ModelError(Exception):
    """A directory may not be loaded. ``state`` says why, ``file`` which one."""

    def __init__(self, state: ModelState, file: str = "") -> None:
        super().__init__(f"{state.value} {file}".strip())
        self.state = state
        self.file = file


def check(directory: Path) -> None:
    """Read every file of a model and compare. Blocking: a second per gigabyte. Raises :class:`ModelError`."""
    names = list(NEEDED)
    vocabulary = next((name for name in VOCABULARIES if (directory / name).is_file()), VOCABULARIES[0])
    names.append(vocabulary)
    names += [name for name in OPTIONAL if (directory / name).is_file()]
    for name in names:
        if not (directory / name).is_file():
            raise ModelError(ModelState.MISSING, name)
    found = {name: digest(directory / name) for name in names}
    # A directory that carries weights of a pinned model is that model: its own sums cannot talk a pin away.
    pins = next((known for known in PINS.values() if known["model.bin"].sha256 == found["model.bin"]), {})
    sums = {**read_sums(directory / SUMS), **{name: pin.sha256 for name, pin in pins.items()}}
    for name in names:
        if name not in sums:
            raise ModelError(ModelState.UNPINNED, name)
        if sums[name] != found[name]:
            raise ModelError(ModelState.WRONG, name)


def read_sums(path: Path) -> dict[str, str]:
    """A file as ``sha256sum`` writes it: hash, name. Empty when there is none."""
    if not path.is_file():
        return {}
    pairs = [line.split(maxsplit=1) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return {pair[1].lstrip("*").strip(): pair[0].lower() for pair in pairs if len(pair) == 2}


def digest(path: Path) -> str:
    """SHA-256 of a file, hex."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


@dataclass(frozen=True)
class ModelDirectories:
    """Which directory serves which token. ``default`` serves all that have no own, but never Pashto."""

    default: Path | None = None
    own: Mapping[str, Path] | None = None

    @classmethod
    def parse(cls, entries: list[str]) -> ModelDirectories:
        """From ``name=directory`` entries; the name is ``default`` or a token such as ``ps``. Raises ``ValueError``."""
        default: Path | None = None
        own: dict[str, Path] = {}
        for entry in entries:
            name, _, path = entry.partition("=")
            name = name.strip()
            if not path.strip() or name not in ("default", *tokens()):
                raise ValueError(f"{entry!r} is not name=directory with default or one of {', '.join(tokens())}")
            if name == "default":
                default = Path(path.strip())
            else:
                own[name] = Path(path.strip())
        return cls(default, own)

    def directory(self, language: str) -> Path | None:
        """The directory for a token, or none."""
        found = (self.own or {}).get(language)
        return found if found is not None or language == PASHTO else self.default

    def for_code(self, code: str) -> Path | None:
        """The directory for a language (ISO 639-3), or none."""
        language = token(code)
        return None if language is None else self.directory(language)

    def all(self) -> list[Path]:
        """Every configured directory once."""
        given = [self.default, *(self.own or {}).values()]
        return list(dict.fromkeys(path for path in given if path is not None))

    def reason(self, code: str) -> ModelState | None:
        """Why a language (ISO 639-3) has no directory at all; none when one is configured."""
        language = token(code)
        if language is None:
            return ModelState.NO_TOKEN
        if self.directory(language) is not None:
            return None
        return ModelState.NO_PASHTO_MODEL if language == PASHTO else ModelState.NOT_CONFIGURED


class Verifier:
    """Remembers what was checked, so that nobody reads a gigabyte again for a page. Keyed by size and time of change of all files."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], ModelError | None] = {}

    def state(self, directory: Path) -> ModelError | None:
        """None when the directory is verified. Blocking at the first time."""
        key = _fingerprint(directory)
        if key not in self._known:
            try:
                check(directory)
                self._known[key] = None
            except ModelError as error:
                self._known[key] = error
            except OSError:
                self._known[key] = ModelError(ModelState.MISSING)
        return self._known[key]


def _fingerprint(directory: Path) -> tuple[object, ...]:
    if not directory.is_dir():
        return (directory, None)
    stats = sorted(
        (path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in directory.iterdir() if path.is_file()
    )
    return (directory, *stats)
