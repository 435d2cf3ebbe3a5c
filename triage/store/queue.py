"""Cases that wait for a decision."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from triage.store.records import QueuedCase
from triage.store.tables import Case, Image
from triage.store.worklist_order import is_waiting
from triage.vocabulary.clinical import Urgency

_CLASSES = {urgency.rank: urgency for urgency in Urgency}


def cases_waiting(session: Session) -> list[QueuedCase]:
    """Return every case without a decision, in no particular order."""
    images = select(func.count(Image.id)).where(Image.case_id == Case.id).scalar_subquery()
    rows = session.execute(
        select(
            Case.id, Case.external_id, Case.source, Case.received_at, Case.queue_rank, images
        ).where(is_waiting())
    )
    return [
        QueuedCase(case_id, external_id, source, received_at, _CLASSES[rank], count)
        for case_id, external_id, source, received_at, rank, count in rows
    ]
