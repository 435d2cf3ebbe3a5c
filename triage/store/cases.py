"""Cases, their patients and their images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import case, insert, select, update
from sqlalchemy.orm import Session, joinedload, selectinload

from triage.errors import NoSuchCase, StoreError
from triage.ledger.events.case_events import CaseReceived, ImagesChecked, ImagesSupplied
from triage.store.ledger import SYSTEM, append_event
from triage.store.opinion_order import IS_PLANTED
from triage.store.predictions import IS_READ
from triage.store.records import CaseRecord, ImageRecord, PatientCase, StoredCase
from triage.store.stated_facts import complete_facts
from triage.store.tables import Case, Image, Patient, Prediction, Review
from triage.store.upsert import add_once
from triage.store.worklist_order import set_order, share_order
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.laterality import Laterality
from triage.vocabulary.modality import Modality

_LARGEST_NUMBER = 2**31 - 1
"""Of a row; a larger one is of no case, and neither database takes it."""
_WHOLE = (joinedload(Case.patient), selectinload(Case.images))
_OTHER = "Give the new images another case id, or name their source (--source) if it is another."


def add_case(session: Session, record: CaseRecord, *, actor: str = SYSTEM) -> int:
    """Add a case with its patient and images; adding it again changes nothing.

    A case is recognised by its name within its source, and its images by their hashes, wherever
    they lie: of images that moved, the new place is kept. The same name in another source is
    another case. `triage.store.recognised` finds a case whose name was derived from a path that
    has changed.

    Patient, visit, laterality and age that were not known are stored when they are stated, see
    `triage.store.stated_facts`.

    A case that could not be read goes on when its files are supplied or replaced: if no bundle
    has read it and no reader has locked a first read, its images become the new ones, and an
    event tells so. `actor` is who supplied the case, as events name them.

    Returns
    -------
    int
        The case's number in the store.

    Raises
    ------
    StoreError
        If the case is stored already with other images, or another patient, visit or laterality:
        one name for two things would mix their reviews.
    """
    share_order(session)
    case_id = find_case(session, record.source, record.external_id)
    if case_id is None:
        patient_id, case_id, added = _add_row(session, record)
        if added:
            if rows := image_rows(case_id, record.images):
                session.execute(insert(Image), rows)
            hashes = {str(position): one for position, one in enumerate(record.hashes)}
            received = CaseReceived(len(record.images), patient_id, hashes)
            append_event(session, received, actor=actor, case_id=case_id)
            if is_decoded(record):
                append_event(
                    session, ImagesChecked(len(record.images)), actor=actor, case_id=case_id
                )
            set_order(session, Case.id == case_id)
            return case_id
    complete_facts(session, case_id, record, actor=actor)
    _compare_images(session, case_id, record, actor)
    return case_id


def _add_row(session: Session, record: CaseRecord) -> tuple[int, int, bool]:
    """Return the numbers of the patient and the case, and whether the case was added."""
    patient_id, _ = add_once(
        session,
        Patient,
        {"source": record.source, "external_id": record.patient_name},
        unique=("source", "external_id"),
    )
    case_id, added = add_once(
        session,
        Case,
        case_columns(record, patient_id),
        unique=("source", "external_id"),
    )
    return patient_id, case_id, added


def case_columns(record: CaseRecord, patient_id: int) -> dict[str, Any]:
    """Return the columns of a case that is new."""
    return {
        "external_id": record.external_id,
        "source": record.source,
        "patient_id": patient_id,
        "groups": dict(record.groups),
        "received_at": record.received_at,
        "state": CaseState.QUALITY_GATED if is_decoded(record) else CaseState.RECEIVED,
        "modality": record.modality,
        "id_derived": record.id_derived,
        "visit": record.visit,
        "laterality": record.laterality,
        "age": record.age,
    }


def is_decoded(record: CaseRecord) -> bool:
    """Whether every image of a case could be decoded."""
    return record.decoded and bool(record.images) and None not in record.hashes


def find_case(session: Session, source: str, external_id: str) -> int | None:
    """Return a case's number by its name in its source, or None."""
    return session.scalar(
        select(Case.id).where(Case.source == source, Case.external_id == external_id)
    )


def get_case(session: Session, case_id: int) -> StoredCase:
    """Return a case.

    Raises
    ------
    NoSuchCase
        If there is no such case.
    """
    require_number(case_id)
    row = session.get(Case, case_id, options=_WHOLE)
    if row is None:
        raise NoSuchCase("There is no such case.", where=f"case {case_id}")
    return _stored(row)


def require_number(case_id: int) -> None:
    """Check that a number can be that of a case, before it is looked for.

    Raises
    ------
    NoSuchCase
        If it cannot.
    """
    if not 0 < case_id <= _LARGEST_NUMBER:
        raise NoSuchCase("There is no such case.", where="case")


