"""Whether the server's process runs, and whether it can work: for supervisors, without a session.

`/healthz` looks at nothing but the process. `/readyz` asks the case database, and answers requests
of this computer only that no proxy has passed on.
"""

from __future__ import annotations

import time

from anyio import CapacityLimiter, Lock, move_on_after, to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from triage.monitoring.database_readiness import DatabaseReadiness, Standing, readiness_of
from triage.store import Store
from ui.serving.settings import is_loopback

ALIVE = "/healthz"
READY = "/readyz"
_KEPT_S = 2.0
"""Seconds for which an answer is given again, so that asking often costs the database nothing."""
_LONGEST_S = 5.0
"""Seconds after which a database that does not answer counts as unreachable."""
_AT_ONCE = 2
"""Questions to a database that does not answer wait in threads; so many and no more."""
_PASSED_ON = ("forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "via")
"""Headers that a proxy adds."""


class HealthRoutes:
    """Routes of the two checks.

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._limiter = CapacityLimiter(_AT_ONCE)
        self._found = DatabaseReadiness(Standing.UNREACHABLE)
        self._until = 0.0

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            Route(ALIVE, _alive, methods=["GET"]),
            Route(READY, self.ready, methods=["GET"]),
        ]

    async def ready(self, request: Request) -> Response:
        """Answer 200 if the server can work, else 503, with the standing of each part."""
        peer = request.client.host if request.client else ""
        if not is_loopback(peer) or any(name in request.headers for name in _PASSED_ON):
            return PlainTextResponse("Not found.", 404)
        async with self._lock:
            if time.monotonic() >= self._until:
                self._found = DatabaseReadiness(Standing.UNREACHABLE)
                with move_on_after(_LONGEST_S):
                    self._found = await to_thread.run_sync(
                        readiness_of, self._store, abandon_on_cancel=True, limiter=self._limiter
                    )
                self._until = time.monotonic() + _KEPT_S
            found = self._found
        answer = {"ready": found.ready, "parts": found.parts()}
        return JSONResponse(answer, 200 if found.ready else 503)


async def _alive(request: Request) -> Response:
    return JSONResponse({"alive": True})
