"""Work on a table of new cases that is repeated, as the scorer of an installation does."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import typer

from pipelines.cli.console import say
from pipelines.cli.heartbeat import with_heartbeat
from pipelines.cli.repeat import repeat
from triage.errors import ExitCode, UsageError
from triage.hashing import hash_file


def watch_table(
    work: Callable[[], None],
    table: Path,
    bundle: Path,
    every: float,
    password_stdin: bool = False,
    as_json: bool = False,
    *,
    wait: Callable[[float], None] = time.sleep,
) -> ExitCode:
    """Do work on a table whenever it has changed, looking again and again until stopped.

    A table that is not there yet is waited for. One that was worked on and is unchanged, by content
    and time, is left alone while the bundle is the same: set its time (``touch``) to have rejected
    cases tried again.

    Parameters
    ----------
    work : callable
        Returns, or raises `typer.Exit` with its exit code.
    table, bundle : Path
        File of cases, and folder of the bundle that scores them.
    every : float
        Minutes.
    password_stdin : bool
        Refused: standard input has the password once only.
    as_json : bool
    wait : callable
        Waits some seconds; for tests.

    Raises
    ------
    UsageError, TriageError
        The first round's error; see `pipelines.cli.repeat.repeat`.
    """
    if password_stdin:
        raise UsageError(
            "with --every the password is needed again and again",
            where="--password-stdin",
            hint="Set TRIAGE_PASSWORD_FILE to a file with it.",
        )
    done: tuple[int, str, str] | None = None

    def once() -> ExitCode:
        nonlocal done
        if not table.exists():
            waiting = f"{table}: not there yet; looked for again in {every:g} minutes"
            say(as_json, {"waiting_for": str(table)}, waiting)
            return ExitCode.DONE
        found = _state(table, bundle)
        if found is not None and found == done:
            return ExitCode.DONE
        code = _code_of(work)
        done = found  # as it was before the work: a change meanwhile is seen by the next round
        return code

    return repeat(with_heartbeat(once), every, wait=wait)


def _state(table: Path, bundle: Path) -> tuple[int, str, str] | None:
    """What would have to change; None where something cannot be read, and the work says what."""
    try:
        manifest = hash_file(bundle / "manifest.json")
        return table.stat().st_mtime_ns, hash_file(table), manifest
    except OSError:
        return None


def _code_of(work: Callable[[], None]) -> ExitCode:
    try:
        work()
    except typer.Exit as end:
        return ExitCode(end.exit_code)
    return ExitCode.DONE
