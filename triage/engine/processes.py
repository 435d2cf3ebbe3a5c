"""Tasks in several processes of this machine.

A pool of `concurrent.futures` leaves its processes running when its owner is killed, cannot stop
a task that has begun, and gives up when one process is killed. Here each worker is a process with
a pipe: it ends when its owner does, it is stopped as soon as a task fails or the user interrupts,
and a killed one is replaced.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from triage.engine.attempts import Attempts, exit_words
from triage.engine.environment_variables import environment_variables
from triage.engine.executor import Executor
from triage.engine.process_worker import PROGRESS, READY, run_worker
from triage.engine.task import Task
from triage.engine.worker_calls import call_text, result_of
from triage.progress import Progress, tagged

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""The number of threads of numpy, scikit-learn and torch, which they read when imported."""
_SECONDS = 5.0
"""How long a worker that was asked to end may take before it is killed."""


@dataclass
class _Worker:
    """A process, and the place of the task that it runs."""

    place: int
    process: SpawnProcess
    pipe: Connection
    ready: bool = False
    task: int | None = None


class ProcessExecutor(Executor):
    """Runs tasks in processes that are started once and take one task after another.

    A script that uses it must guard its entry by `if __name__ == "__main__":`, because each
    process imports the script again.

    Parameters
    ----------
    workers : int
        Processes at most.
    threads : int
        Threads of the numerical libraries in each.
    retries : int
        How often a task is tried again whose process was killed.
    """

    name = "processes"

    def __init__(self, workers: int, *, threads: int = 1, retries: int = 2) -> None:
        super().__init__(workers)
        self.threads = threads
        self.retries = retries
        self._context = get_context("spawn")
        self._workers: list[_Worker] = []

    def _run(
        self, tasks: Sequence[Task], progress: Progress
    ) -> Generator[tuple[int, Any], None, None]:
        attempts = Attempts(tasks, self.retries)
        remaining = len(tasks)
        try:
            while remaining:
                self._hand_out(attempts, remaining)
                for pipe in wait([worker.pipe for worker in self._workers]):
                    worker = next(one for one in self._workers if one.pipe is pipe)
                    done = self._received(worker, attempts, progress)
                    if done is not None:
                        remaining -= 1
                        yield done
        finally:
            self._stop([worker for worker in self._workers if worker.task is not None])

    def _hand_out(self, attempts: Attempts, remaining: int) -> None:
        """Start workers that lack, and give each that is idle a task."""
        while len(self._workers) < min(self.workers, remaining):
            self._workers.append(self._start())
        for worker in [one for one in self._workers if one.ready and one.task is None]:
            if not attempts.waiting:
                return
            worker.task = attempts.waiting.popleft()
            try:
                worker.pipe.send_bytes(call_text(attempts.tasks[worker.task]).encode())
            except OSError:
                self._lost(worker, attempts)

    def _received(
        self, worker: _Worker, attempts: Attempts, progress: Progress
    ) -> tuple[int, Any] | None:
        """Take one message of a worker; return the place of a task and its result if it is one."""
        try:
            message = worker.pipe.recv_bytes()
        except (EOFError, OSError):
            self._lost(worker, attempts)
            return None
        kind, text = message[:1], message[1:].decode()
        if kind == READY:
            worker.ready = True
        elif kind == PROGRESS:
            tagged(progress, f"worker {worker.place}")(*json.loads(text))
        else:
            place, worker.task = worker.task, None
            assert place is not None
            return place, result_of(text)
        return None

    def _start(self) -> _Worker:
        taken = {worker.place for worker in self._workers}
        place = next(n for n in range(1, self.workers + 1) if n not in taken)
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=run_worker, args=(theirs,), daemon=True, name=f"worker {place}"
        )
        with environment_variables(dict.fromkeys(THREAD_VARIABLES, str(self.threads))):
            process.start()
        theirs.close()  # else its end would not be seen here
        return _Worker(place, process, ours)

    def _lost(self, worker: _Worker, attempts: Attempts) -> None:
        """Remove a worker that has ended; its task waits again."""
        worker.process.join(_SECONDS)  # its pipe closes a moment before it ends
        self._stop([worker])
        how = exit_words(worker.process.exitcode)
        if worker.task is not None:
            attempts.lost(worker.task, how)
        else:
            attempts.lost_idle(how, ready=worker.ready)

    def _stop(self, workers: Sequence[_Worker]) -> None:
        """End workers, whatever they do."""
        for worker in workers:
            self._workers.remove(worker)
            worker.process.terminate()
        for worker in workers:
            worker.process.join(_SECONDS)
            if worker.process.exitcode is None:
                worker.process.kill()
                worker.process.join()
            worker.pipe.close()

    def close(self) -> None:
        """End all workers."""
        self._stop(list(self._workers))
