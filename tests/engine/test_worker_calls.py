"""What runs in workers, called here: calls, answers, errors as text, and the loop of a process."""

from __future__ import annotations

import json
import os
import signal
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.engine import functions
from tests.engine.functions import task
from triage.engine import Task, process_worker, worker_calls
from triage.engine.attempts import exit_words
from triage.engine.environment_variables import environment_variables
from triage.engine.error_messages import error_from_plain, error_to_plain
from triage.engine.task_arrays import content_of, read_task_arrays, write_task_arrays
from triage.engine.worker_calls import answer_call, call_text, rarely, result_of
from triage.errors import EngineError, ImageRejected, RejectReason, SpecError


def answered(given: Task, *steps: Any) -> Any:
    return result_of(answer_call(call_text(given), lambda *step: None))


def test_an_answer_is_the_result_or_the_error(tmp_path: Path) -> None:
    (tmp_path / "begun").touch()
    assert answered(task(functions.square, number=3))["square"] == 9
    with pytest.raises(SpecError, match="holds nothing") as caught:
        answered(task(functions.refuses, folder=str(tmp_path)))
    assert (caught.value.problems, caught.value.hint) == (("no case",), "Fill it.")
    with pytest.raises(ImageRejected) as rejected:
        answered(task(functions.rejects))
    assert rejected.value.reason is RejectReason.TRUNCATED
    with pytest.raises(ZeroDivisionError) as defect:
        answered(task(functions.breaks))
    assert "functions.py" in defect.value.__notes__[0]
    with pytest.raises(EngineError, match="has no such function"):
        answered(Task("no_such_module:f"))


class _OwnError(SpecError):
    """A class that whoever asked may not have."""

    seen: dict[str, Any]


def test_errors_pass_as_text() -> None:
    own = _OwnError("is odd", where="a", problems=("b",))
    own.seen = {"row": 1, "at": [Path("c"), 2.5, None]}
    own.add_note("seen twice")
    plain = json.loads(json.dumps(error_to_plain(own)))
    found = error_from_plain(plain)
    assert type(found) is _OwnError
    assert (found.problems, found.seen) == (("b",), {"row": 1, "at": ["c", 2.5, None]})
    assert found.__notes__ == ["seen twice"]
    plain["classes"][:1] = [f"{__name__}:Absent", "no_such_module:E", "builtins:ValueError"]
    assert type(error_from_plain(plain)) is SpecError
    plain["classes"] = []
    assert type(error_from_plain(plain)) is EngineError
    try:
        b"\xff".decode()
    except UnicodeDecodeError as error:
        strange = error_from_plain(error_to_plain(error))
    assert type(strange) is RuntimeError
    assert str(strange).startswith("UnicodeDecodeError: ")
    stopped = error_from_plain(error_to_plain(SystemExit(3)))
    assert (type(stopped), str(stopped)) == (RuntimeError, "SystemExit: 3")


def test_progress_is_passed_on_at_each_stage_and_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[tuple[str, int, int]] = []
    monkeypatch.setattr(worker_calls, "_SECONDS", 1000.0)
    report = rarely(lambda *step: seen.append(step))
    for done in range(5):
        report("a", done, 4)
    report("b", 1, 4)
    assert seen == [("a", 0, 4), ("a", 4, 4), ("b", 1, 4)]


def test_a_process_answers_until_its_pipe_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, whose signals and standard output are left alone."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(os, "dup2", lambda *_: None)
    monkeypatch.setattr(process_worker, "Thread", lambda **_: SimpleNamespace(start=lambda: None))
    ours, theirs = Pipe()
    messages: list[bytes] = []

    def own(pipe: Connection) -> None:
        for number in range(2):
            pipe.send_bytes(call_text(task(functions.square, number=number)).encode())
        while sum(message[:1] == process_worker.ANSWER for message in messages) < 2:
            messages.append(pipe.recv_bytes())
        pipe.close()

    owner = Thread(target=own, args=(ours,))
    owner.start()
    process_worker.run_worker(theirs)
    owner.join()
    assert messages[0] == process_worker.READY
    answers = [one[1:].decode() for one in messages if one[:1] == process_worker.ANSWER]
    assert [result_of(one)["square"] for one in answers] == [0, 1]
    steps = [json.loads(one[1:]) for one in messages if one[:1] == process_worker.PROGRESS]
    assert steps == [["squaring", 0, 10], ["squaring", 1, 10]]

    class Ended(Exception):
        """In place of the end of the process."""

    def end(code: int) -> None:
        raise Ended(code)

    monkeypatch.setattr(os, "_exit", end)
    with pytest.raises(Ended, match="1"):  # nobody reads what it would say
        process_worker.run_worker(theirs)
    sentinel, closed = Pipe()
    closed.close()
    monkeypatch.setattr(
        process_worker, "parent_process", lambda: SimpleNamespace(sentinel=sentinel)
    )
    with pytest.raises(Ended, match="1"):  # whoever started it has ended
        process_worker._end_with_the_parent()


def test_a_ray_worker_hands_out_its_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="the extra [ray] is not installed")
    from triage.engine import ray_worker

    monkeypatch.setattr(ray_worker, "_SECONDS", 0.01)
    worker = ray_worker.RayWorker()
    assert json.loads(worker.reported()) == []
    assert result_of(worker.run(call_text(task(functions.square, number=4))))["square"] == 16
    assert json.loads(worker.reported()) == [["squaring", 4, 10]]
    assert worker.version() == json.loads(call_text(task(functions.square)))["version"]


def test_arrays_of_tasks_are_whole_and_of_their_run(tmp_path: Path) -> None:
    arrays, header = {"a": np.arange(6).reshape(2, 3)}, {"names": ["x"]}
    content = content_of(arrays, header)
    assert content != content_of({"a": np.arange(6).reshape(3, 2)}, header)
    assert content != content_of(arrays, {"names": ["y"]})
    path = tmp_path / "a.safetensors"
    with pytest.raises(EngineError, match="finds no whole file of numbers"):
        read_task_arrays(path, content, "numbers")
    write_task_arrays(path, arrays, header, content)
    found, said = read_task_arrays(path, content, "numbers")
    np.testing.assert_array_equal(found["a"], arrays["a"])
    assert said["names"] == ["x"]
    with pytest.raises(EngineError, match="numbers of another run"):
        read_task_arrays(path, "b", "numbers")


def test_variables_are_afterwards_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAGE_A", "1")
    monkeypatch.delenv("TRIAGE_B", raising=False)
    with environment_variables({"TRIAGE_A": "2", "TRIAGE_B": "3"}):
        assert (os.environ["TRIAGE_A"], os.environ["TRIAGE_B"]) == ("2", "3")
    assert os.environ["TRIAGE_A"] == "1"
    assert "TRIAGE_B" not in os.environ
    assert exit_words(-255) == "killed by signal 255"
