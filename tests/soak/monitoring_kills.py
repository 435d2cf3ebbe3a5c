"""Runs of monitoring killed by SIGKILL at every boundary of their steps, and at random moments.

    python -m tests.soak monitoring_kills [RANDOM [SEED]]

A stream comes in three parts, and monitoring runs after each, in a process of its own. That process
is killed before and after each boundary (a part's answer is kept, the run and its alarms are
stored, a file is written), and RANDOM times (by default 30) at a moment drawn from the time that an
undisturbed run takes. After each kill the same command is given again. The result and the alarms
must be those of the undisturbed runs, each alarm must be there once, and the rows of monitoring
must follow from their events.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.monitoring.plans import OOD, plan, rate
from tests.monitoring.stream_maker import BEGIN, DayOfCases, add_days, make_bundle
from triage.engine import ResultFolder
from triage.monitoring import run_monitoring as module
from triage.monitoring.monitoring_plan import BaselineCases, DriftPlan
from triage.monitoring.plan_file import write_monitoring_plan
from triage.store import Store, open_store
from triage.store.fact_checks.monitoring import monitoring_findings
from triage.vocabulary.monitoring import ChartKind

MOST = 400
BOUNDARIES: tuple[tuple[Any, str], ...] = (
    (ResultFolder, "put"),
    (module, "add_monitoring_run"),
    (module, "raise_alarms"),
    (Store, "write"),
    (module, "whole_file"),
    (module, "write_state"),
)
"""Functions around which the process is killed: before they are called, and after they returned."""
PROCESSES = multiprocessing.get_context("fork")


def prepare(work: Path, per_day: int = 40) -> None:
    """Write a plan, and a database with the first part of a stream."""
    work.mkdir(parents=True)
    store = open_store(f"sqlite:///{work / 'cases.db'}", create=True)
    make_bundle(store)
    write_monitoring_plan(
        plan(
            charts=(OOD, ChartKind.ABSTENTION_RATE, ChartKind.INPUT_DRIFT),
            rates=(rate(), rate(ChartKind.ABSTENTION_RATE, p0=0.06, p1=0.12)),
            baseline=BaselineCases(
                begin=BEGIN, end=BEGIN + timedelta(days=7),
                stored_until=BEGIN + timedelta(days=9000), n_cases=7 * per_day,
            ),
            drift=DriftPlan(columns=("age",)),
        ),
        work / "plan.yaml",
    )  # fmt: skip
    add_days(store, 1, [DayOfCases(range(9), per_day)], seed=0)
    store.close()


def monitor(work: Path, run: Path, kill_at: int = 0) -> None:
    """Run monitoring in this process, and kill it at a boundary; 0 kills nowhere."""
    crossed = 0

    def crossing() -> None:
        nonlocal crossed
        crossed += 1
        if crossed == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    for place, name in BOUNDARIES:
        setattr(place, name, _around(getattr(place, name), crossing))
    store = open_store(f"sqlite:///{run / 'cases.db'}")
    module.run_monitoring(store, run / "out", plan=work / "plan.yaml")
    store.close()


def _around(function: Callable[..., Any], crossing: Callable[[], None]) -> Callable[..., Any]:
    def called(*given: Any, **named: Any) -> Any:
        crossing()
        answer = function(*given, **named)
        crossing()
        return answer

    return called


def in_child(work: Path, run: Path, kill_at: int = 0, after: float | None = None) -> int:
    """Run in a process of its own, killed at a boundary or after some seconds; its exit code."""
    child = PROCESSES.Process(target=monitor, args=(work, run, kill_at))
    child.start()
    if after is not None:
        time.sleep(after)
        if child.pid is not None and child.is_alive():
            os.kill(child.pid, signal.SIGKILL)
    child.join()
    return child.exitcode or 0


def outcome(run: Path) -> tuple[Any, ...]:
    """Charts, alarms without the time at which they were raised, and what does not follow."""
    from triage.monitoring.monitoring_result import MonitoringResult

    result = MonitoringResult.model_validate_json((run / "out" / "monitoring.json").read_bytes())
    store = open_store(f"sqlite:///{run / 'cases.db'}")
    with store.reading() as session:
        findings = monitoring_findings(session)
    store.close()
    alarms = [one.model_dump(exclude={"raised_at"}) for one in result.alarms]
    return result.charts, alarms, findings


def add_part(run: Path, part: int) -> None:
    """Give the database of a run the cases of the next part, with what monitoring wrote in it."""
    store = open_store(f"sqlite:///{run / 'cases.db'}")
    days = range(9 * part, 9 * part + 9)
    add_days(store, 1, [DayOfCases(days, 40, ood=0.2, age=50 + 10 * part)], seed=part)
    store.close()


def undisturbed(work: Path, run: Path) -> tuple[tuple[Any, ...], float]:
    """Three runs after three parts; what comes of them, and how long the last one took."""
    begin(work, run)
    took = 0.0
    for part in range(3):
        if part:
            add_part(run, part)
        started = time.monotonic()
        assert in_child(work, run) == 0
        took = time.monotonic() - started
    return outcome(run), took


def begin(work: Path, run: Path) -> None:
    """A fresh run with the first part."""
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir()
    shutil.copy(work / "cases.db", run / "cases.db")


def killed(work: Path, run: Path, kills: list[tuple[int, float | None]]) -> tuple[Any, ...]:
    """Three runs after three parts, of which each is killed in a way given before it goes on."""
    begin(work, run)
    for part in range(3):
        if part:
            add_part(run, part)
        if kills:
            in_child(work, run, *kills[part % len(kills)])
        assert in_child(work, run) == 0
    return outcome(run)


def run_kills(work: Path, n_boundaries: int, n_random: int, seed: int = 0) -> int:
    """Kill at boundaries and at random; return how many sequences were compared."""
    prepare(work / "data")
    wanted, took = undisturbed(work / "data", work / "calm")
    assert wanted[1], "the stream raises alarms"
    assert wanted[2] == [], wanted[2]
    random_ = random.Random(seed)
    ways: list[list[tuple[int, float | None]]] = [
        [(number, None)] for number in range(1, n_boundaries + 1)
    ]
    ways += [[(0, random_.uniform(0, took)) for _ in range(3)] for _ in range(n_random)]
    for way in ways:
        found = killed(work / "data", work / "run", way)
        assert found == wanted, f"other results after {way}"
    return len(ways)


def main() -> None:
    """Run it, with the options of the command line."""
    n_random = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    with tempfile.TemporaryDirectory() as folder:
        done = run_kills(Path(folder), 40, n_random, seed)
    print(f"{done} sequences of three runs, killed and repeated: results and alarms are the same")


if __name__ == "__main__":
    main()
