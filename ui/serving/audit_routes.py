"""The files of finished audits, for those who may see audits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from triage.accounts import Action, may
from triage.accounts.sessions import Session
from triage.regular_file import open_regular
from ui.audit_folder import is_audit_name
from ui.serving.access import LOGIN
from ui.serving.settings import ServingSettings

AUDIT_FILES = "/audit-files"
"""Beginning of the paths of the files."""
_CHUNK = 1 << 18
_FILES_AT_ONCE = 4
_IN_BROWSER = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
"""Content security policy of a report that is shown: no script, and nothing of these pages."""


@dataclass(frozen=True, slots=True)
class ServedFile:
    """A file of an audit, and whether the browser shows it or saves it."""

    media_type: str
    shown: bool = False


SERVED_FILES = MappingProxyType(
    {
        "report.html": ServedFile("text/html; charset=utf-8", shown=True),
        "report.pdf": ServedFile("application/pdf"),
        "report.json": ServedFile("application/json"),
        "audit.zip": ServedFile("application/zip"),
    }
)
"""The files that are given out; no others, whatever the folder holds."""


class AuditRoutes:
    """Route of the files of audits.

    Parameters
    ----------
    settings : ServingSettings
    """

    def __init__(self, settings: ServingSettings) -> None:
        self._folder = settings.audits
        self._limiter = CapacityLimiter(_FILES_AT_ONCE)

    def routes(self) -> list[BaseRoute]:
        """Return the route."""
        return [Route(f"{AUDIT_FILES}/{{audit}}/{{file}}", self.give, methods=["GET"])]

    async def give(self, request: Request) -> Response:
        """Give a file, to be saved unless it is shown; `?save` saves what else is shown."""
        session: Session = request.scope[LOGIN]
        if not may(session.actor, Action.AUDIT):
            needed = Action.AUDIT.value
            return PlainTextResponse(f"This needs the permission {needed}.", 403)
        audit, name = request.path_params["audit"], request.path_params["file"]
        served = SERVED_FILES.get(name)
        if served is None or self._folder is None:
            return _absent()
        opened = await to_thread.run_sync(
            partial(_opened, self._folder, audit, name), limiter=self._limiter
        )
        if opened is None:
            return _absent()
        stream, size, close = opened
        shown = served.shown and "save" not in request.query_params
        headers = {
            "Content-Length": str(size),
            "Content-Disposition": f'{"inline" if shown else "attachment"}; filename="{name}"',
            "Content-Security-Policy": _IN_BROWSER,
        }
        return StreamingResponse(
            _pieces(stream, size, close), media_type=served.media_type, headers=headers
        )


def _opened(folder: Path, audit: str, name: str) -> tuple[BinaryIO, int, ExitStack] | None:
    if not is_audit_name(folder, audit):
        return None
    with ExitStack() as opening:
        try:
            path = folder / audit / name
            stream = opening.enter_context(open_regular(path, root=folder / audit))
        except OSError:
            return None
        return stream, os.fstat(stream.fileno()).st_size, opening.pop_all()


def _pieces(stream: BinaryIO, size: int, close: ExitStack) -> Iterator[bytes]:
    """Read a file of which exactly so much was announced, in pieces."""
    with close:
        while size > 0 and (piece := stream.read(min(size, _CHUNK))):
            size -= len(piece)
            yield piece


def _absent() -> Response:
    return PlainTextResponse("There is no such file of an audit.", 404)
