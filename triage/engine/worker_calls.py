"""What passes between an engine and its workers: JSON text, the same for every engine."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import Any

from triage.engine.code_version import CodeVersion, code_version
from triage.engine.error_messages import error_from_plain, error_to_plain
from triage.engine.task import Task
from triage.progress import Progress

_SECONDS = 0.1


def call_text(task: Task) -> str:
    """Return the text that asks a worker to run a task."""
    version = code_version()
    return json.dumps(
        {
            "version": [version.number, version.sha256],
            "folder": os.getcwd(),
            "task": task.to_json(),
        }
    )


def answer_call(text: str, progress: Progress) -> str:
    """Run the task of a call in this process, and return its result or its error as text.

    The folder of the sender becomes the current one where it exists, so that relative paths mean
    the same.
    """
    try:
        call = json.loads(text)
        CodeVersion(*call["version"]).check(code_version())
        with suppress(OSError):
            os.chdir(call["folder"])
        return json.dumps({"result": Task.from_json(call["task"]).run(rarely(progress))})
    except BaseException as error:  # also an exit: whoever asked gets an answer in every case
        return json.dumps({"error": error_to_plain(error)})


def result_of(answer: str) -> Any:
    """Return the result that an answer has.

    Raises
    ------
    Exception
        The error that it has instead.
    """
    found = json.loads(answer)
    if "error" in found:
        raise error_from_plain(found["error"])
    return found["result"]


def rarely(progress: Progress) -> Progress:
    """Return a function that reports at most ten times a second, and each stage's begin and end."""
    last: tuple[str | None, float] = (None, 0.0)

    def report(stage: str, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if stage != last[0] or done >= total or now - last[1] >= _SECONDS:
            last = stage, now
            progress(stage, done, total)

    return report
