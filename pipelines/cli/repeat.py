"""Work that a verb repeats until it is stopped, as a service does."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from triage.errors import ExitCode, TriageError

Every = Annotated[
    float | None,
    typer.Option(
        "--every",
        min=0.01,
        help="Repeat every so many minutes until stopped (SIGTERM or Ctrl-C ends with 0).",
    ),
]


class _Stopped(BaseException):
    """SIGTERM or SIGINT came; no `except Exception` on its way catches it."""


def repeat(
    work: Callable[[], ExitCode],
    every: float | None,
    *,
    wait: Callable[[float], None] | None = None,
) -> ExitCode:
    """Do some work once, or again and again until the process is told to stop.

    The time between two beginnings is `every` minutes; where the work takes longer, the next
    begins at once. An error of the first time ends the verb, since it is most likely one of its
    options. A later error is printed as one line, and the work is tried again at its next time: a
    database that restarts does not end the service.

    SIGTERM and SIGINT interrupt the wait or the work. The work has to stand being interrupted at
    any point, as it has to stand Ctrl-C.

    Parameters
    ----------
    work : callable
        Returns the exit code of a single run.
    every : float, optional
        Minutes. None: once.
    wait : callable
        Waits some seconds; for tests.

    Returns
    -------
    ExitCode
        Of the work where it was done once; 0 where it was repeated and then stopped.

    Raises
    ------
    TriageError
        What the first run raised.
    """
    if every is None:
        return work()
    first = True
    try:
        with _stopped_by_signals() as told:
            while not told:
                begun = time.monotonic()
                try:
                    work()
                except TriageError as error:
                    if first and not told:
                        raise
                    print(f"triage: {error}", file=sys.stderr, flush=True)
                first = False
                if told:  # something that was interrupted kept the exception to itself
                    break
                (wait or time.sleep)(max(0.0, begun + 60 * every - time.monotonic()))
    except _Stopped:
        pass
    return ExitCode.DONE


@contextmanager
def _stopped_by_signals() -> Iterator[list[int]]:
    """Raise `_Stopped` in the main thread where SIGTERM or SIGINT comes; give the list of them.

    The list says it also where the exception is lost: Python drops one that is raised in a
    destructor or in a callback of another library.
    """
    told: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield told  # signals reach the main thread only
        return

    def stop(kind: int, _: object) -> None:
        told.append(kind)
        raise _Stopped

    before = {kind: signal.signal(kind, stop) for kind in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield told
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
