"""Cases, their patients and their images."""

from __future__ import annotations

from sqlalchemy import insert, select
from sqlalchemy.orm import Session, joinedload, selectinload

from triage.errors import StoreError
from triage.store.ledger import append_event
from triage.store.records import CaseRecord, ImageRecord, StoredCase
from triage.store.tables import Case, Image, Patient
from triage.store.upsert import add_once
from triage.store.vocabulary import CaseState, EventKind, Modality


def add_case(session: Session, record: CaseRecord) -> int:
    """Add a case with its patient and images; adding it again changes nothing.

    Returns
    -------
    int
        The case's number in the store.

    Raises
    ------
    StoreError
        If the case is stored already with other images: one name for two
        things would mix their reviews.
    """
    patient_name = record.patient or f"{record.source}/{record.external_id}"
    patient_id, _ = add_once(
        session, Patient, {"external_id": patient_name}, unique=("external_id",)
    )
    case_id, added = add_once(
        session,
        Case,
        {
            "external_id": record.external_id,
            "source": record.source,
            "patient_id": patient_id,
            "groups": dict(record.groups),
            "received_at": record.received_at,
            "state": CaseState.RECEIVED,
            "modality": record.modality,
        },
        unique=("source", "external_id"),
    )
    if added:
        _add_images(session, case_id, record.images)
        append_event(session, EventKind.CASE_RECEIVED, case_id=case_id, images=len(record.images))
        return case_id
    hashes = select(Image.sha256).where(Image.case_id == case_id).order_by(Image.position)
    if list(session.scalars(hashes)) != [image.sha256 for image in record.images]:
        raise StoreError(
            "This case is already stored with other images.",
            where=f"case {case_id}",
            mend="Give the new images another case id, or the manifest another source.",
        )
    return case_id


def find_case(session: Session, source: str, external_id: str) -> int | None:
    """Return a case's number by its name in its source, or None."""
    return session.scalar(
        select(Case.id).where(Case.source == source, Case.external_id == external_id)
    )


def get_case(session: Session, case_id: int) -> StoredCase:
    """Return a case.

    Raises
    ------
    StoreError
        If there is no such case.
    """
    row = session.get(Case, case_id, options=[joinedload(Case.patient), selectinload(Case.images)])
    if row is None:
        raise StoreError("There is no such case.", where=f"case {case_id}")
    return StoredCase(
        id=row.id,
        external_id=row.external_id,
        source=row.source,
        patient=row.patient.external_id,
        groups=row.groups,
        received_at=row.received_at,
        images=image_records(row),
        modality=Modality(row.modality),
    )


def image_records(row: Case) -> tuple[ImageRecord, ...]:
    """Return a case row's images, in reading order."""
    return tuple(
        ImageRecord(image.path, image.root, image.sha256, tuple(image.flags or ()))
        for image in row.images
    )


def _add_images(session: Session, case_id: int, images: tuple[ImageRecord, ...]) -> None:
    rows = [
        {
            "case_id": case_id,
            "position": position,
            "path": image.path,
            "root": image.root,
            "sha256": image.sha256,
            "flags": list(image.flags),
        }
        for position, image in enumerate(images)
    ]
    if rows:
        session.execute(insert(Image), rows)
