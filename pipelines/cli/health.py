"""The verb that says whether a service of this software can work: for supervisors."""

from __future__ import annotations

import json
import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

import typer

from pipelines.cli.console import Db, Json, say
from triage.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from urllib.request import OpenerDirector

_READY = "/readyz"
_PARTS = ("database", "tables")
_LONGEST_S = 8.0
_MOST_BYTES = 4096


def health(
    db: Db = None,
    page: Annotated[
        str | None,
        typer.Option(
            "--page", help="Ask the pages at this address of this computer, not the database."
        ),
    ] = None,
    champion: Annotated[
        bool, typer.Option("--champion", help="A bundle in use is needed, too.")
    ] = False,
    heartbeat: Annotated[
        Path | None,
        typer.Option(
            "--heartbeat", help="File that a service sets the time of (TRIAGE_HEARTBEAT)."
        ),
    ] = None,
    within: Annotated[
        float, typer.Option("--within", min=0.1, help="Minutes that its time may lie back.")
    ] = 60.0,
    as_json: Json = False,
) -> None:
    """Say whether the database answers with this release's tables; exit code 4 if it does not.

    Example: triage health --db sqlite:///triage.db
    """
    if page is None:
        from triage.monitoring.database_readiness import readiness_at

        parts = readiness_at(db).parts()
    else:
        parts = _asked(page)
    needed = [*_PARTS, *(["champion"] if champion else [])]
    problems = [f"{name}: {parts[name]}" for name in needed if parts[name] != "ok"]
    if heartbeat is not None and (late := _late(heartbeat, within)):
        problems.append(late)
    value = {"healthy": not problems, "parts": parts, "problems": problems}
    say(as_json, value, "healthy" if not problems else f"not healthy: {'; '.join(problems)}")
    if problems:
        raise typer.Exit(ExitCode.ANSWERED_NO)


def _late(heartbeat: Path, within: float) -> str:
    """What is wrong with a heartbeat; '' where nothing is."""
    try:
        minutes = (time.time() - heartbeat.stat().st_mtime) / 60
    except OSError:
        return "heartbeat: none yet"
    return "" if minutes <= within else f"heartbeat: {minutes:.0f} minutes old"


def _asked(page: str) -> dict[str, str]:
    """Return the standing of the parts as the pages at an address see it."""
    request = Request(f"{_loopback_address(page)}{_READY}", headers={"Accept": "application/json"})
    nothing = dict.fromkeys((*_PARTS, "champion"), "unknown")
    try:
        with _opener().open(request, timeout=_LONGEST_S) as answer:
            found = answer.read(_MOST_BYTES)
    except HTTPError as refusal:  # 503 has the parts, too
        found = refusal.read(_MOST_BYTES)
    except (URLError, OSError, ValueError):
        return {**nothing, "database": "the pages do not answer"}
    try:
        parts: dict[str, Any] = json.loads(found)["parts"]
        return {name: str(parts[name]) for name in nothing}
    except (ValueError, KeyError, TypeError):
        return {**nothing, "database": "the address gives another answer than the pages"}


def _opener() -> OpenerDirector:
    """Return what asks without a proxy, and of this computer without its certificate's name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return build_opener(ProxyHandler({}), HTTPSHandler(context=context))


def _loopback_address(page: str) -> str:
    try:
        parts = urlsplit(page)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    if parts.scheme not in ("http", "https") or host not in ("127.0.0.1", "localhost", "::1"):
        raise UsageError(
            "the pages are asked at an address of this computer only",
            where="--page",
            hint="Give http://127.0.0.1:8501, or https:// and the port of --port.",
        )
    return f"{parts.scheme}://{parts.netloc}"
