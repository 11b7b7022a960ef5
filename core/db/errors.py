"""What database failures mean to the rest of the house: a coded conflict, a passing trouble, or a defect.

The names of constraints and triggers are mapped to codes by a table that the packages above hand to ``Database.open``.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping

from sqlalchemy import MetaData, Table, UniqueConstraint
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from core.errors import Conflict, Invalid, Unavailable

_TRANSIENT_STATES = {
    "40001",  # serialization failure
    "40P01",  # deadlock detected
    "53300",  # too many connections
    "55P03",  # lock not available
    "57P01",  # administrator ended the session
    "57P02",  # server crashed
    "57P03",  # server is starting or stopping
}
_TRANSIENT_SQLITE = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_SQLITE_UNIQUE = re.compile(r"UNIQUE constraint failed: (?P<columns>.+)")
_SQLITE_INDEX = re.compile(r"UNIQUE constraint failed: index '(?P<name>[^']+)'")
_SQLITE_CHECK = re.compile(r"CHECK constraint failed: (?P<name>\w+)")


class DatabaseUnavailable(Unavailable):
    """The database is away or busy; the same unit of work may succeed when tried again (503)."""

    def __init__(self) -> None:
        super().__init__("database_unavailable")


def is_transient(error: BaseException) -> bool:
    """Whether trying the whole unit again is right: deadlock, serialization failure, busy file, lost connection."""
    if isinstance(error, (DatabaseUnavailable, PoolTimeout, OSError)):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    original = error.orig
    if isinstance(original, sqlite3.Error):
        return (getattr(original, "sqlite_errorcode", 0) & 0xFF) in _TRANSIENT_SQLITE
    state = getattr(original, "sqlstate", None)
    if state is None:
        return type(original).__name__ in {"OperationalError", "InterfaceError", "ConnectionTimeout"}
    return state in _TRANSIENT_STATES or state.startswith("08")


def translate(error: BaseException, conflicts: Mapping[str, str], metadata: MetaData) -> Exception | None:
    """The error that people may see in place of ``error``; none when it is a defect and must stay as it is."""
    if is_transient(error):
        return DatabaseUnavailable()
    if isinstance(error, DBAPIError):
        for name in violated(error, metadata):
            if name in conflicts:
                return Conflict(conflicts[name])
    # SQLSTATE class 22, or the driver's own word before it asks: a value that no column of this kind holds, such as a NUL in a text.
    if isinstance(error, DataError):
        return Invalid("invalid_value")
    return None


def violated(error: DBAPIError, metadata: MetaData) -> Iterator[str]:
    """Names of the constraints, indexes or trigger messages that ``error`` may be about, likeliest first."""
    original = error.orig
    if isinstance(original, sqlite3.Error):
        yield from _violated_sqlite(str(original), metadata)
        return
    diagnosis = getattr(original, "diag", None)
    if diagnosis is not None:
        if diagnosis.constraint_name:
            yield diagnosis.constraint_name
        if diagnosis.message_primary:
            yield diagnosis.message_primary


def _violated_sqlite(message: str, metadata: MetaData) -> Iterator[str]:
    if match := _SQLITE_INDEX.match(message):
        yield match["name"]
    elif match := _SQLITE_UNIQUE.match(message):
        qualified = [column.strip() for column in match["columns"].split(",")]
        table = metadata.tables.get(qualified[0].partition(".")[0])
        if table is not None:
            yield from _unique_names(table, {column.partition(".")[2] for column in qualified})
    elif match := _SQLITE_CHECK.match(message):
        yield match["name"]
    else:
        yield message


def _unique_names(table: Table, columns: set[str]) -> Iterator[str]:
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint) and {c.name for c in constraint.columns} == columns:
            yield str(constraint.name)
    for index in table.indexes:
        if index.unique and {c.name for c in index.columns} == columns:
            yield str(index.name)
    if {c.name for c in table.primary_key.columns} == columns:
        yield str(table.primary_key.name)
