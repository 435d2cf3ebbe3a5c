"""Processes: none is left behind, and standard output belongs to the command alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.engine import functions
from tests.engine.functions import task
from tests.engine.test_every_engine import ended
from triage.engine import EngineSettings, code_version, open_executor, processes
from triage.engine.attempts import Attempts, exit_words
from triage.errors import EngineError, WorkerLost

ROOT = Path(__file__).parents[2]
OWNER = """
import sys
from tests.engine import functions
from triage.engine import EngineSettings, open_executor
with open_executor(EngineSettings(engine="processes", workers=2)) as executor:
    tasks = [functions.task(functions.endless, folder=sys.argv[1], reports=False)] * 2
    executor.map(tasks)
"""


def owner(code: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_runs_on_when_its_owner_is_killed(tmp_path: Path, sent: signal.Signals) -> None:
    with owner(OWNER, str(tmp_path)) as process:  # its tasks report nothing
        while len(list(tmp_path.iterdir())) < 2:
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(sent)
    assert ended(tmp_path, 2)


def test_what_tasks_print_is_not_the_output_of_the_command(tmp_path: Path) -> None:
    code = (
        "from tests.engine import functions\n"
        "from triage.engine import EngineSettings, open_executor\n"
        "with open_executor(EngineSettings(engine='processes')) as executor:\n"
        "    print(executor.map([functions.task(functions.prints)]))\n"
    )
    with owner(code) as process:
        assert process.stdout is not None
        assert process.stdout.read() == b"['printed']\n"


def test_no_more_workers_than_tasks_and_none_after_the_end() -> None:
    settings = EngineSettings(engine="processes", workers=3)
    with open_executor(settings) as executor:
        (found,) = executor.map([task(functions.square, number=2)])
        assert isinstance(executor, processes.ProcessExecutor)
        (worker,) = executor._workers
        assert worker.process.pid == found["process"]
    assert worker.process.pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(worker.process.pid, 0)


def test_a_worker_of_other_source_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    other = code_version.CodeVersion("0.0.1", "ab" * 32)
    monkeypatch.setattr("triage.engine.worker_calls.code_version", lambda: other)
    with (
        open_executor(EngineSettings(engine="processes")) as executor,
        pytest.raises(EngineError, match=r"the worker runs triage .*come from triage 0\.0\.1 \(ab"),
    ):
        executor.map([task(functions.square, number=2)])


def test_how_often_a_task_is_tried() -> None:
    tasks = [task(functions.square, "first"), task(functions.square, "second")]
    attempts = Attempts(tasks, 2)
    order = []
    for how in (exit_words(-9), exit_words(7), exit_words(None)):
        order.append(attempts.waiting.popleft())
        if len(order) < 3:
            attempts.lost(0, how)
    assert order == [0, 0, 0]
    with pytest.raises(WorkerLost, match=r"first: 3 workers .*\(killed by SIGKILL\)"):
        attempts.lost(0, exit_words(-9))
    none = Attempts(tasks, 0)
    with pytest.raises(WorkerLost, match=r"second: its worker ended .*\(exit code 7\)"):
        none.lost(1, exit_words(7))
    for _ in range(5):
        none.lost_idle("exit code 1", ready=True)
    with pytest.raises(WorkerLost, match="__main__"):
        none.lost_idle("exit code 1", ready=False)


def test_tasks_that_are_safe_in_threads_run_at_once_locally(tmp_path: Path) -> None:
    tasks = [task(functions.in_a_thread, number=n, folder=str(tmp_path)) for n in range(2)]
    with open_executor(EngineSettings(workers=2)) as executor:
        assert executor.map(tasks) == [2, 2]  # each saw the other begin
