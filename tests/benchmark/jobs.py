"""Jobs for processes of their own; here, so that those can find them by name."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from triage.benchmark.parallel_jobs import run_parallel
from triage.errors import SpecError, UsageError
from triage.progress import Progress


@dataclass(frozen=True)
class Square:
    """Waits for a while, says so, and squares."""

    number: int
    seconds: float = 0.0

    def __call__(self, report: Progress) -> tuple[int, int, str]:
        time.sleep(self.seconds)
        report("squaring", self.number, 10)
        return self.number**2, os.getpid(), os.environ["OMP_NUM_THREADS"]


@dataclass(frozen=True)
class Refuses:
    """Waits for another job's file in a folder, and refuses."""

    folder: Path

    def __call__(self, report: Progress) -> tuple[int, int, str]:
        while not list(self.folder.iterdir()):
            time.sleep(0.05)
        raise SpecError("holds nothing", where="the spec", hint="Fill it.", problems=("no case",))


@dataclass(frozen=True)
class Breaks:
    def __call__(self, report: Progress) -> tuple[int, int, str]:
        return 1 // 0, 0, ""


@dataclass(frozen=True)
class Dies:
    def __call__(self, report: Progress) -> tuple[int, int, str]:
        os._exit(7)


@dataclass(frozen=True)
class Endless:
    """Writes the number of its process into a folder and goes on until it is stopped."""

    folder: Path

    def __call__(self, report: Progress) -> tuple[int, int, str]:
        (self.folder / str(os.getpid())).touch()
        for number in range(1200):
            time.sleep(0.05)
            report("waiting", number, 1200)
        raise UsageError("nobody stopped this job")


def wait_in(folder: Path) -> None:
    """Two endless jobs, as a program would run them."""
    run_parallel(
        [Endless(folder), Endless(folder)],
        2,
        threads=1,
        report=lambda *_: None,
        finished=lambda _: None,
    )
