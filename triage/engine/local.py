"""Tasks in this process: one after the other, or several in threads."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

from triage.engine.executor import Executor
from triage.engine.task import Task
from triage.progress import Progress


class LocalExecutor(Executor):
    """Runs tasks in this process.

    Tasks run one after the other. Tasks of functions that are marked as safe in threads run in as
    many threads as there are workers. Numerical libraries keep the number of threads that they
    have in this process.

    Parameters
    ----------
    workers : int
        Threads, for tasks that are safe in them.
    """

    name = "local"

    def _run(
        self, tasks: Sequence[Task], progress: Progress
    ) -> Generator[tuple[int, Any], None, None]:
        if self.workers > 1 and len(tasks) > 1 and all(task.is_thread_safe() for task in tasks):
            yield from self._run_in_threads(tasks, progress)
            return
        for place, task in enumerate(tasks):
            yield place, task.run(progress)

    def _run_in_threads(
        self, tasks: Sequence[Task], progress: Progress
    ) -> Generator[tuple[int, Any], None, None]:
        pool = ThreadPoolExecutor(min(self.workers, len(tasks)))
        try:
            places = {pool.submit(task.run, progress): n for n, task in enumerate(tasks)}
            for done in as_completed(places):
                yield places[done], done.result()
        finally:  # what has begun cannot be stopped in a thread; what has not is dropped
            pool.shutdown(wait=True, cancel_futures=True)
