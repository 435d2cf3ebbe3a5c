"""Streamlit's page with the script that watches the session, and what that script asks for."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import streamlit
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from triage.accounts.sessions import Session
from ui.page_paths import PagePath
from ui.serving.access import LOGIN
from ui.serving.sessions import account_key

_INDEX = Path(streamlit.__file__).parent / "static" / "index.html"
_ASSETS = Path(__file__).parent / "assets"
_ADDED = (
    '<link rel="stylesheet" href="/assets/session.css" />'
    '<script src="/assets/session.js" defer></script>'
)


@cache
def index_page() -> str:
    """Return Streamlit's page (HTML) with the script that watches the session."""
    text = _INDEX.read_text(encoding="utf-8")
    head, end, rest = text.partition("</head>")
    assert end, "Streamlit's page has a head"
    return f"{head}{_ADDED}{end}{rest}"


def page_routes() -> list[BaseRoute]:
    """Return the routes of the page, its script, and the session that the script asks for."""
    return [
        *(Route(f"/{path}", _index, methods=["GET"]) for path in PagePath),
        Route("/session", _session, methods=["GET"]),
        Route("/assets/session.js", _script, methods=["GET"]),
        Route("/assets/session.css", _style, methods=["GET"]),
    ]


async def _index(request: Request) -> Response:
    return HTMLResponse(index_page())


async def _session(request: Request) -> Response:
    session: Session = request.scope[LOGIN]
    return JSONResponse({"account": account_key(session)})


async def _script(request: Request) -> Response:
    return FileResponse(_ASSETS / "session.js", media_type="text/javascript")


async def _style(request: Request) -> Response:
    return FileResponse(_ASSETS / "session.css", media_type="text/css")
