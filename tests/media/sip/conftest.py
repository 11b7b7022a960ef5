"""What the tests of the SIP leg need."""

from __future__ import annotations

import pytest

from media.sip.client import installed
from tests.media.sip.rig import HAS_SIPP
from tests.services import missing


@pytest.fixture(scope="session")
def sip_stack() -> None:
    """The extra ``sip``; in CI it may not be missing."""
    if not installed():
        missing("the extra `sip`")


@pytest.fixture(scope="session")
def sipp() -> None:
    """The foreign peer; in CI it may not be missing."""
    if not HAS_SIPP:
        missing("sipp (Debian: sip-tester)")
