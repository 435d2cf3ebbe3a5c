"""How the time of scoring, ingest, audit and monitoring grows with the number of cases.

    python -m tests.speed.growth_with_cases [CASES]

Each is measured at CASES, twice and four times as many, on one core and with one worker: seconds,
cases an hour, and the exponent of a power law through the three (1 is linear). Ingest and
monitoring use SQLite.
"""

from __future__ import annotations

import math
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.intake.make_scored import repeated_folder
from tests.monitoring.stream_maker import DayOfCases, add_days, make_bundle
from tests.speed.audit_speed import make_plan as audit_plan
from tests.speed.audit_speed import make_table
from tests.tiny import TinyBundle, train_tiny, write_resnet
from triage.auditing.run import measure_audit
from triage.data.dataset import Dataset, load_dataset
from triage.data.spec_files import load_spec, shipped_spec
from triage.intake.ingest_dataset import ingest_dataset
from triage.monitoring.make_plan import PlanRequest, make_plan
from triage.monitoring.plan_file import write_monitoring_plan
from triage.monitoring.run_monitoring import run_monitoring
from triage.phantoms.skin import write_phantoms
from triage.store import open_store
from triage.systems.bundle import load_system

STEPS = (1, 2, 4)
WIDTH = 128
PER_DAY = 250


def measure(name: str, base: int, work: Callable[[int], float]) -> None:
    """Print seconds and cases an hour for each size, and how they grow."""
    took = {step * base: work(step * base) for step in STEPS}
    for cases, seconds in took.items():
        print(
            f"{name:<12}{cases:>9,} cases {seconds:8.2f} s {cases / seconds * 3600:>14,.0f} an hour"
        )
    (first, few), (last, many) = min(took.items()), max(took.items())
    exponent = math.log(many / few) / math.log(last / first)
    print(f"{name:<12}grows with the number of cases to the power of {exponent:.2f}", flush=True)


def scoring(bundle: TinyBundle, dataset: Dataset) -> Callable[[int], float]:
    """Phantoms of 128 px, each decoded and embedded anew, by a small network."""
    system, _ = load_system(bundle.folder)
    known = list(dataset.cases)

    def work(cases: int) -> float:
        chosen = [known[place % len(known)] for place in range(cases)]
        begin = time.perf_counter()
        for start in range(0, cases, len(known)):
            system.score(chosen[start : start + len(known)], None)
        return time.perf_counter() - begin

    return work


def ingest(folder: Path, bundle: TinyBundle, dataset: Dataset) -> Callable[[int], float]:
    """New cases with one image and a vector each."""
    system, _ = load_system(bundle.folder)
    cases = dataset.of_split("test")
    scored = system.score(cases, None)
    root = cases[0].root

    def work(count: int) -> float:
        place = folder / f"ingest{count}"
        repeated_folder(place, bundle.folder, cases, scored, count, root=root)
        store = open_store(f"sqlite:///{folder / f'ingest{count}.db'}", create=True)
        begin = time.perf_counter()
        ingest_dataset(store, place)
        took = time.perf_counter() - begin
        store.close()
        return took

    return work


def audit(cases: int) -> float:
    """Twenty metrics over eight axes, of so many cases that intervals follow from influence."""
    table = make_table(cases, cases // 3)
    begin = time.perf_counter()
    measure_audit(table, audit_plan(), analyses=False)
    return time.perf_counter() - begin


def monitoring(folder: Path) -> Callable[[int], float]:
    """A plan from the first tenth of a stream, and a run over all of it."""

    def work(cases: int) -> float:
        place = folder / f"monitoring{cases}"
        place.mkdir()
        store = open_store(f"sqlite:///{place / 'triage.db'}", create=True)
        bundle = make_bundle(store)
        add_days(store, bundle, [DayOfCases(range(cases // PER_DAY), PER_DAY)], vectors=64)
        begin = time.perf_counter()
        with store.reading() as session:
            made = make_plan(session, PlanRequest(n_cases=cases // 10))
        write_monitoring_plan(made.plan, place / "plan.yaml")
        run_monitoring(store, place / "out", plan=place / "plan.yaml")
        took = time.perf_counter() - begin
        store.close()
        return took

    return work


def main(cases: int = 5_000) -> None:
    """Measure all four."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        root = folder / "phantoms"
        write_phantoms(root, 200, 0, size=WIDTH, rare_fraction=0.4)
        dataset = load_dataset(load_spec(shipped_spec("derm_phantoms")), root)
        bundle = train_tiny(
            dataset, write_resnet(folder / "resnet"), folder / "bundle", folder / "cache"
        )
        measure("scoring", cases // 10, scoring(bundle, dataset))
        measure("ingest", cases, ingest(folder, bundle, dataset))
        measure("audit", 50 * cases, audit)
        measure("monitoring", 5 * cases, monitoring(folder))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
