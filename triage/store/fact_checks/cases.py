"""Whether the patients of cases and the hashes of their images are those of the events."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.ledger.events.case_events import CaseReceived, ImagesSupplied, PatientStated
from triage.ledger.events.review_events import CaseCarriedOver
from triage.store.deleted import deleted_cases
from triage.store.tables import Case, Image
from triage.store.typed_events import typed_events
from triage.vocabulary.event_types import EventType

_KINDS = (
    EventType.CASE_RECEIVED,
    EventType.CASE_CARRIED_OVER,
    EventType.PATIENT_STATED,
    EventType.IMAGES_SUPPLIED,
)


@dataclass(slots=True)
class _Stated:
    """Row of the patient, and the hash of each image; None where no event states them."""

    patient: int | None = None
    images: dict[str, str | None] | None = None


def case_findings(session: Session) -> list[str]:
    """Compare patients and images of cases with their events; one line a difference."""
    stated = _stated(session)
    deleted = deleted_cases(session)
    images: dict[int, dict[str, str | None]] = defaultdict(dict)
    for case_id, position, sha256 in session.execute(
        select(Image.case_id, Image.position, Image.sha256)
    ):
        images[case_id][str(position)] = sha256
    findings = []
    for number, patient in session.execute(select(Case.id, Case.patient_id).order_by(Case.id)):
        facts = stated.get(number, _Stated())
        if facts.patient not in (None, patient):
            findings.append(f"case {number}: patient_id is not what its events say")
        if number in deleted:
            if images.get(number):
                findings.append(f"case {number}: has images, and an event says that it was deleted")
        elif facts.images not in (None, images.get(number, {})):
            findings.append(f"case {number}: its images are not those that its events state")
    return findings


def _stated(session: Session) -> dict[int | None, _Stated]:
    stated: dict[int | None, _Stated] = defaultdict(_Stated)
    for _, _, case_id, event in typed_events(session, *_KINDS):
        match event:
            case CaseReceived() | CaseCarriedOver():
                hashes = None if event.sha256 is None else dict(event.sha256)
                stated[case_id] = _Stated(event.patient, hashes)
            case PatientStated():
                stated[case_id].patient = event.patient
            case ImagesSupplied():
                known = stated[case_id].images
                if known is not None:
                    known.update(event.supplied)
    return stated
