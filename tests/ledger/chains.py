"""Chains of events in memory for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from triage.ledger.canonical import (
    FIRST_PREVIOUS,
    canonical_text,
    event_text,
    text_hash,
    time_text,
)
from triage.ledger.merkle import MerkleTree
from triage.ledger.verification import StoredEvent

LEDGER = "ab" * 16
START = datetime(2026, 1, 1, tzinfo=UTC)


def sealed(
    seq: int, at: str, actor: str, kind: str, case: int | None, payload: object, previous: str
) -> StoredEvent:
    content = canonical_text(payload)
    text = event_text(
        seq=seq, at=at, actor=actor, kind=kind, case_id=case, payload=content, previous=previous
    )
    return StoredEvent(seq, at, actor, kind, case, content, text, text_hash(text))


def chain(count: int, ledger: str = LEDGER) -> list[StoredEvent]:
    """Return a chain that is intact: `ledger_begun`, and others a second apart."""
    begun = {"earlier_events": 0, "ledger": ledger}
    rows = [sealed(1, time_text(START), "system", "ledger_begun", None, begun, FIRST_PREVIOUS)]
    for seq in range(2, count + 1):
        at = time_text(START + timedelta(seconds=seq))
        rows.append(
            sealed(seq, at, f"reader {seq % 3}", "case_received", seq % 5 or None, {"images": seq},
                   rows[-1].hash)
        )  # fmt: skip
    return rows


def root(rows: list[StoredEvent]) -> str:
    tree = MerkleTree()
    for row in rows:
        tree.append(row.text.encode())
    return tree.root().hex()
