"""Audits that run in the background of the server, one at a time, and how far they are."""

from __future__ import annotations

import errno
import logging
import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from threading import Lock, Thread

from triage.accounts import Actor
from triage.errors import TriageError, UsageError
from triage.progress import Progress
from triage.store import URL_VARIABLE, open_store
from triage.store.base import utc_now
from ui.audit_folder import folder_of_run

RunAudit = Callable[[Path, Path, Actor, Progress], object]
"""Called with the plan, the folder to write, who runs it and what reports progress."""


class RunStatus(StrEnum):
    """How a run stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RunState:
    """How an audit stands.

    Parameters
    ----------
    title : str
        Of its plan.
    name : str
        Of the folder that it writes.
    started_by : str
    started_at, ended_at : datetime
        `ended_at` is None while it runs.
    stage : str
    done, total : int
        How much of the stage is done.
    problem : str
        Why it failed, in a sentence.
    """

    status: RunStatus
    title: str
    name: str
    started_by: str
    started_at: datetime
    ended_at: datetime | None = None
    stage: str = ""
    done: int = 0
    total: int = 0
    problem: str = ""


class AuditRuns:
    """Runs audits in a thread, one at a time.

    Every caller sees the same run. It ends with the server; the parts that it has finished
    stay in its folder, and the next run of the plan goes on from them.

    Parameters
    ----------
    run : callable
        Makes an audit; see `RunAudit`.
    """

    def __init__(self, run: RunAudit) -> None:
        self._run = run
        self._lock = Lock()
        self._state: RunState | None = None

    @property
    def state(self) -> RunState | None:
        """The run that goes on, or the last one since the server was started."""
        return self._state

    def start(self, plan: Path, title: str, actor: Actor) -> None:
        """Start the audit of a plan and return at once.

        Parameters
        ----------
        plan : Path
        title : str
            Of the plan.
        actor : Actor
            Who starts it; the service that audits checks the permission.

        Raises
        ------
        UsageError
            If one is running.
        """
        with self._lock:
            if self._state is not None and self._state.status is RunStatus.RUNNING:
                raise UsageError(
                    f"{self._state.started_by} has started an audit that is still running.",
                    hint="One runs at a time: wait until it has ended.",
                )
            out = folder_of_run(plan)
            self._state = RunState(RunStatus.RUNNING, title, out.name, actor.name, utc_now())
        # A daemon, since the server is not to wait for it when it is told to stop.
        Thread(target=self._work, args=(plan, out, actor), name="audit", daemon=True).start()

    def _work(self, plan: Path, out: Path, actor: Actor) -> None:
        problem = ""
        try:
            self._run(plan, out, actor, self._progress)
        except TriageError as refused:
            problem = str(refused)
        except OSError as error:
            problem = _words_of(error)
        except Exception as defect:
            # Without its message, which may quote a case.
            place = "".join(traceback.format_tb(defect.__traceback__))
            logging.getLogger(__name__).error("%s in an audit:\n%s", type(defect).__name__, place)
            problem = (
                f"The audit ended with an unexpected error ({type(defect).__name__}). "
                "The log of the server says more."
            )
        status = RunStatus.FAILED if problem else RunStatus.DONE
        self._change(status=status, problem=problem, ended_at=utc_now())

    def _progress(self, stage: str, done: int, total: int) -> None:
        self._change(stage=stage, done=done, total=total)

    def _change(self, **changes: object) -> None:
        with self._lock:
            assert self._state is not None
            self._state = replace(self._state, **changes)  # type: ignore[arg-type]  # its fields


def _words_of(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "The disk of the folder of audits is full. Make room, and start the audit again."
    reason = os.strerror(error.errno) if error.errno else type(error).__name__
    return f"A file of the audit cannot be read or written ({reason})."


@cache
def audit_runs() -> AuditRuns:
    """Return the runs of this server's process."""
    return AuditRuns(run_on_database)


def run_on_database(plan: Path, out: Path, actor: Actor, progress: Progress) -> None:
    """Audit the case database of this server."""
    # Imported here, because the libraries that measure and render take long to import.
    from triage.reports.run_audit import run_audit

    store = open_store(os.environ.get(URL_VARIABLE))
    try:
        run_audit(plan, out, store=store, actor=actor, progress=progress)
    finally:
        store.close()
