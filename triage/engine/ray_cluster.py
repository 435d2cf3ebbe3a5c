"""Tasks on a Ray cluster, of this machine or of several."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from triage.engine.attempts import Attempts
from triage.engine.code_version import CodeVersion, code_version
from triage.engine.executor import Executor
from triage.engine.processes import THREAD_VARIABLES
from triage.engine.ray_connection import connect
from triage.engine.task import Task
from triage.engine.worker_calls import call_text, result_of
from triage.errors import EngineError
from triage.progress import Progress, tagged

_START_SECONDS = 120.0
"""How long all workers may take to start, before it is said that none does."""


@dataclass
class _Worker:
    """An actor, the place of the task that it runs, and what is awaited of it."""

    place: int
    actor: Any
    ready: bool = False
    task: int | None = None
    awaited: dict[Any, str] = field(default_factory=dict)


class RayExecutor(Executor):
    """Runs tasks in workers of a Ray cluster, each of which takes one task after another.

    Parameters
    ----------
    workers : int
        Workers at most; as many run as the cluster has cores for.
    threads : int
        Threads of the numerical libraries in each worker, and its cores.
    retries : int
        How often a task is tried again whose worker was killed.
    address : str, optional
        host:port of the head of a cluster. Without it one is started on this machine, on the
        loopback interface, and ended by `close`.

    Raises
    ------
    MissingExtraError
        If Ray is not installed.
    EngineError
        If the address does not answer, or Ray does not start.
    """

    name = "ray"

    def __init__(
        self, workers: int, *, threads: int = 1, retries: int = 2, address: str | None = None
    ) -> None:
        super().__init__(workers)
        self.threads = threads
        self.retries = retries
        self._connection = connect(address, workers * threads)
        self._ray = self._connection.ray
        self._workers: list[_Worker] = []

    def _run(
        self, tasks: Sequence[Task], progress: Progress
    ) -> Generator[tuple[int, Any], None, None]:
        attempts = Attempts(tasks, self.retries)
        remaining, started = len(tasks), time.monotonic()
        try:
            while remaining:
                self._hand_out(attempts, remaining)
                awaited = {ref: worker for worker in self._workers for ref in worker.awaited}
                done, _ = self._ray.wait(list(awaited), timeout=1.0)
                self._check_started(started)
                for ref in done:
                    found = self._received(awaited[ref], ref, attempts, progress)
                    if found is not None:
                        remaining -= 1
                        yield found
        except self._ray.exceptions.RayError as error:
            raise EngineError(
                f"the Ray cluster failed ({type(error).__name__})",
                where="--engine ray",
                hint="The same command goes on from the tasks that are done.",
            ) from error
        finally:
            self._stop([one for one in self._workers if one.task is not None or not one.ready])

    def _hand_out(self, attempts: Attempts, remaining: int) -> None:
        """Start workers that lack, and give each that is idle a task."""
        while len(self._workers) < min(self.workers, remaining):
            self._workers.append(self._start())
        for worker in self._workers:
            if worker.ready and worker.task is None and attempts.waiting:
                worker.task = attempts.waiting.popleft()
                call = call_text(attempts.tasks[worker.task])
                worker.awaited[worker.actor.run.remote(call)] = "answer"
                if "progress" not in worker.awaited.values():
                    worker.awaited[worker.actor.reported.remote()] = "progress"

    def _received(
        self, worker: _Worker, ref: Any, attempts: Attempts, progress: Progress
    ) -> tuple[int, Any] | None:
        """Take what a worker returned; return the place of a task and its result if it is one."""
        if worker not in self._workers:
            return None
        kind = worker.awaited.pop(ref)
        try:
            value = self._ray.get(ref)
        except self._ray.exceptions.RayActorError as error:
            self._lost(worker, attempts, error)
            return None
        except Exception as error:
            # Errors of tasks are answers: what is raised is that the worker has not our code.
            raise EngineError(
                "the worker cannot run this software",
                where="--engine ray",
                hint="Install the same version on every machine, and start the workers again.",
            ) from error
        if kind == "version":
            code_version().check(CodeVersion(*value))
            worker.ready = True
        elif kind == "progress":
            for step in json.loads(value):
                tagged(progress, f"worker {worker.place}")(*step)
            if worker.task is not None:
                worker.awaited[worker.actor.reported.remote()] = "progress"
        else:
            place, worker.task = worker.task, None
            assert place is not None
            return place, result_of(value)
        return None

    def _start(self) -> _Worker:
        from triage.engine.ray_worker import RayWorker

        taken = {worker.place for worker in self._workers}
        place = next(n for n in range(1, self.workers + 1) if n not in taken)
        kind = self._ray.remote(
            num_cpus=self.threads,
            max_restarts=0,  # lost workers are counted here, by the same rule as in processes
            max_task_retries=0,
            concurrency_groups={"progress": 1},
            runtime_env={"env_vars": dict.fromkeys(THREAD_VARIABLES, str(self.threads))},
        )(RayWorker)
        actor = kind.remote()
        return _Worker(place, actor, awaited={actor.version.remote(): "version"})

    def _check_started(self, since: float) -> None:
        if any(worker.ready for worker in self._workers):
            return
        if time.monotonic() - since > _START_SECONDS:
            cores = self._ray.cluster_resources().get("CPU", 0)
            raise EngineError(
                f"no worker has started in {_START_SECONDS:.0f} seconds",
                where="--engine ray",
                hint=f"The cluster has {cores:.0f} cores, and each worker takes {self.threads}.",
            )

    def _lost(self, worker: _Worker, attempts: Attempts, error: Exception) -> None:
        """Remove a worker that has ended; its task waits again."""
        self._stop([worker])
        if worker.task is not None:
            attempts.lost(worker.task, f"Ray: {type(error).__name__}")
        else:
            attempts.lost_idle(f"Ray: {type(error).__name__}", ready=worker.ready)

    def _stop(self, workers: Sequence[_Worker]) -> None:
        """End workers, whatever they do."""
        for worker in workers:
            self._workers.remove(worker)
            with suppress(Exception):  # it may have ended, and the cluster with it
                self._ray.kill(worker.actor, no_restart=True)

    def close(self) -> None:
        """End all workers, and the cluster if it was started here."""
        self._stop(list(self._workers))
        self._connection.close()
