"""Whether the opinions in shadow are those of the events."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.hashing import hash_json
from triage.ledger.events.learning_events import ShadowScored
from triage.store.deleted import deleted_cases
from triage.store.learning_tables import ShadowPredictionRow
from triage.store.tables import Bundle
from triage.store.typed_events import typed_events
from triage.vocabulary.event_types import EventType


def shadow_findings(session: Session) -> list[str]:
    """Compare the opinions of bundles in shadow with their events; one line a difference."""
    stated = {
        (event.case, event.bundle): event.prediction
        for _, _, _, event in typed_events(session, EventType.SHADOW_SCORED)
        if isinstance(event, ShadowScored)
    }
    findings = []
    rows = session.execute(
        select(ShadowPredictionRow, Bundle.digest)
        .outerjoin(Bundle, Bundle.id == ShadowPredictionRow.bundle_id)
        .order_by(ShadowPredictionRow.id)
        .execution_options(yield_per=1000)
    )
    for row, digest in rows:
        told = stated.pop((row.case_id, digest), None)
        opinion = {name: getattr(row, name) for name in ("condition", "recommendation", "decision")}
        if told is None:
            findings.append(f"shadow prediction {row.id}: no event states it")
        elif hash_json(opinion) != told:
            findings.append(f"shadow prediction {row.id}: is not what its event states")
    deleted = deleted_cases(session)
    findings += [
        f"case {case}: its shadow prediction is missing, and an event states it"
        for case, _ in sorted(stated)
        if case not in deleted
    ]
    return findings
