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
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import (
    ColumnElement,
    String,
    case,
    cast,
    func,
    insert,
    literal,
    literal_column,
    select,
    text,
)

from tests.review.team import ANN, GOV
from tests.store.databases import database_url
from tests.store.make import NOON, bundle, opinion
from triage.review import WorklistFilter, WorklistState, next_case, worklist_counts, worklist_page
from triage.review.policies import SitePolicy, set_site_policy
from triage.store import Store, open_store, register_bundle
from triage.store.base import Base, UtcDateTime
from triage.store.fact_checks.worklist_order import order_findings
from triage.store.predictions import _columns
from triage.store.tables import Case, Image, Patient, Prediction
from triage.store.worklist_order import hold_order, set_order
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency

SITES = ("clinic", "practice", "ward")
_CALLS = 15
_MINUTES = 120 * 1440


def fill(store: Store, count: int) -> None:
    """Write waiting cases of three sites, four classes and 120 days."""
    numbers = select(literal(1).label("i")).cte("n", recursive=True)
    numbers = numbers.union_all(select(numbers.c.i + 1).where(numbers.c.i < count))
    i = numbers.c.i
    columns = _columns(opinion(), None)
    urgency = _nth(i * 31 % 101 % 4, [each.value for each in Urgency])
    prediction = {name: columns[name] for name in ("condition", "decision", "created_at")}
    rows: list[tuple[type[Base], dict[str, Any]]] = [
        (Patient, {"id": i, "source": "all", "external_id": _named("P-", i)}),
        (
            Case,
            {"id": i, "patient_id": i, "external_id": _named("C-", i), "groups": {"sex": None}}
            | {"source": _nth(i % 3, SITES), "state": CaseState.INFERRED, "version": 0}
            | {"received_at": _minutes_before_noon(store, i * 1009 % _MINUTES)},
        ),
        (Image, {"case_id": i, "position": 0, "path": "a.png", "root": "/root"}),
        (
            Prediction,
            {"case_id": i, "bundle_id": 1, "recommendation": urgency, "queue_urgency": urgency}
            | prediction,
        ),
    ]
    with store.transaction() as session:
        assert register_bundle(session, bundle()) == 1
        for table, values in rows:
            kinds = {name: getattr(table, name).type for name in values}
            columns_ = [
                each if isinstance(each, ColumnElement) else literal(each, kinds[name])
                for name, each in values.items()
            ]
            query = select(*columns_).select_from(numbers)
            session.execute(insert(table).from_select(list(values), query))
        hold_order(session)
        set_order(session)
    if store.engine.dialect.name == "postgresql":  # as the server does by itself in time
        with store.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(text("VACUUM ANALYZE"))


def _named(prefix: str, number: ColumnElement[int]) -> ColumnElement[str]:
    return literal(prefix, String).op("||")(cast(number, String))


def _nth(place: ColumnElement[int], words: Sequence[str]) -> ColumnElement[str]:
    return case({n: literal_column(f"'{word}'") for n, word in enumerate(words)}, value=place)


def _minutes_before_noon(store: Store, minutes: ColumnElement[int]) -> ColumnElement[datetime]:
    if store.engine.dialect.name == "postgresql":
        return literal(NOON, UtcDateTime) - func.make_interval(0, 0, 0, 0, 0, minutes)
    noon, back = f"{NOON:%Y-%m-%d %H:%M:%S}", literal("-").op("||")(cast(minutes, String))
    moment = func.strftime("%Y-%m-%d %H:%M:%S", noon, back.op("||")(" minutes"))
    return moment.op("||")(".000000")


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
