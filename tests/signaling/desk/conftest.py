"""Fixtures of the desk's tests: those of the signaling tests."""

from tests.signaling.conftest import house, world

__all__ = ["house", "world"]
