"""Jobs in parallel processes, with their progress, results and errors.

A pool of `concurrent.futures` leaves its processes running when its owner is killed, and cannot
stop a job that has begun. Here every job is a process with a pipe: a job whose pipe is closed stops
at its next report, and all are stopped as soon as one fails or the user interrupts.
"""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Generic, TypeVar

from triage.errors import TriageError, UsageError
from triage.progress import Progress, tagged

T = TypeVar("T")
Job = Callable[[Progress], T]
_Progress = tuple[str, int, int]
_THREADS = "OMP_NUM_THREADS"
"""The number of threads of numpy, scikit-learn and torch, which they read when imported."""


@dataclass(frozen=True)
class _Running:
    """A job's index, its slot, and its process."""

    number: int
    place: int
    process: SpawnProcess


@dataclass(frozen=True)
class _Done(Generic[T]):
    value: T


def run_parallel(
    jobs: Sequence[Job[T]],
    workers: int,
    *,
    threads: int,
    report: Progress,
    finished: Callable[[int], None],
) -> list[T]:
    """Run jobs in processes, `workers` at a time.

    Parameters
    ----------
    jobs : sequence of callable
        Each takes a function for its progress. It, what it carries and what it returns must
        survive the way into another process and back.
    workers : int
    threads : int
        Of each process.
    report : callable
        Stages are tagged with the place of the process among the `workers`.
    finished : callable
        Called with how many jobs are done.

    Returns
    -------
    list
        Results of the jobs, in their order.

    Raises
    ------
    TriageError
        The one that a job raised, or a `UsageError` if a process ended without a word.
    Exception
        Any other exception of a job, with the traceback of its process as a note.
    """
    context = get_context("spawn")
    waiting = list(enumerate(jobs))[::-1]
    free = list(range(workers, 0, -1))
    running: dict[Connection, _Running] = {}
    results: dict[int, T] = {}
    try:
        while waiting or running:
            while waiting and free:
                number, job = waiting.pop()
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(target=_work, args=(job, theirs), daemon=True)
                with _environment(_THREADS, str(threads)):
                    process.start()
                theirs.close()  # else its end would not be seen here
                running[ours] = _Running(number, free.pop(), process)
            for pipe in wait(list(running)):
                assert isinstance(pipe, Connection)
                one = running[pipe]
                message: _Done[T] | _Progress = _received(pipe, one.process)
                if isinstance(message, _Done):
                    results[one.number] = message.value
                    one.process.join()
                    free.append(one.place)
                    del running[pipe]
                    finished(len(results))
                else:
                    tagged(report, f"process {one.place}")(*message)
    finally:
        for one in running.values():
            one.process.terminate()
        for pipe, one in running.items():
            one.process.join()
            pipe.close()
    return [results[number] for number in range(len(jobs))]


def _received(pipe: Connection, process: SpawnProcess) -> _Done[T] | _Progress:
    try:
        message: BaseException | _Done[T] | _Progress = pipe.recv()
    except EOFError:
        process.join()
        raise UsageError(
            f"a process ended before its work (exit code {process.exitcode})",
            where="--workers",
            hint="If memory ran out, use fewer; the same command resumes the run.",
        ) from None
    if isinstance(message, BaseException):
        raise message
    return message


def _work(job: Job[T], pipe: Connection) -> None:
    """Run a job, in its process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started us hears it, and stops us

    def report(stage: str, done: int, total: int) -> None:
        try:
            pipe.send((stage, done, total))
        except OSError:  # nobody is there any more; nothing must take this for its own trouble
            os._exit(1)

    try:
        pipe.send(_Done(job(report)))
    except Exception as error:
        if not isinstance(error, TriageError):
            error.add_note("".join(traceback.format_exception(error)))
        pipe.send(error)


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """Set a variable for the processes that are started in the context."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
