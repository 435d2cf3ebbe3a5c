"""What holds on every engine: results, order, errors, retries, resumption, cancellation.

`test_ray_cluster.py` runs most of these tests on Ray; its cluster serves that file alone.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine import functions
from tests.engine.functions import task
from triage.engine import EngineSettings, Executor, ResultFolder, Task, open_executor
from triage.errors import EngineError, ImageRejected, RejectReason, SpecError, WorkerLost


@pytest.fixture(scope="module", params=["local", "processes"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    """One for all tests of the module: it goes on working after errors and lost workers."""
    settings = EngineSettings(engine=request.param, workers=2, retries=1)
    with open_executor(settings) as found:
        yield found


@pytest.fixture
def workers(executor: Executor) -> Executor:
    """Those engines that have workers of their own."""
    if executor.name == "local":
        pytest.skip("tasks run in this process")
    return executor


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{process}/stat")
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def ended(folder: Path, count: int) -> bool:
    """Whether so many endless tasks began and none of them still runs, after a while at most."""
    started = [int(path.name) for path in folder.iterdir()]
    assert len(started) == count
    end = time.monotonic() + 30
    while any(alive(process) for process in started) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(alive(process) for process in started)


def test_results_are_those_of_python_and_in_order(executor: Executor) -> None:
    steps: list[tuple[str, int, int]] = []
    spans = [(1, 90_000), (3, 50), (7, 10_000), (2, 3)]
    found = executor.map(
        [task(functions.harmonic, first=a, last=b) for a, b in spans],
        stage="sums",
        progress=lambda *step: steps.append(step),
    )
    expected = [
        {"sum": sum(1 / n for n in range(first, last)), "from": [first, last]}
        for first, last in spans
    ]
    assert found == expected  # to the last digit
    assert [step for step in steps if step[0] == "sums"] == [("sums", n, 4) for n in range(5)]
    assert executor.map([]) == []


def test_workers_are_kept_and_have_their_threads(
    workers: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    steps: list[str] = []
    tasks = [task(functions.square, number=n, seconds=0.2) for n in range(5)]
    found = workers.map(tasks, progress=lambda stage, *_: steps.append(stage))
    assert [one["square"] for one in found] == [0, 1, 4, 9, 16]
    processes = {one["process"] for one in found}
    assert len(processes) <= 2
    assert os.getpid() not in processes
    assert {one["threads"] for one in found} == {"1"}
    assert os.environ["OMP_NUM_THREADS"] == "5"  # here, as it was
    stages = {stage for stage in steps if stage != "tasks"}
    assert stages
    assert stages <= {"worker 1: squaring", "worker 2: squaring"}
    again = {one["process"] for one in workers.map(tasks)}
    assert len(again | processes) <= 2  # not started anew


def test_an_error_comes_as_it_was(executor: Executor, tmp_path: Path) -> None:
    (tmp_path / "begun").touch()
    with pytest.raises(SpecError) as caught:
        executor.map([task(functions.refuses, folder=str(tmp_path))])
    assert caught.value.problems == ("no case",)
    assert str(caught.value) == "the spec: holds nothing. Fill it.\n  - no case"
    with pytest.raises(ImageRejected) as rejected:
        executor.map([task(functions.rejects)])
    assert rejected.value.reason is RejectReason.TRUNCATED
    assert (rejected.value.sha256, rejected.value.exit_code) == ("ab" * 32, 3)
    with pytest.raises(ZeroDivisionError) as defect:
        executor.map([task(functions.breaks)])
    if executor.name != "local":
        assert "functions.py" in "".join(defect.value.__notes__)
    with pytest.raises(TypeError, match="JSON"):
        executor.map([task(functions.not_json)])
    assert executor.map([task(functions.harmonic, first=1, last=3)])[0]["sum"] == 1.5


@pytest.mark.parametrize("name", ["unmarked", "absent", "os:getpid", "no_such_module:f", "", ":"])
def test_what_is_no_function_for_tasks(executor: Executor, name: str) -> None:
    known = {"unmarked", "absent"}
    with pytest.raises(EngineError, match=r"no such function|not a function for tasks"):
        executor.map([Task(f"{functions.HERE}:{name}" if name in known else name)])


def test_a_killed_workers_task_is_tried_again(workers: Executor, tmp_path: Path) -> None:
    tasks = [task(functions.killed_first, number=n, folder=str(tmp_path)) for n in range(2)]
    assert workers.map(tasks) == [0, 2]
    assert len(list(tmp_path.iterdir())) == 2


def test_workers_that_end_every_time(workers: Executor) -> None:
    lost = task(functions.always_ends, "draw 7", code=7)
    with pytest.raises(WorkerLost, match=r"draw 7: 2 workers .* ended .*fewer --workers") as caught:
        workers.map([lost, task(functions.square, number=3)])
    if workers.name == "processes":
        assert "(exit code 7)" in str(caught.value)
    assert workers.map([task(functions.square, number=3)])[0]["square"] == 9


def test_a_failed_task_stops_the_others(workers: Executor, tmp_path: Path) -> None:
    with pytest.raises(SpecError):
        workers.map(
            [
                task(functions.endless, folder=str(tmp_path)),
                task(functions.refuses, folder=str(tmp_path)),
            ]
        )
    assert ended(tmp_path, 1)


def test_an_interrupt_stops_all(workers: Executor, tmp_path: Path) -> None:
    def interrupt(*_: object) -> None:
        if len(list(tmp_path.iterdir())) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        workers.map([task(functions.endless, folder=str(tmp_path))] * 3, progress=interrupt)
    assert ended(tmp_path, 2)


def test_an_interrupted_run_goes_on(executor: Executor, tmp_path: Path) -> None:
    """What is done is not done again; a damaged or foreign result is."""
    begun, kept = tmp_path / "begun", ResultFolder(tmp_path / "kept")
    begun.mkdir()
    tasks = [task(functions.counted, number=n, folder=str(begun)) for n in range(4)]

    def interrupt(stage: str, done: int, total: int) -> None:
        if stage == "tasks" and done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        executor.map(tasks, progress=interrupt, results=kept)
    files = sorted((tmp_path / "kept").iterdir())
    assert len(files) == 2
    before = {json.loads(path.read_text())["result"] // 2 for path in files}
    text = files[0].read_text()
    damaged = json.loads(text)["result"] // 2
    files[0].write_text(text.replace(f'"result": {2 * damaged}', '"result": 99'))
    steps: list[tuple[int, int]] = []
    found = executor.map(
        tasks,
        progress=lambda stage, done, total: steps.append((done, total)),
        results=kept,
    )
    assert found == [0, 2, 4, 6]
    assert steps[0] == (1, 4)
    attempts = [int(path.name.split("-")[0]) for path in begun.iterdir()]
    intact = before - {damaged}
    assert [attempts.count(n) for n in intact] == [1]
    assert attempts.count(damaged) == 2
    count = len(attempts)
    assert executor.map(tasks, results=kept) == [0, 2, 4, 6]
    assert len(list(begun.iterdir())) == count


def test_relative_paths_mean_the_same(
    executor: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    assert executor.map([task(functions.counted, number=1, folder="here")]) == [2]
    assert len(list((tmp_path / "here").iterdir())) == 1
