"""Whether withdrawn consents and deleted patients are those of the events."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.ledger.events.learning_events import ConsentWithdrawn, PatientDeleted
from triage.store.deleted import DELETED_FACTS, deleted_cases, deleted_name
from triage.store.tables import Case, Patient
from triage.store.typed_events import typed_events
from triage.vocabulary.event_types import EventType


def patient_findings(session: Session) -> list[str]:
    """Compare patients, and the cases of deleted ones, with their events; one line a difference."""
    withdrawn: set[int | None] = set()
    deleted: set[int] = set()
    kinds = (EventType.CONSENT_WITHDRAWN, EventType.PATIENT_DELETED)
    for _, _, _, event in typed_events(session, *kinds):
        match event:
            case ConsentWithdrawn():
                withdrawn.add(event.patient)
            case PatientDeleted():
                deleted.add(event.patient)
    findings = []
    for row in session.scalars(select(Patient).order_by(Patient.id)):
        for name, is_so, stated in (
            ("consent_withdrawn_at", row.consent_withdrawn_at is not None, row.id in withdrawn),
            ("deleted_at", row.deleted_at is not None, row.id in deleted),
            ("external_id", row.external_id == deleted_name(row.id), row.id in deleted),
        ):
            if is_so != stated:
                findings.append(f"patient {row.id}: {name} is not what the events say")
    gone = deleted_cases(session)
    for case in session.scalars(select(Case).where(Case.id.in_(gone)).order_by(Case.id)):
        left = [name for name, value in DELETED_FACTS.items() if getattr(case, name) != value]
        if case.external_id != deleted_name(case.id):
            left.append("external_id")
        findings += [
            f"case {case.id}: {name} is left, and an event says that it was deleted"
            for name in left
        ]
    return findings
