"""Functions of tasks; here, so that workers find them by name."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from triage.engine import Task, task_function
from triage.errors import ImageRejected, RejectReason, SpecError, UsageError
from triage.progress import Progress

HERE = "tests.engine.functions"


def task(function: Any, name: str = "", **arguments: Any) -> Task:
    """A task of a function of this module."""
    return Task(f"{HERE}:{function.__name__}", arguments, name)


@task_function
def square(*, number: int, progress: Progress, seconds: float = 0.0) -> dict[str, Any]:
    """Wait, report, and square."""
    time.sleep(seconds)
    progress("squaring", number, 10)
    threads = os.environ.get("OMP_NUM_THREADS")
    return {"square": number**2, "process": os.getpid(), "threads": threads}


@task_function
def harmonic(*, first: int, last: int, progress: Progress) -> dict[str, Any]:
    """A sum of fractions, whose last digits depend on the order of additions."""
    return {"sum": sum(1 / n for n in range(first, last)), "from": (first, last)}


@task_function
def counted(*, number: int, folder: str, progress: Progress) -> int:
    """Leave a file for every attempt, and double."""
    place = Path(folder) / f"{number}-{time.monotonic_ns()}"
    place.touch()
    return 2 * number


@task_function
def killed_first(*, number: int, folder: str, progress: Progress) -> int:
    """End the own process by SIGKILL on the first attempt; succeed on the second."""
    mark = Path(folder) / f"began-{number}"
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number


@task_function
def always_ends(*, code: int, progress: Progress) -> None:
    """End the own process."""
    os._exit(code)


@task_function
def refuses(*, folder: str, progress: Progress) -> None:
    """Wait for another task's file in a folder, and refuse."""
    while not list(Path(folder).iterdir()):
        time.sleep(0.02)
    raise SpecError("holds nothing", where="the spec", hint="Fill it.", problems=("no case",))


@task_function
def rejects(*, progress: Progress) -> None:
    """Reject an image."""
    raise ImageRejected(RejectReason.TRUNCATED, "ends early", where="a.png", sha256="ab" * 32)


@task_function
def breaks(*, progress: Progress) -> float:
    """Divide by zero: a defect."""
    return 1 / 0


@task_function
def not_json(*, progress: Progress) -> Any:
    """Return what is not JSON."""
    return Path("a")


@task_function
def endless(*, folder: str, progress: Progress, reports: bool = True) -> None:
    """Write the number of the own process into a folder and go on until stopped."""
    (Path(folder) / str(os.getpid())).touch()
    for number in range(1200):
        time.sleep(0.05)
        if reports:
            progress("waiting", number, 1200)
    raise UsageError("nobody stopped this task")


@task_function(thread_safe=True)
def in_a_thread(*, number: int, folder: str, progress: Progress) -> int:
    """Return when two such tasks have begun: only if they run at once."""
    (Path(folder) / str(number)).touch()
    end = time.monotonic() + 20
    while len(list(Path(folder).iterdir())) < 2 and time.monotonic() < end:
        time.sleep(0.01)
    return len(list(Path(folder).iterdir()))


def unmarked(*, progress: Progress) -> None:
    """Not for tasks."""


@task_function
def prints(*, progress: Progress) -> str:
    """Print to standard output."""
    print("from a task", flush=True)
    return "printed"
