"""Labels: who called a case what, and whether the AI's opinion was visible to them.

Training on labels given under the AI's eyes amplifies its errors (Adam et al. 2022, "Error
amplification when updating deployed machine learning models"), so those are left
out unless asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, joinedload

from triage.ledger.events.label_events import LabelAdded, LabelWithdrawn
from triage.store.base import utc_now
from triage.store.cases import image_records
from triage.store.ledger import append_event
from triage.store.planted import of_planted_case
from triage.store.records import TrainingLabel
from triage.store.tables import Case, Label, Patient, Read
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.label_sources import LabelSource


def add_label(
    session: Session,
    case_id: int,
    condition: str,
    source: LabelSource,
    *,
    given_by: str,
    ai_visible: bool,
    read_id: int | None = None,
    votes: Mapping[str, int] | None = None,
    given_at: datetime | None = None,
    actor: str | None = None,
    at: datetime | None = None,
) -> int:
    """Add a label to a case and return its number.

    Parameters
    ----------
    condition : str
        A condition, or ``NOT_LISTED``.
    source : LabelSource
        Where the label comes from. ``BLIND`` and ``AI_VISIBLE`` decide
        ``ai_visible``; the database refuses a contradiction.
    given_by : str
        The person or laboratory.
    ai_visible : bool
        Whether that person had seen the AI's opinion of this case.
    read_id : int, optional
        The read that the label comes from.
    votes : mapping of int, optional
        How many readers named each condition, where the label stands for several.
    given_at : datetime, optional
        When it was given, where it is added later.
    actor : str, optional
        Who adds it, where that is not who gave it.
    at : datetime, optional
        When it is added; now by default.
    """
    moment = at or utc_now()
    row = Label(
        case_id=case_id,
        condition=condition,
        source=source,
        given_by=given_by,
        ai_visible=ai_visible,
        read_id=read_id,
        created_at=given_at or moment,
        votes=None if votes is None else dict(votes),
    )
    session.add(row)
    session.flush()
    by_another = actor is not None and actor != given_by
    event = LabelAdded(
        row.id,
        condition,
        source,
        ai_visible,
        read_id,
        votes=row.votes,
        given_by=given_by if by_another else None,
    )
    append_event(session, event, actor=actor or given_by, case_id=case_id, at=moment)
    return row.id


def withdraw_labels(session: Session, read_id: int, *, actor: str, at: datetime) -> None:
    """Let the labels that come from a read count no more, because the read was undone."""
    rows = session.scalars(
        select(Label).where(Label.read_id == read_id, Label.withdrawn_at.is_(None))
    )
    for row in rows:
        row.withdrawn_at = at
        append_event(session, LabelWithdrawn(row.id), actor=actor, case_id=row.case_id, at=at)
    session.flush()


def labels_for_training(
    session: Session, *, include_ai_visible: bool = False
) -> list[TrainingLabel]:
    """Return the labels that training may use, oldest first; a case may have several.

    Neither labels of undone decisions nor those of planted cases are among them, nor those of
    patients who have withdrawn their consent.

    Parameters
    ----------
    include_ai_visible : bool
        Also those given by readers who had seen the AI's opinion.
    """
    query = (
        select(Label, Read.urgency)
        .outerjoin(Read, Read.id == Label.read_id)
        .options(
            joinedload(Label.case).joinedload(Case.patient),
            joinedload(Label.case).selectinload(Case.images),
        )
        .where(Label.withdrawn_at.is_(None), ~of_planted_case(Label.case_id), ~_has_no_consent())
        .order_by(Label.id)
    )
    if not include_ai_visible:
        # An adjudicated label is the agreement of readers, also where some had seen the AI before.
        query = query.where(Label.ai_visible.is_(False) | (Label.source == LabelSource.ADJUDICATED))
    return [
        TrainingLabel(
            case=row.case.external_id,
            case_source=row.case.source,
            patient=row.case.patient.external_id,
            condition=row.condition,
            source=LabelSource(row.source),
            given_by=row.given_by,
            ai_visible=row.ai_visible,
            created_at=row.created_at,
            images=image_records(row.case),
            groups=row.case.groups,
            read_id=row.read_id,
            case_id=row.case_id,
            votes=row.votes,
            urgency=None if urgency is None else Urgency(urgency),
        )
        for row, urgency in session.execute(query)
    ]


def labels_kept_back(session: Session) -> tuple[int, int]:
    """Return how many standing labels are of planted cases, and of patients without consent."""
    counted = select(func.count()).select_from(Label).where(Label.withdrawn_at.is_(None))
    planted = session.scalar(counted.where(of_planted_case(Label.case_id))) or 0
    refused = session.scalar(counted.where(~of_planted_case(Label.case_id), _has_no_consent())) or 0
    return planted, refused


def _has_no_consent() -> ColumnElement[bool]:
    gone = Patient.consent_withdrawn_at.is_not(None) | Patient.deleted_at.is_not(None)
    of_patient = select(Case.id).join(Patient, Case.patient_id == Patient.id)
    return of_patient.where(Case.id == Label.case_id, gone).exists()
