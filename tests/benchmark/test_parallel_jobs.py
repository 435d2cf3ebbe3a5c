"""Jobs in processes: their results in order, their errors as they are, and none left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.benchmark.jobs import Breaks, Dies, Endless, Refuses, Square
from triage.benchmark.parallel_jobs import Job, run_parallel
from triage.errors import SpecError, UsageError

ROOT = Path(__file__).parents[2]
Answer = tuple[int, int, str]


def run(jobs: list[Job[Answer]], **how: object) -> list[Answer]:
    options = {"threads": 1, "report": lambda *_: None, "finished": lambda _: None} | how
    return run_parallel(jobs, 2, **options)  # type: ignore[arg-type]


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{process}/stat")
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def gone(folder: Path, count: int) -> bool:
    """Whether so many endless jobs began and none of them still runs, after a while at most."""
    started = [int(path.name) for path in folder.iterdir()]
    assert len(started) == count
    end = time.monotonic() + 30
    while any(alive(process) for process in started) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(alive(process) for process in started)


def test_results_come_in_the_order_of_the_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    reported: list[tuple[str, int, int]] = []
    counts: list[int] = []
    found = run(
        [Square(1, seconds=0.5), Square(2), Square(3)],
        threads=3,
        report=lambda *step: reported.append(step),
        finished=counts.append,
    )
    assert [square for square, _, _ in found] == [1, 4, 9]
    processes = {process for _, process, _ in found}
    assert len(processes) == 3
    assert os.getpid() not in processes
    assert {threads for _, _, threads in found} == {"3"}
    assert os.environ["OMP_NUM_THREADS"] == "5"  # here, as it was
    assert counts == [1, 2, 3]
    assert {stage for stage, _, _ in reported} == {"process 1: squaring", "process 2: squaring"}
    assert sorted(done for _, done, _ in reported) == [1, 2, 3]


def test_an_error_comes_as_it_was_and_stops_the_others(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        run([Endless(tmp_path), Refuses(tmp_path)])
    assert caught.value.problems == ("no case",)
    assert str(caught.value).startswith("the spec: holds nothing. Fill it.")
    assert gone(tmp_path, 1)


def test_a_defect_brings_the_traceback_of_its_process() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        run([Breaks()])
    assert "jobs.py" in "".join(caught.value.__notes__)


def test_a_process_that_ends_without_a_word() -> None:
    with pytest.raises(UsageError, match=r"--workers: a process ended .*\(exit code 7\).*fewer"):
        run([Dies()])


def test_an_interrupt_stops_all(tmp_path: Path) -> None:
    def interrupt(*_: object) -> None:
        if len(list(tmp_path.iterdir())) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run([Endless(tmp_path), Endless(tmp_path), Endless(tmp_path)], report=interrupt)
    assert gone(tmp_path, 2)


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_runs_on_when_its_owner_is_killed(tmp_path: Path, sent: signal.Signals) -> None:
    program = (
        "from pathlib import Path; from tests.benchmark.jobs import wait_in; "
        f"wait_in(Path({str(tmp_path)!r}))"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", program], env=environment, cwd=ROOT) as owner:
        while len(list(tmp_path.iterdir())) < 2:
            assert owner.poll() is None
            time.sleep(0.05)
        owner.send_signal(sent)
    assert gone(tmp_path, 2)
