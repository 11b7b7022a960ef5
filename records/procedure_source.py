"""Procedure files as YAML whose every value knows its line, so that a mistake can be named exactly.

The values are plain words and numbers; what they mean is checked by the model that :meth:`SourceFile.parse` is given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from core.yaml_text import LOADER


class CatalogueError(Exception):
    """A procedure file is wrong; the program must not start with it."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}:{line}: {reason}")
        self.file = file
        self.line = line
        """Counted from 1."""
        self.reason = reason


Location = tuple[int | str, ...]
Model = TypeVar("Model", bound=BaseModel)
_INTEGER = re.compile(r"^-?\d+$")


def _composed(text: str) -> yaml.Node | None:
    try:
        found: yaml.Node | None = yaml.compose(text, Loader=LOADER)
    except yaml.MarkedYAMLError:
        return yaml.compose(text, Loader=yaml.SafeLoader)  # slower, and says better what is wrong and where
    return found


class SourceFile:
    """A YAML file that can say on which line a value stands."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        try:
            self._root = _composed(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise CatalogueError(self.name, 1, f"cannot be read: {error}") from error
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise CatalogueError(self.name, line, error.problem or "is not YAML") from error
        if not isinstance(self._root, yaml.MappingNode):
            raise CatalogueError(self.name, 1, "a procedure file is a mapping")

    def parse(self, model: type[Model]) -> Model:
        """The file as ``model``; raises :class:`CatalogueError` for the first thing that is wrong."""
        try:
            return model.model_validate(self._plain(self._root))
        except ValidationError as error:
            first = min(error.errors(), key=lambda e: self.line(e["loc"]))
            where = ".".join(str(part) for part in first["loc"]) or "file"
            message = first["msg"].removeprefix("Value error, ")
            raise CatalogueError(self.name, self.line(first["loc"]), f"{where}: {message}") from error

    def fail(self, location: Location, reason: str) -> CatalogueError:
        """The error for a value of this file."""
        return CatalogueError(self.name, self.line(location), reason)

    def line(self, location: Sequence[int | str]) -> int:
        """Line, from 1, of the deepest part of ``location`` that is in the file."""
        node: Any = self._root
        line: int = node.start_mark.line
        for part in location:
            child = None
            if isinstance(node, yaml.MappingNode):
                for key, value in node.value:
                    if key.value == part:
                        child, line = value, key.start_mark.line
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                child = node.value[part]
                line = child.start_mark.line
            if child is None:
                break
            node = child
        return line + 1

    def _plain(self, node: Any) -> object:
        """Values without the surprises of YAML 1.1: ``off`` and ``no`` are words, dates are text, no key twice."""
        if isinstance(node, yaml.MappingNode):
            result: dict[str, object] = {}
            for key, value in node.value:
                if not isinstance(key, yaml.ScalarNode) or key.value in result:
                    name = getattr(key, "value", "?")
                    raise CatalogueError(self.name, key.start_mark.line + 1, f"key {name} is there twice or no word")
                result[key.value] = self._plain(value)
            return result
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(child) for child in node.value]
        text: str = node.value
        if not node.style:  # a plain word: empty from the C reader, none from the other
            if text in ("true", "false"):
                return text == "true"
            if text in ("null", "~", ""):
                return None
            if _INTEGER.match(text):
                return int(text)
        return text
