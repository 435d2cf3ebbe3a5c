"""Seconds to append, verify and check a ledger.

`python -m tests.speed.ledger_verification [EVENTS [KIND ...]]`; kinds are `sqlite` and `postgres`.
The first figure is of 100,000 events in the chain alone, the second of the facts of as many: 10,000
cases that were received, scored, read, decided and signed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from sqlalchemy import insert
from sqlalchemy.orm import Session

from tests.store.databases import database_url
from tests.store.make import NOON, bundle, opinion
from triage.ledger.event import LedgerEvent
from triage.ledger.events.case_events import CaseReceived, CaseScored, ImagesChecked
from triage.ledger.events.label_events import LabelAdded
from triage.ledger.events.review_events import (
    AiRevealed,
    CaseOpened,
    CasePolicy,
    CaseSigned,
    DecisionMade,
    FirstReadLocked,
    ReadFacts,
)
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
from triage.store.ledger import SYSTEM
from triage.store.location import resolve_url
from triage.store.predictions import prediction_columns, prediction_sha256
from triage.store.read_connection import read_connection
from triage.store.tables import Case, Image, Label, Patient, Prediction, Read, Review, Signature
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.read_answers import Certainty
from triage.vocabulary.review_policies import ReadingMode, ReadKind, SignatureMeaning

EVENTS_OF_A_CASE = 10


def fill(store: Store, count: int) -> int:
    """Append about so many events: ten of each case, which is read, decided and signed."""
    cases = count // EVENTS_OF_A_CASE
    decided = opinion()
    sha256 = prediction_sha256(prediction_columns(decided, None) | {"bundle_id": 1})
    with store.transaction() as session:
        assert register_bundle(session, bundle()) == 1
        session.add(Patient(source="clinic", external_id="p"))
        session.flush()
        numbers = range(1, cases + 1)
        for table, rows in _rows(numbers, prediction_columns(decided, None)).items():
            session.execute(insert(table), rows)
        for number in numbers:
            for actor, event in _events(number, sha256):
                append_event(session, event, actor=actor, case_id=number, at=NOON)
    return EVENTS_OF_A_CASE * cases


def _read(number: int, kind: ReadKind) -> ReadFacts:
    row = 2 * number - (kind is ReadKind.FIRST)
    return ReadFacts(row, ("melanoma",), Urgency.URGENT, Certainty.SURE, comment="as discussed")


def _events(number: int, sha256: str) -> list[tuple[str, LedgerEvent]]:
    first, final = _read(number, ReadKind.FIRST), _read(number, ReadKind.FINAL)
    blind, visible = LabelSource.BLIND, LabelSource.AI_VISIBLE
    return [
        (SYSTEM, CaseReceived(1, 1, {"0": "a" * 64})),
        (SYSTEM, ImagesChecked(1)),
        (SYSTEM, CaseScored(1, number, sha256)),
        ("Ann", CaseOpened(number, _POLICY)),
        ("Ann", FirstReadLocked(number, first)),
        ("Ann", LabelAdded(first.read, "melanoma", blind, False, first.read)),
        ("Ann", AiRevealed(number, number, "d" * 64)),
        ("Ann", DecisionMade(number, final, (), 20, 10)),
        ("Ann", LabelAdded(final.read, "melanoma", visible, True, final.read)),
        ("Ann", CaseSigned(number, "Dr Ann", SignatureMeaning.AUTHORSHIP, "e" * 64)),
    ]


_POLICY = CasePolicy(ReadingMode.BLIND, True)


def _rows(numbers: range, columns: dict[str, object]) -> dict[type, list[dict[str, object]]]:
    case = {
        "source": "clinic",
        "patient_id": 1,
        "groups": {},
        "received_at": NOON,
        "state": CaseState.SIGNED,
        "version": 5,
        "policy": asdict(_POLICY),
    }
    image = {"position": 0, "path": "a.png", "root": "/root", "sha256": "a" * 64, "flags": []}
    reads, labels = [], []
    for number in numbers:
        for kind in (ReadKind.FIRST, ReadKind.FINAL):
            facts, visible = _read(number, kind), kind is ReadKind.FINAL
            stated = {name: value for name, value in asdict(facts).items() if name != "read"}
            reads.append(
                {"id": facts.read, "review_id": number, "kind": kind, "round": 0, "at": NOON}
                | stated
            )
            labels.append(
                {"id": facts.read, "case_id": number, "condition": "melanoma", "given_by": "Ann",
                 "source": LabelSource.AI_VISIBLE if visible else LabelSource.BLIND,
                 "ai_visible": visible, "read_id": facts.read, "created_at": NOON}
            )  # fmt: skip
    signature = {"signed_by": "Ann", "printed_name": "Dr Ann", "sha256": "e" * 64, "at": NOON,
                 "meaning": SignatureMeaning.AUTHORSHIP}  # fmt: skip
    review = {"reviewer": "Ann", "opened_at": NOON, "revealed_at": NOON}
    return {
        Case: [{"id": n, "external_id": f"c{n}", **case} for n in numbers],
        Image: [{"case_id": n, **image} for n in numbers],
        Prediction: [{"id": n, "case_id": n, "bundle_id": 1, **columns} for n in numbers],
        Review: [{"id": n, "case_id": n, "prediction_id": n, **review} for n in numbers],
        Read: reads,
        Label: labels,
        Signature: [{"id": n, "case_id": n, **signature} for n in numbers],
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
        append_checkpoint(url, key, out, accept_clock=True)
        for _ in range(3):
            with read_connection(resolve_url(url)) as connection:
                start, busy = time.perf_counter(), time.process_time()
                found = verify_chain(chain_rows(connection), clock_tolerance_s=None)
                chain_s, busy_s = time.perf_counter() - start, time.process_time() - busy
                assert found.intact
                start, busy = time.perf_counter(), time.process_time()
                with Session(bind=connection) as session:
                    for check in FACT_CHECKS:
                        began = time.perf_counter()
                        assert check(session) == []
                        print(f"  {check.__name__} {time.perf_counter() - began:.2f} s")
                facts_s, facts_busy_s = time.perf_counter() - start, time.process_time() - busy
            print(
                f"{kind}: chain of {found.events} events {chain_s:.2f} s "
                f"({busy_s:.2f} s of the processor), facts {facts_s:.2f} s ({facts_busy_s:.2f} s)"
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
