"""An open websocket ends with the session that it was opened in."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from triage.accounts.sessions import SessionExpired
from ui.serving.sessions import SessionChecks

CHECK_SECONDS = 5.0
"""Time between two checks of the session of an open connection."""
SESSION_ENDED = 4401
"""Code with which a connection is closed whose session has ended."""


class SessionGuard:
    """Passes a websocket's messages on as long as its session is valid.

    The session is checked before every message of the browser, so that no step is taken in a
    session that has ended, and every few seconds, so that a connection nobody uses is closed too.
    The page stays in the browser with all that was typed; it connects again by itself, with the
    cookie that the browser has by then.

    Parameters
    ----------
    app : ASGI application
    sessions : SessionChecks
    token : str
        Of the session in which the connection is opened.
    """

    def __init__(self, app: ASGIApp, sessions: SessionChecks, token: str) -> None:
        self._app = app
        self._sessions = sessions
        self._token = token
        self._open = False
        self._closed = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the connection until it or its session ends."""
        ended = asyncio.Event()
        watch = asyncio.create_task(self._watch(ended))

        async def checked_receive() -> Message:
            message = await self._receive_or_end(receive, ended)
            if message["type"] == "websocket.receive" and not await self._valid():
                ended.set()
            if ended.is_set() and message["type"] != "websocket.disconnect":
                await self._close(send)
                return {"type": "websocket.disconnect", "code": SESSION_ENDED}
            return message

        async def checked_send(message: Message) -> None:
            if self._closed:
                return  # nothing more of the case reaches this browser
            self._open = self._open or message["type"] == "websocket.accept"
            self._closed = message["type"] == "websocket.close"
            await send(message)

        try:
            await self._app(scope, checked_receive, checked_send)
        finally:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch

    async def _receive_or_end(self, receive: Receive, ended: asyncio.Event) -> Message:
        """Return the browser's next message, or a disconnection once the session has ended."""
        waiting = asyncio.ensure_future(receive())
        ending = asyncio.create_task(ended.wait())
        try:
            done, _ = await asyncio.wait({waiting, ending}, return_when=asyncio.FIRST_COMPLETED)
            if waiting in done:
                return waiting.result()
            return {"type": "session.ended"}
        finally:
            for task in (waiting, ending):
                task.cancel()

    async def _watch(self, ended: asyncio.Event) -> None:
        while not ended.is_set():
            await asyncio.sleep(CHECK_SECONDS)
            if not await self._valid():
                ended.set()

    async def _valid(self) -> bool:
        try:
            await self._sessions.find(self._token)
        except SessionExpired:
            return False
        return True

    async def _close(self, send: Send) -> None:
        if self._open and not self._closed:
            self._closed = True
            await send({"type": "websocket.close", "code": SESSION_ENDED})
