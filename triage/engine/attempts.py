"""Which tasks wait, and how often the workers of each have ended."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Sequence

from triage.engine.task import Task
from triage.errors import WorkerLost


class Attempts:
    """Places of tasks that wait, in order, and the count of lost workers of each.

    Parameters
    ----------
    tasks : sequence of Task
    retries : int
        How often a task is tried again whose worker ended.
    """

    def __init__(self, tasks: Sequence[Task], retries: int) -> None:
        self.tasks = tasks
        self.retries = retries
        self.waiting = deque(range(len(tasks)))
        self._lost = [0] * len(tasks)
        self._failed_starts = 0

    def lost(self, place: int, how: str) -> None:
        """Count a worker that ended while it ran a task, which then waits again.

        Parameters
        ----------
        place : int
            Of the task.
        how : str
            How the worker ended, such as `killed by SIGKILL`.

        Raises
        ------
        WorkerLost
            If the task was tried as often as it may be.
        """
        self._lost[place] += 1
        count = self._lost[place]
        if count > self.retries:
            what = "its worker" if count == 1 else f"{count} workers one after the other"
            raise WorkerLost(
                f"{what} ended before the task did ({how})",
                where=self.tasks[place].name or self.tasks[place].function,
                hint="If memory ran out, use fewer --workers; the same command goes on from the "
                "tasks that are done.",
            )
        self.waiting.appendleft(place)

    def lost_idle(self, how: str, *, ready: bool) -> None:
        """Count a worker that ended while it had no task.

        Parameters
        ----------
        how : str
        ready : bool
            Whether it had started; one that had is replaced without a limit.

        Raises
        ------
        WorkerLost
            If more workers than a task may lose ended before they had started.
        """
        self._failed_starts += not ready
        if self._failed_starts > self.retries:
            raise WorkerLost(
                f"workers end before they begin ({how})",
                where="--engine",
                hint='A script that uses processes needs if __name__ == "__main__": around its '
                "entry. If memory ran out, use fewer --workers.",
            )


def exit_words(code: int | None) -> str:
    """Return how a process ended, from its exit code; a negative one is a signal's number."""
    if code is None:
        return "no exit code"
    if code < 0:
        try:
            return f"killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"killed by signal {-code}"
    return f"exit code {code}"
