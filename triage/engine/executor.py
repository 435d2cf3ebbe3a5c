"""The interface of every engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any, ClassVar, Self

from triage.engine.result_folder import ResultFolder
from triage.engine.task import Task
from triage.progress import Progress


class Executor(ABC):
    """Runs tasks; used as a context, whose end stops what still runs.

    Parameters
    ----------
    workers : int
        Tasks at once.
    """

    name: ClassVar[str]

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def map(
        self,
        tasks: Sequence[Task],
        *,
        stage: str = "tasks",
        progress: Progress = lambda *_: None,
        results: ResultFolder | None = None,
    ) -> list[Any]:
        """Run tasks and return their results, in the order of the tasks.

        The results depend neither on the engine nor on the number of workers. A task whose worker
        was killed is tried again.

        Parameters
        ----------
        tasks : sequence of Task
        stage : str
            What the tasks are called together; their number done is reported under it.
        progress : callable
            Also gets the progress of each task, tagged with its worker.
        results : ResultFolder, optional
            Tasks with a result there are not run, and results are kept there as they come.

        Raises
        ------
        TriageError
            What a task raised; the others are stopped.
        WorkerLost
            If the workers of one task ended several times.
        EngineError
            If no worker answers, or a worker runs another version.
        """
        kept = [None if results is None else results.get(task) for task in tasks]
        found = {number: one[0] for number, one in enumerate(kept) if one is not None}
        todo = [(number, task) for number, task in enumerate(tasks) if number not in found]
        progress(stage, len(found), len(tasks))
        if not todo:
            return [found[number] for number in range(len(tasks))]
        # Closed at once when anything is raised here, so that nothing runs on.
        with closing(self._run([task for _, task in todo], progress)) as finished:
            for place, result in finished:
                number, task = todo[place]
                if results is not None:
                    results.put(task, result)
                found[number] = result
                progress(stage, len(found), len(tasks))
        return [found[number] for number in range(len(tasks))]

    @abstractmethod
    def _run(
        self, tasks: Sequence[Task], progress: Progress
    ) -> Generator[tuple[int, Any], None, None]:
        """Yield the place of each task and its result, as they finish.

        When it is closed before its end, the tasks that still run are stopped.
        """

    def close(self) -> None:  # noqa: B027
        """Stop what still runs; nothing, where tasks end with `map`."""
