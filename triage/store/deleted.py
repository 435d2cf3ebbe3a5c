"""What is left in the rows of a patient who was deleted."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from triage.decision import Decision
from triage.ledger.events.learning_events import PatientDeleted
from triage.store.predictions import GUARDED
from triage.store.typed_events import typed_events
from triage.vocabulary.event_types import EventType
from triage.vocabulary.reserved_names import DELETED_PREFIX

DELETED_FACTS: dict[str, Any] = {
    "groups": {},
    "id_derived": False,
    "visit": None,
    "laterality": None,
    "age": None,
}
"""Columns of a case that tell of the patient, as they are after a deletion."""


def deleted_name(number: int) -> str:
    """Return what stands in the place of the identifier of a row."""
    return f"{DELETED_PREFIX}{number}"


def emptied_prediction(
    recommendation: str, queue_urgency: str, reason_code: str | None
) -> dict[str, Any]:
    """Return the columns of a prediction without its content.

    What the database guards stays: the recommendation, the class and the reason code.
    """
    decision = Decision.model_validate(
        {
            "recommendation": recommendation,
            "queue_urgency": queue_urgency,
            "reason_code": reason_code,
        }
    )
    return {
        "condition": None,
        "decision": decision.model_dump(mode="json", exclude={*GUARDED}),
        "reading_path": None,
        "reading_sha256": None,
    }


def deleted_cases(session: Session) -> set[int]:
    """Return the cases that were deleted with their patient, as the events say."""
    return {
        number
        for _, _, _, event in typed_events(session, EventType.PATIENT_DELETED)
        if isinstance(event, PatientDeleted)
        for number in event.cases
    }
