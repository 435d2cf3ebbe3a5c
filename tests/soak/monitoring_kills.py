"""Runs of monitoring killed by SIGKILL at every boundary of their steps, and at random moments.

    python -m tests.soak monitoring_kills [RANDOM [SEED [SECONDS]]]

A stream comes in three parts, and monitoring runs after each, in a process of its own. That process
is killed before and after each boundary (a part's answer is kept, the run and its alarms are
stored, a file is written), and RANDOM times (by default 10) at a moment drawn from the time that an
undisturbed run takes. After each kill the same command is given again. The result and the alarms
must be those of the undisturbed runs, each alarm must be there once, and the rows of monitoring
must follow from their events. Each process must have ended by SIGKILL: a random moment that came
after the end of the run is drawn again, earlier.

Boundaries are taken in a random order of the seed, and none is begun after SECONDS (by default
400); how many were made is printed.
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

BOUNDARIES: tuple[tuple[Any, str], ...] = (
    (ResultFolder, "put"),
    (module, "add_monitoring_run"),
    (module, "raise_alarms"),
    (Store, "write"),
    (module, "whole_file"),
    (module, "write_state"),
)
"""Functions around which the process is killed: before they are called, and after they returned."""
PATIENCE = 300.0
"""Seconds within which a run must end."""
TRIES = 6
"""Random moments of one kill, each half as late as the one before."""
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
    """Run monitoring in this process, and kill it at a boundary; 0 kills nowhere.

    The number of boundaries that were crossed is written to `crossed` beside the database.
    """
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
    (run / "crossed").write_text(str(crossed))


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
    child.join(PATIENCE)
    assert child.exitcode is not None, "the run has not ended"
    return child.exitcode


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
            kill(work, run, *kills[part % len(kills)])
        assert in_child(work, run) == 0
    return outcome(run)


def kill(work: Path, run: Path, kill_at: int, after: float | None) -> None:
    """Kill a run at a boundary or after some seconds; it must have ended by the signal.

    A part has fewer boundaries where it raises no alarm; then the last one is taken.
    """
    if after is None:
        for _ in range(TRIES):
            code = in_child(work, run, kill_at)
            if code != 0:
                break
            last = int((run / "crossed").read_text())
            assert kill_at > last, f"boundary {kill_at} of {last} did not kill"
            kill_at = last  # a run that is repeated has fewer
        assert code == -signal.SIGKILL, f"boundary {kill_at} ended with {code}"
        return
    for _ in range(TRIES):
        code = in_child(work, run, after=after)
        if code == -signal.SIGKILL:
            return
        assert code == 0, f"a run ended with {code}"
        after /= 2
    raise AssertionError("no run was killed at a random moment")


def run_kills(
    work: Path, n_random: int, seed: int = 0, seconds: float = 400.0
) -> tuple[int, int, int]:
    """Kill at boundaries and at random; how many of each were compared, and boundaries there are.

    Boundaries come first, in the order that the seed draws, for two thirds of the time.
    """
    began = time.monotonic()
    prepare(work / "data")
    wanted, took = undisturbed(work / "data", work / "calm")
    assert wanted[1], "the stream raises alarms"
    assert wanted[2] == [], wanted[2]
    n_boundaries = int((work / "calm" / "crossed").read_text())
    random_ = random.Random(seed)
    order = random_.sample(range(1, n_boundaries + 1), n_boundaries)
    done = [0, 0]
    boundaries: list[list[tuple[int, float | None]]] = [[(number, None)] for number in order]
    moments: list[list[tuple[int, float | None]]] = [
        [(0, random_.uniform(0, took)) for _ in range(3)] for _ in range(n_random)
    ]
    for kind, ways, until in ((0, boundaries, seconds * 2 / 3), (1, moments, seconds)):
        for way in ways:
            if time.monotonic() - began > until and done[kind]:
                break
            found = killed(work / "data", work / "run", list(way))
            assert found == wanted, f"other results after {way}"
            done[kind] += 1
    return done[0], done[1], n_boundaries


def main() -> None:
    """Run it, with the options of the command line."""
    n_random = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 400.0
    with tempfile.TemporaryDirectory() as folder:
        at, at_random, there = run_kills(Path(folder), n_random, seed, seconds)
    print(
        f"three runs each, killed at {at} of {there} boundaries and {at_random} times at random, "
        "and repeated: results and alarms are the same"
    )


if __name__ == "__main__":
    main()
