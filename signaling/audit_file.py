"""The audit log as a file for people who examine it elsewhere: UTF-8, comma-separated, one line an entry. Pure."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from datetime import UTC

from records.audit import AuditLine

COLUMNS = ("country", "number", "at", "who", "action", "what", "subject", "purpose", "details", "hash")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def file_of(lines: Iterable[AuditLine], names: Mapping[str, str]) -> str:
    """``names``: what the subjects are called. Times are UTC, to the microsecond, as they were hashed."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for line in lines:
        details = json.dumps(line["data"], ensure_ascii=False, sort_keys=True) if line["data"] else ""
        at = line["at"].astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        row = (
            line["country"], line["seq"], at, line["actor_code"], line["action"], names.get(line["subject"], ""), line["subject"],
            line["purpose"], details, line["hash"],
        )  # fmt: skip
        writer.writerow([_plain(value) for value in row])
    return out.getvalue()


def _plain(value: str | int) -> str | int:
    """A text that a spreadsheet would take for a formula is marked as text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
