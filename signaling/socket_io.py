"""Reading and writing text on a WebSocket: a browser that is gone is told from a defect of ours.

Starlette and the server below it say both with ``RuntimeError``; only the state of the socket and the words tell them apart.
"""

from __future__ import annotations

from fastapi import WebSocket, WebSocketDisconnect
from starlette.websockets import WebSocketState

_AFTER_CLOSE = "Unexpected ASGI message"
"""What the server says when something is sent on a line that is closed already."""
_ABNORMAL = 1006


async def read_text(websocket: WebSocket) -> str:
    """The next message. Raises ``WebSocketDisconnect`` when the browser is gone."""
    try:
        return await websocket.receive_text()
    except RuntimeError as error:
        raise _told(websocket, error) from None


async def write_text(websocket: WebSocket, text: str) -> None:
    """Send a message. Raises ``WebSocketDisconnect`` when the browser is gone."""
    try:
        await websocket.send_text(text)
    except RuntimeError as error:
        raise _told(websocket, error) from None


def _told(websocket: WebSocket, error: RuntimeError) -> WebSocketDisconnect | RuntimeError:
    gone = WebSocketState.DISCONNECTED in (websocket.client_state, websocket.application_state)
    return WebSocketDisconnect(_ABNORMAL) if gone or str(error).startswith(_AFTER_CLOSE) else error
