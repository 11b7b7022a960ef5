"""Takes out of log entries what must not be in them: people, secrets, and what describes their devices. Pure functions.

The second line behind "do not log it": by the name of a field, by the shape of a text, and by withholding the messages of
foreign exceptions, which often quote what they were given.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping
from typing import Any

from core.errors import AppError

GONE = "[redacted]"

_FIELDS = {
    "name", "names", "pin", "pins", "otp", "sdp", "offer", "answer", "candidate", "candidates", "cookie", "cookies", "jti", "csrf",
    "grant", "ticket", "body", "headers", "tel", "mobile", "digits", "surname", "dob", "birth", "address", "ip", "statement",
    "parameters", "params_raw", "from_number", "to_number", "caller", "callee", "client_addr", "description",
}  # fmt: skip
_FIELD_PARTS = (
    "password", "passwd", "secret", "token", "authorization", "cookie", "phone", "msisdn", "email", "first_name", "last_name",
    "full_name", "display_name", "given_name", "family_name", "person_name", "private_key", "api_key", "ice_pwd", "ufrag",
    "fingerprint", "birth_date", "date_of_birth", "user_agent",
)  # fmt: skip
_NUMBERS_KEPT = re.compile(r"(_ms|_us|_ns|_bytes|_at|seq|epoch|fence|port|count|size|duration)$")

_LOADED_WORDS = (
    r"password|passwd|passphrase|secret|token|ticket|grant|csrf|authorization|bearer|cookie|pin|otp|api[_-]?key"
)
_NAME_WORDS = r"(?:first|last|full|given|family|display|person)?[_ ]?name|surname"
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"v=0(?:\r|\n|\\r|\\n).*", re.DOTALL), "[sdp]"),
    (re.compile(r"\ba=(?:candidate|ice-pwd|ice-ufrag|fingerprint|ssrc|crypto):?[^\r\n]*"), "[sdp]"),
    (re.compile(r"candidate:\S+ \d+ (?:udp|tcp|UDP|TCP|ssltcp) [^\r\n\"']*"), "[candidate]"),
    (re.compile(r"(?i)\b((?:set-)?cookie|authorization)(\s*:\s*)[^\r\n]+"), rf"\1\2{GONE}"),
    (re.compile(r"(?i)\bbearer\s+\S+"), GONE),
    (re.compile(r"://[^/\s:@]*:[^/\s@]+@"), f"://{GONE}@"),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "[email]"),
    (
        re.compile(rf"(?i)((?<![a-z])(?:{_LOADED_WORDS})[\"']?(?:\s*[:=]\s*|\s+is\s+|\s+))[\"']?[^\s\"'&,;)}}]+"),
        rf"\1{GONE}",
    ),
    (
        re.compile(rf"(?i)((?<![a-z_])(?:{_NAME_WORDS})[\"']?\s*[:=]\s*)(?:\"[^\"]*\"|'[^']*'|[^,;&\r\n}})]+)"),
        rf"\1{GONE}",
    ),
    (re.compile(r"(?i)(\bcode\W{1,3})\d{4,8}\b"), rf"\1{GONE}"),
)
_TOKEN = re.compile(
    r"(?P<id>\b[a-z]+(?:_[a-z]+)*_[0-9a-hjkmnp-tv-z]{26}\b)|(?P<token>(?<![\w/.-])(?=[A-Za-z_-]*\d)[\w-]{32,}={0,2})"
)
_ADDRESS = re.compile(
    r"(?P<kept>\b127\.\d+\.\d+\.\d+\b|\b0\.0\.0\.0\b|(?<![\w:])::1(?![\w:]))"
    r"|(?P<gone>(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])|(?<![\w:])(?:[0-9a-fA-F]{1,4}:){3,7}[0-9a-fA-F:]*[0-9a-fA-F]"
    r"|(?<![\w:])[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{1,4})*::(?:[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{1,4})*)?)"
)
_DIGITS = re.compile(
    r"(?P<kept>\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?|(?<![\w.])\d{1,5}\.\d+(?![\w.]))"
    r"|(?P<digits>(?<![\w.])\+?\(?\d(?:[\s()./-]{0,2}\d){6,}(?![\w]))"
)


def redacted(value: Any, key: str = "") -> Any:
    """``value`` without what must not be logged under the name ``key``; containers keep their shape."""
    if _is_secret(key):
        return GONE
    if isinstance(value, Mapping):
        return {str(inner): redacted(item, str(inner)) for inner, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [redacted(item, key) for item in value]
    if isinstance(value, bool) or value is None or isinstance(value, float):
        return value
    if isinstance(value, int):
        return value if abs(value) < 10_000_000 or _NUMBERS_KEPT.search(key) else "[digits]"
    if isinstance(value, bytes):
        return f"[{len(value)} bytes]"
    return redacted_text(str(value))


def redacted_text(text: str) -> str:
    """``text`` without secrets, session descriptions, addresses, long digits and anything that says it is a name."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    text = _TOKEN.sub(lambda match: match["id"] or "[token]", text)
    text = _ADDRESS.sub(lambda match: match["kept"] or "[address]", text)
    return _DIGITS.sub(lambda match: match["kept"] or "[digits]", text)


def exception_text(error: BaseException) -> str:
    """Where ``error`` and its causes came from, without their messages: only our own codes are certain to hold nothing personal."""
    parts: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        frames = "".join(traceback.format_tb(current.__traceback__))
        parts.append(f"{frames}{_described(current)}")
        if isinstance(current, BaseExceptionGroup):
            parts += [exception_text(inner) for inner in current.exceptions]
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return "\n--- caused by ---\n".join(parts)


def _described(error: BaseException) -> str:
    kind = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    if isinstance(error, AppError):
        return f"{kind}: {redacted_text(error.code)}"
    state = getattr(getattr(error, "orig", None), "sqlstate", None) or getattr(error, "sqlstate", None)
    if state:
        return f"{kind}: SQLSTATE {state}"
    if isinstance(error, OSError) and error.errno is not None:
        return f"{kind}: errno {error.errno}"
    return f"{kind}: [message withheld]" if error.args else kind


def _is_secret(key: str) -> bool:
    lowered = key.lower().replace("-", "_")
    return lowered in _FIELDS or any(part in lowered for part in _FIELD_PARTS)
