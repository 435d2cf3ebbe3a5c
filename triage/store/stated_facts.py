"""What a table states of a case that is stored: patient, visit, laterality and age."""

from __future__ import annotations

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from triage.errors import StoreError
from triage.ledger.events.case_events import PatientStated
from triage.store.ledger import SYSTEM, append_event
from triage.store.records import CaseRecord
from triage.store.tables import Case, Label, Patient, Review
from triage.store.upsert import add_once
from triage.vocabulary.reserved_names import CASE_PREFIX

_HINT = (
    "Correct it, give the case another id if it is another, or name its source (--source) if that "
    "is another."
)


def contradicted(row: Case, record: CaseRecord) -> str | None:
    """Return what is stated otherwise of a stored case, None if nothing is.

    What is unknown on either side contradicts nothing. An age does not count: it tells no two
    cases apart, and may have been taken on another day.

    Parameters
    ----------
    row : Case
        With its patient.
    record : CaseRecord
    """
    stored = None if row.patient.external_id.startswith(CASE_PREFIX) else row.patient.external_id
    pairs = {
        "patient": (stored, record.patient),
        "visit": (row.visit, record.visit),
        "laterality": (row.laterality, record.laterality),
    }
    return next((name for name, (a, b) in pairs.items() if None not in (a, b) and a != b), None)


_COMPLETED = ("visit", "laterality", "age")
"""Facts that are stored when they are stated and were not known."""


def states_nothing_new(row: Case, record: CaseRecord) -> bool:
    """Whether `complete_facts` would change and refuse nothing.

    Parameters
    ----------
    row : Case
        With its patient.
    record : CaseRecord
    """
    completed = (
        getattr(record, name) is not None and getattr(row, name) is None for name in _COMPLETED
    )
    same_patient = record.patient is None or record.patient == row.patient.external_id
    return contradicted(row, record) is None and same_patient and not any(completed)


def complete_facts(
    session: Session, case_id: int, record: CaseRecord, *, actor: str = SYSTEM
) -> None:
    """Store what was not known of a case and is stated now; what was known stays.

    A patient who is stated at last takes the place of the one that the case stood for, with an
    event by `actor`, unless a person has read or labelled the case: whose case it is was then
    settled.

    Raises
    ------
    StoreError
        If another patient, visit or laterality is stored, or the patient comes too late.
    """
    row = _row(session, case_id)
    if (name := contradicted(row, record)) is not None:
        raise StoreError(
            f"This case is already stored with another {name}.",
            where=f"case {case_id}",
            hint=_HINT,
        )
    for column in (getattr(Case, name) for name in _COMPLETED):
        value = getattr(record, column.key)
        if value is not None and getattr(row, column.key) is None:
            session.execute(
                update(Case)
                .where(Case.id == case_id)
                .values({column.key: func.coalesce(column, value)})
                .execution_options(synchronize_session=False)
            )
    if record.patient is not None and row.patient.external_id != record.patient:
        _state_patient(session, case_id, record, actor)


def _row(session: Session, case_id: int) -> Case:
    query = select(Case).where(Case.id == case_id).execution_options(populate_existing=True)
    return session.scalars(query).one()


def _state_patient(session: Session, case_id: int, record: CaseRecord, actor: str) -> None:
    patient_id, _ = add_once(
        session,
        Patient,
        {"source": record.source, "external_id": record.patient},
        unique=("source", "external_id"),
    )
    # Another writer may be doing the same: the second waits, and finds it done.
    session.execute(select(Case.id).where(Case.id == case_id).with_for_update())
    former = session.execute(
        select(Patient.id, Patient.external_id)
        .join(Case, Case.patient_id == Patient.id)
        .where(Case.id == case_id)
    ).one()
    if former.id == patient_id:
        return
    if not former.external_id.startswith(CASE_PREFIX):
        raise StoreError(
            "This case is already stored with another patient.",
            where=f"case {case_id}",
            hint=_HINT,
        )
    if _used_by_a_person(session, case_id):
        raise StoreError(
            "This case was stored without a patient, and a person has read or labelled it since.",
            where=f"case {case_id}",
            hint="Leave its patient out, as before.",
        )
    session.execute(
        update(Case)
        .where(Case.id == case_id)
        .values(patient_id=patient_id)
        .execution_options(synchronize_session=False)
    )
    still_used = select(Case.id).where(Case.patient_id == former.id).exists()
    session.execute(
        delete(Patient)
        .where(Patient.id == former.id, ~still_used)
        .execution_options(synchronize_session=False)
    )
    session.expire_all()
    append_event(session, PatientStated(patient_id, former.id), actor=actor, case_id=case_id)


def _used_by_a_person(session: Session, case_id: int) -> bool:
    read = select(Review.id).join(Review.reads).where(Review.case_id == case_id)
    labelled = select(Label.id).where(Label.case_id == case_id)
    return bool(session.scalar(select(or_(read.exists(), labelled.exists()))))