def cases_of_patient(session: Session, case_id: int, *, most: int = 50) -> list[PatientCase]:
    """Return the other cases of a case's patient, newest first.

    Newest by the day of the visit where it is known of all of them, else by when they were
    received. A case of which no patient is known has no others.

    Parameters
    ----------
    session : Session
    case_id : int
    most : int
        The cases received last, so many.
    """
    patient = select(Case.patient_id).where(Case.id == case_id).scalar_subquery()
    rows = session.scalars(
        select(Case)
        .where(Case.patient_id == patient, Case.id != case_id)
        .order_by(Case.received_at.desc(), Case.id.desc())
        .limit(most)
        .options(*_WHOLE)
    ).all()
    found = [PatientCase(_stored(row), CaseState(row.state)) for row in rows]
    if all(one.case.visit is not None for one in found):
        found.sort(key=lambda one: one.case.visit or 0, reverse=True)
    return found


def _stored(row: Case) -> StoredCase:
    return StoredCase(
        id=row.id,
        external_id=row.external_id,
        source=row.source,
        patient=row.patient.external_id,
        groups=row.groups,
        received_at=row.received_at,
        images=image_records(row),
        modality=Modality(row.modality),
        id_derived=row.id_derived,
        visit=row.visit,
        laterality=None if row.laterality is None else Laterality(row.laterality),
        age=row.age,
    )


def image_records(row: Case) -> tuple[ImageRecord, ...]:
    """Return a case row's images, in reading order."""
    return tuple(
        ImageRecord(image.path, image.root, image.sha256, tuple(image.flags or ()))
        for image in row.images
    )


def has_same_images(row: Case, record: CaseRecord) -> bool:
    """Whether the images of a stored case, of the same content, lie where it says they lie."""
    stored = [(image.sha256, image.path, image.root) for image in row.images]
    return stored == [(image.sha256, image.path, image.root) for image in record.images]


def _compare_images(session: Session, case_id: int, record: CaseRecord, actor: str) -> None:
    """Refuse other images for a stored case, unless nobody has read those that it has."""
    rows, images = _image_rows(session, case_id), record.images
    if tuple(row.sha256 for row in rows) != record.hashes:
        # Another writer may be doing the same: the second waits, and looks again.
        session.execute(select(Case.id).where(Case.id == case_id).with_for_update())
        rows = _image_rows(session, case_id)
        _require_exchangeable(session, case_id, rows, record)
    former, supplied = {}, {}
    for row, image in zip(rows, images, strict=True):
        if row.sha256 != image.sha256:
            former[str(row.position)] = row.sha256
            supplied[str(row.position)] = image.sha256
            row.sha256, row.flags = image.sha256, list(image.flags)
        row.path, row.root = image.path, image.root
    session.flush()
    if former:
        session.execute(  # so that what was read of the former images is refused
            update(Case).where(Case.id == case_id).values(version=Case.version + 1)
        )
        append_event(session, ImagesSupplied(former, supplied), actor=actor, case_id=case_id)
        if is_decoded(record):
            _images_decoded(session, case_id, len(rows), actor)


def _images_decoded(session: Session, case_id: int, images: int, actor: str) -> None:
    """Record that every image can be decoded now; the case waits to be scored or read."""
    scored = select(Prediction.id).where(Prediction.case_id == case_id).exists()
    session.execute(
        update(Case)
        .where(Case.id == case_id, Case.state.in_((CaseState.RECEIVED, CaseState.UNGRADABLE)))
        .values(state=case((scored, CaseState.INFERRED.value), else_=CaseState.QUALITY_GATED.value))
    )
    append_event(session, ImagesChecked(images), actor=actor, case_id=case_id)
    set_order(session, Case.id == case_id)


def _image_rows(session: Session, case_id: int) -> list[Image]:
    query = select(Image).where(Image.case_id == case_id).order_by(Image.position)
    return list(session.scalars(query.execution_options(populate_existing=True)))


def _require_exchangeable(
    session: Session, case_id: int, rows: list[Image], record: CaseRecord
) -> None:
    where = f"case {case_id}"
    stored, given = [row.sha256 for row in rows], record.hashes
    # A path may equal the stated id of another case: that is no reason to exchange its images.
    derived = session.scalar(select(Case.id_derived).where(Case.id == case_id))
    if len(stored) != len(given) or (stored != list(given) and derived != record.id_derived):
        raise StoreError("This case is already stored with other images.", where=where, hint=_OTHER)
    if any(new is None for old, new in zip(stored, given, strict=True) if old != new):
        raise StoreError(
            "This case is already stored with other images, and a file of it is missing now.",
            where=where,
            hint="Put the file back; what is stored stays as it is.",
        )
    read_by_a_bundle = select(Prediction.id).where(
        Prediction.case_id == case_id, IS_READ, ~IS_PLANTED
    )
    read_by_a_person = select(Review.id).join(Review.reads).where(Review.case_id == case_id)
    for query in (read_by_a_bundle, read_by_a_person):
        if session.scalar(query.limit(1)) is not None:
            raise StoreError(
                "This case is already stored with other images.", where=where, hint=_OTHER
            )


def image_rows(case_id: int, images: Sequence[ImageRecord]) -> list[dict[str, Any]]:
    """Return the columns of the images of a case that is new."""
    return [
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
