"""What goes to Twilio and comes back is checked: against ours (``data/twilio_calls.json``) always, Twilio's own when it is there.

Twilio publishes an OpenAPI description; a cut of it may lie beside the checkout (``../shared/contracts``) or where
``TWILIO_CONTRACT`` says. It is not part of this repository.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

from jsonschema import Draft202012Validator

_HERE = Path(__file__).resolve()
_NAME = "twilio_api_v2010_calls.json"
_BASE = "/2010-04-01/Accounts/{AccountSid}"
_PATHS = {"create": f"{_BASE}/Calls.json", "update": f"{_BASE}/Calls/{{Sid}}.json"}
"""Of Twilio's cut, which knows calls only."""
What = Literal["create", "update", "create_message"]


@cache
def own() -> dict[str, Any]:
    """Our own words of it."""
    found: dict[str, Any] = json.loads((_HERE.parent / "data" / "twilio_calls.json").read_text(encoding="utf-8"))
    return found


@cache
def twilios_own() -> dict[str, Any] | None:
    """Twilio's description, where it is present."""
    path = Path(os.environ.get("TWILIO_CONTRACT") or _HERE.parents[3] / "shared" / "contracts" / _NAME)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def check_request(what: What, form: Mapping[str, Sequence[str]]) -> None:
    """Raises ``jsonschema.ValidationError`` or ``AssertionError`` for a request that Twilio would not take."""
    Draft202012Validator(own()[what]).validate(_typed(own()[what]["properties"], form))
    theirs = twilios_own()
    if theirs is None or what not in _PATHS:
        return
    content = theirs["paths"][_PATHS[what]]["post"]["requestBody"]["content"]
    schema = content["application/x-www-form-urlencoded"]["schema"]
    unknown = set(form) - set(schema["properties"])
    assert not unknown, f"Twilio knows no {unknown}"
    Draft202012Validator(_resolved(schema, theirs)).validate(_typed(_resolved(schema, theirs)["properties"], form))


def check_call(call: Mapping[str, Any]) -> None:
    """Raises ``jsonschema.ValidationError`` for an answer that Twilio would not give: keeps the stand-in honest."""
    Draft202012Validator(own()["call"]).validate(dict(call))
    theirs = twilios_own()
    if theirs is not None:
        schema = _resolved(theirs["components"]["schemas"]["api.v2010.account.call"], theirs)
        unknown = set(call) - set(schema["properties"])
        assert not unknown, f"Twilio's calls have no {unknown}"
        Draft202012Validator(schema).validate(dict(call))


def check_message(message: Mapping[str, Any]) -> None:
    """The same for text messages, against our own words only."""
    Draft202012Validator(own()["message"]).validate(dict(message))


def _typed(properties: Mapping[str, Any], form: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Form fields as the types that their schema names; fields that it does not know stay texts."""
    found: dict[str, Any] = {}
    for name, values in form.items():
        kind = properties.get(name, {}).get("type")
        found[name] = list(values) if kind == "array" else int(values[0]) if kind == "integer" else values[0]
    return found


def _resolved(node: Any, document: Mapping[str, Any]) -> Any:
    """The same with every local reference put in, and OpenAPI's ``nullable`` as JSON Schema says it."""
    if isinstance(node, list):
        return [_resolved(one, document) for one in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return _resolved(target, document)
    made = {key: _resolved(value, document) for key, value in node.items() if key != "nullable"}
    if node.get("nullable") and "type" in made:
        made["type"] = [made["type"], "null"]
    return made
