"""Seconds to append, verify and check a ledger.

`python -m tests.speed.ledger_verification [EVENTS [KIND ...]]`; kinds are `sqlite` and `postgres`.
The first figure is of 100,000 events in the chain alone, the second of a database of as many events
whose predictions and labels are compared with them.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import insert
from sqlalchemy.orm import Session

from tests.store.databases import database_url
from tests.store.make import NOON, bundle, opinion
from triage.ledger.events.case_events import CaseReceived, CaseScored
from triage.ledger.events.label_events import LabelAdded
from triage.ledger.keys import make_key
from triage.ledger.verification import verify_chain
from triage.store import (
    LabelSource,
    Store,
    append_checkpoint,
    append_event,
    open_store,
    register_bundle,
    verify_ledger,
)
from triage.store.chain_rows import chain_rows
from triage.store.fact_checks.registered import FACT_CHECKS
from triage.store.location import resolve_url
from triage.store.predictions import _columns, prediction_sha256
from triage.store.read_connection import read_connection
from triage.store.tables import Case, Label, Patient, Prediction
from triage.vocabulary.case_states import CaseState


def fill(store: Store, count: int) -> int:
    """Append about so many events: three of each case. Return how many."""
    cases = count // 3
    decided = opinion()
    sha256 = prediction_sha256(decided, None)
    with store.transaction() as session:
        system = register_bundle(session, bundle())
        patient = Patient(source="clinic", external_id="p")
        session.add(patient)
        session.flush()
        numbers = range(1, cases + 1)
        session.execute(insert(Case), [_case(number, patient.id) for number in numbers])
        columns = _columns(decided, None)
        session.execute(
            insert(Prediction),
            [{"id": n, "case_id": n, "bundle_id": system, **columns} for n in numbers],
        )
        session.execute(insert(Label), [_label(number) for number in numbers])
        for number in numbers:
            append_event(session, CaseReceived(1), case_id=number)
            append_event(session, CaseScored(system, number, sha256), case_id=number)
            added = LabelAdded(number, "acne", LabelSource.HISTOLOGY, False, None)
            append_event(session, added, actor="Laboratory", case_id=number)
    return 3 * cases


def _case(number: int, patient: int) -> dict[str, object]:
    return {
        "id": number,
        "external_id": f"c{number}",
        "source": "clinic",
        "patient_id": patient,
        "groups": {},
        "received_at": NOON,
        "state": CaseState.INFERRED,
    }


def _label(number: int) -> dict[str, object]:
    return {
        "id": number,
        "case_id": number,
        "condition": "acne",
        "source": LabelSource.HISTOLOGY,
        "given_by": "Laboratory",
        "ai_visible": False,
        "created_at": NOON,
    }


def measure(kind: str, count: int, folder: Path) -> None:
    """Print the seconds of one kind of database."""
    with database_url(kind, folder) as url:
        store = open_store(url, create=True)
        start = time.perf_counter()
        filled = fill(store, count)
        print(
            f"{kind}: {filled} events of cases written in {time.perf_counter() - start:.1f} s",
            flush=True,
        )
        store.close()
        key, out = make_key(folder / f"{kind}.key"), folder / f"{kind}.jsonl"
        append_checkpoint(url, key, out)
        for _ in range(3):
            with read_connection(resolve_url(url)) as connection:
                start, busy = time.perf_counter(), time.process_time()
                found = verify_chain(chain_rows(connection))
                chain_s, busy_s = time.perf_counter() - start, time.process_time() - busy
                assert found.intact
                start = time.perf_counter()
                with Session(bind=connection) as session:
                    assert [check(session) for check in FACT_CHECKS] == [[] for _ in FACT_CHECKS]
                facts_s = time.perf_counter() - start
            print(
                f"{kind}: chain of {found.events} events {chain_s:.2f} s "
                f"({busy_s:.2f} s of the processor), facts {facts_s:.2f} s"
            )
        start = time.perf_counter()
        assert verify_ledger(url, checkpoints=out).intact
        print(
            f"{kind}: all of it, with checkpoints {time.perf_counter() - start:.2f} s", flush=True
        )


if __name__ == "__main__":
    kinds = sys.argv[2:] or ["sqlite", "postgres"]
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as name:
        for each in kinds:
            measure(each, size, Path(name))
