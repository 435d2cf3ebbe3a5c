"""Milliseconds to the first page of a long worklist, its counts and the next case.

`python -m tests.speed.worklist_first_page [ROWS [KIND ...]]`; kinds are `sqlite` and `postgres`.
The rows are written by bulk SQL and without events. Times are medians of 15 warm calls: of the
clock, and of this process's processor (SQLite works within it, PostgreSQL does not).
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from tests.review.team import ANN, GOV
from tests.speed.waiting_cases import SITES, fill
from tests.store.databases import database_url
from tests.store.make import NOON
from triage.review import WorklistFilter, WorklistState, next_case, worklist_counts, worklist_page
from triage.review.policies import SitePolicy, set_site_policy
from triage.store import Store, open_store
from triage.store.fact_checks.worklist_order import order_findings

_CALLS = 15


def measure(kind: str, count: int, folder: Path) -> None:
    """Print the times of one kind of database."""
    with database_url(kind, folder) as url:
        store = open_store(url, create=True)
        start = time.perf_counter()
        fill(store, count)
        print(f"{kind}: {count} waiting cases in {time.perf_counter() - start:.0f} s", flush=True)
        rng = random.Random(0)
        by_state = WorklistFilter(state=WorklistState.STARTED)
        tasks: dict[str, Callable[[], object]] = {
            "first page": lambda: worklist_page(store, ANN, NOON),
            "first page of one site": lambda: _page(store, sources=("ward",)),
            "counts": lambda: worklist_counts(store, ANN, NOON),
            "next case": lambda: next_case(store, ANN, NOON, rng=rng),
            "page of one case by text": lambda: _page(store, text=f"C-{count // 2}"),
            "page of a rare state": lambda: worklist_page(store, ANN, NOON, wanted=by_state),
        }
        for name, task in tasks.items():
            _report(f"{name}, by arrival" if "page" in name else name, task)
        for site in SITES:
            start = time.perf_counter()
            set_site_policy(store, site, SitePolicy(priority_visible=True), GOV)
        print(f"  a policy set in {time.perf_counter() - start:.1f} s")
        for name in ("first page", "first page of one site"):
            _report(f"{name}, by urgency", tasks[name])
        start = time.perf_counter()
        with store.reading() as session:
            assert order_findings(session) == []
        print(f"  fact check in {time.perf_counter() - start:.1f} s", flush=True)
        store.close()


def _page(store: Store, **wanted: object) -> object:
    return worklist_page(store, ANN, NOON, wanted=WorklistFilter(**wanted))  # type: ignore[arg-type]


def _report(name: str, task: Callable[[], object]) -> None:
    task()
    clock, processor = [], []
    for _ in range(_CALLS):
        start, busy = time.perf_counter(), time.process_time()
        task()
        clock.append(time.perf_counter() - start)
        processor.append(time.process_time() - busy)
    print(
        f"  {name}: {1000 * median(clock):.1f} ms ({1000 * median(processor):.1f} ms of this "
        "process)",
        flush=True,
    )


if __name__ == "__main__":
    kinds = sys.argv[2:] or ["sqlite", "postgres"]
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as name:
        for each in kinds:
            measure(each, size, Path(name))
