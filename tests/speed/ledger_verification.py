"""Seconds to append, verify and check a ledger: `python -m tests.speed.ledger_verification`.

The first figure is of 100,000 events in the chain alone, the second of a database of as many events
whose predictions and labels are compared with them.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy.orm import Session

from tests.store.databases import database_url
from tests.store.make import bundle, case, opinion
from triage.ledger.keys import make_key
from triage.ledger.verification import verify_chain
from triage.store import (
    LabelSource,
    Store,
    add_case,
    add_label,
    add_prediction,
    append_checkpoint,
    open_store,
    register_bundle,
    verify_ledger,
)
from triage.store.chain_rows import chain_rows
from triage.store.fact_checks.registered import FACT_CHECKS
from triage.store.location import resolve_url
from triage.store.read_connection import read_connection

_CASES_A_TRANSACTION = 1000


def fill(store: Store, count: int) -> int:
    """Append about so many events: three of each case. Return how many."""
    cases = count // 3
    for first in range(0, cases, _CASES_A_TRANSACTION):
        with store.transaction() as session:
            system = register_bundle(session, bundle())
            for number in range(first, min(first + _CASES_A_TRANSACTION, cases)):
                _add(session, system, number)
    return 3 * cases


def _add(session: Session, system: int, number: int) -> None:
    stored = add_case(session, case(f"c{number}"))
    add_prediction(session, stored, system, opinion())
    source = LabelSource.HISTOLOGY
    add_label(session, stored, "acne", source, given_by="Laboratory", ai_visible=False)


def measure(kind: str, count: int, folder: Path) -> None:
    """Print the seconds of one kind of database."""
    with database_url(kind, folder) as url:
        store = open_store(url, create=True)
        start = time.perf_counter()
        filled = fill(store, count)
        print(f"{kind}: {filled} events of cases written in {time.perf_counter() - start:.1f} s")
        store.close()
        key, out = make_key(folder / f"{kind}.key"), folder / f"{kind}.jsonl"
        append_checkpoint(url, key, out)
        for _ in range(3):
            with read_connection(resolve_url(url)) as connection:
                start = time.perf_counter()
                found = verify_chain(chain_rows(connection))
                chain_s = time.perf_counter() - start
                assert found.intact
                start = time.perf_counter()
                with Session(bind=connection) as session:
                    assert [check(session) for check in FACT_CHECKS] == [[] for _ in FACT_CHECKS]
                facts_s = time.perf_counter() - start
            print(f"{kind}: chain of {found.events} events {chain_s:.2f} s, facts {facts_s:.2f} s")
        start = time.perf_counter()
        assert verify_ledger(url, checkpoints=out).intact
        print(f"{kind}: all of it, with checkpoints {time.perf_counter() - start:.2f} s")


if __name__ == "__main__":
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as name:
        for each in ("sqlite", "postgres"):
            measure(each, size, Path(name))
