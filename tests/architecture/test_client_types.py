"""The web client's types are those of the server as it stands: after a change of a route or a shape, run ``make gen``."""

from __future__ import annotations

from tests.architecture.client_types import TARGET, can_generate, generated
from tests.services import missing


def test_the_web_client_knows_the_shapes_of_today() -> None:
    if not can_generate():
        missing("the installed packages of the web client (make web)")
    assert TARGET.read_text(encoding="utf-8") == generated(), "run `make gen`"
