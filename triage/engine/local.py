"""Tasks in this process, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from triage.engine.executor import Executor
from triage.engine.task import Task
from triage.progress import Progress


class LocalExecutor(Executor):
    """Runs tasks in this process."""

    name = "local"

    def _run(self, tasks: Sequence[Task], progress: Progress) -> Iterator[tuple[int, Any]]:
        for place, task in enumerate(tasks):
            yield place, task.run(progress)
