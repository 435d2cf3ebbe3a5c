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
from datetime import timedelta
from pathlib import Path
from statistics import median

from sqlalchemy import insert, text

from tests.review.team import ANN, GOV
from tests.store.databases import database_url
from tests.store.make import NOON, bundle, opinion
from triage.review import WorklistFilter, WorklistState, next_case, worklist_counts, worklist_page
from triage.review.policies import SitePolicy, set_site_policy
from triage.store import Store, open_store, register_bundle
from triage.store.fact_checks.worklist_order import order_findings
from triage.store.predictions import _columns
from triage.store.tables import Case, Image, Patient, Prediction
from triage.store.worklist_order import hold_order, set_order
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency

SITES = ("clinic", "practice", "ward")
_CHUNK = 20_000
_CALLS = 15


def fill(store: Store, count: int) -> None:
    """Write waiting cases of three sites, four classes and 120 days."""
    rng = random.Random(0)
    columns = {urgency: _columns(opinion(urgency), None) for urgency in Urgency}
    case = {"groups": {"skin_type": "III"}, "state": CaseState.INFERRED, "version": 0}
    image = {"position": 0, "path": "a.png", "root": "/root", "sha256": "a" * 64, "flags": []}
    with store.transaction() as session:
        assert register_bundle(session, bundle()) == 1
        for begin in range(1, count + 1, _CHUNK):
            numbers = range(begin, min(begin + _CHUNK, count + 1))
            session.execute(
                insert(Patient),
                [{"id": n, "source": "all", "external_id": f"P-{n}"} for n in numbers],
            )
            session.execute(
                insert(Case),
                [
                    {"id": n, "external_id": f"C-{n}", "source": SITES[n % 3], "patient_id": n}
                    | {"received_at": NOON - timedelta(minutes=rng.randrange(120 * 1440)), **case}
                    for n in numbers
                ],
            )
            session.execute(insert(Image), [{"case_id": n, **image} for n in numbers])
            session.execute(
                insert(Prediction),
                [
                    {"case_id": n, "bundle_id": 1, **columns[rng.choice(list(Urgency))]}
                    for n in numbers
                ],
            )
        hold_order(session)
        set_order(session)
    if store.engine.dialect.name == "postgresql":  # as the server does by itself in time
        with store.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(text("VACUUM ANALYZE"))


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
