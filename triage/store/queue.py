"""Cases that wait for a decision, in one query."""

from __future__ import annotations

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from triage.store.predictions import IS_PLANTED, SHOWN_FIRST
from triage.store.records import QueuedCase
from triage.store.tables import Bundle, Case, Image, Prediction
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import ABSTAINED_PRIORITY, Urgency

WAITING = (
    CaseState.RECEIVED,
    CaseState.QUALITY_GATED,
    CaseState.INFERRED,
    CaseState.FIRST_READ_LOCKED,
    CaseState.REVEALED,
    CaseState.SKIPPED,
)
"""States of cases that no reader has decided or reported ungradable."""


def cases_waiting(session: Session) -> list[QueuedCase]:
    """Return every case without a decision, in no particular order.

    A case that no bundle has scored waits like an abstained one: not knowing
    never lowers a priority. A planted case waits in the class of the opinion that its readers are
    shown, or it could be told apart by the difference.
    """
    shown_first = (case((IS_PLANTED, 0), else_=1), *SHOWN_FIRST)
    place = func.row_number().over(partition_by=Prediction.case_id, order_by=shown_first)
    ranked = (
        select(Prediction.case_id, Prediction.queue_urgency, place.label("place"))
        .join(Bundle, Prediction.bundle_id == Bundle.id)
        .join(Case, Prediction.case_id == Case.id)
        .where(Bundle.withdrawn_at.is_(None), Case.state.in_(WAITING))
        .subquery()
    )
    counted = (
        select(Image.case_id, func.count().label("images"))
        .join(Case, Image.case_id == Case.id)
        .where(Case.state.in_(WAITING))
        .group_by(Image.case_id)
        .subquery()
    )
    rows = session.execute(
        select(
            Case.id,
            Case.external_id,
            Case.source,
            Case.received_at,
            func.coalesce(ranked.c.queue_urgency, ABSTAINED_PRIORITY.value),
            func.coalesce(counted.c.images, 0),
        )
        .outerjoin(ranked, (ranked.c.case_id == Case.id) & (ranked.c.place == 1))
        .outerjoin(counted, counted.c.case_id == Case.id)
        .where(Case.state.in_(WAITING))
    )
    return [
        QueuedCase(case_id, external_id, source, received_at, Urgency(urgency), images)
        for case_id, external_id, source, received_at, urgency, images in rows
    ]
