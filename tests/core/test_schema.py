"""The migrated schema is the one that the code describes, on both engines, down to triggers and policies."""

from __future__ import annotations

from core.db import migrate
from tests.schema import METADATA


def test_models_and_history_agree(database_url: str) -> None:
    assert migrate.differences(database_url, METADATA) == []


def test_history_goes_back_to_nothing(database_url: str) -> None:
    migrate.downgrade(database_url, "base")
    assert migrate.current(database_url) is None
    migrate.upgrade(database_url)
    assert migrate.current(database_url) == migrate.head()
