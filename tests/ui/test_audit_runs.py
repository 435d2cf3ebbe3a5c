from __future__ import annotations

import errno
from pathlib import Path
from threading import Event
from threading import enumerate as threads

import pytest

from triage.accounts import Actor, Role
from triage.errors import SpecError, UsageError
from triage.progress import Progress
from ui.audit_runs import AuditRuns, RunState, RunStatus

GOVERNANCE = Actor("G. Lind", Role.GOVERNANCE)
ANOTHER = Actor("A. Other", Role.GOVERNANCE)
PLAN = Path("plans/half-year.yaml")
LONGEST = 30.0
"""Seconds that a test waits for a thread."""


def _ended(runs: AuditRuns) -> RunState:
    for thread in threads():
        if thread.name == "audit":
            thread.join(LONGEST)
    assert runs.state is not None
    assert runs.state.ended_at is not None
    return runs.state


def test_a_run_reports_how_far_it_is_and_only_one_runs(tmp_path: Path) -> None:
    told, may_end = Event(), Event()
    seen: list[tuple[Path, Path, Actor]] = []

    def run(plan: Path, out: Path, actor: Actor, progress: Progress) -> None:
        seen.append((plan, out, actor))
        progress("measuring groups", 3, 40)
        told.set()
        assert may_end.wait(LONGEST)

    runs = AuditRuns(run)
    assert runs.state is None
    plan = tmp_path / "half-year.yaml"
    runs.start(plan, "Half a year", GOVERNANCE)
    assert told.wait(LONGEST)
    state = runs.state
    assert state is not None
    assert (state.status, state.title, state.name) == (
        RunStatus.RUNNING,
        "Half a year",
        "half-year",
    )
    assert (state.stage, state.done, state.total) == ("measuring groups", 3, 40)
    with pytest.raises(UsageError, match=r"G\. Lind has started an audit"):
        runs.start(plan, "Half a year", ANOTHER)
    may_end.set()
    assert _ended(runs).status is RunStatus.DONE
    assert seen == [(plan, tmp_path / "half-year", GOVERNANCE)]
    runs.start(plan, "Half a year", ANOTHER)
    assert _ended(runs).started_by == "A. Other"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (SpecError("the column is absent", where="age"), "age: the column is absent"),
        (OSError(errno.ENOSPC, "No space left on device", "/secret/path"), "The disk"),
        (PermissionError(errno.EACCES, "Permission denied", "/secret/path"), "Permission denied"),
        (KeyError("patient 17"), r"unexpected error (KeyError)"),
    ],
)
def test_an_error_becomes_a_sentence(
    error: Exception, words: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def run(plan: Path, out: Path, actor: Actor, progress: Progress) -> None:
        raise error

    runs = AuditRuns(run)
    runs.start(tmp_path / PLAN, "Half a year", GOVERNANCE)
    state = _ended(runs)
    assert state.status is RunStatus.FAILED
    assert words in state.problem
    assert "/secret/path" not in state.problem
    assert "patient 17" not in state.problem + caplog.text
