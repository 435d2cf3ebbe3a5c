"""The blind first read: locked before the AI's opinion can be seen."""

from __future__ import annotations

from datetime import datetime

from triage.errors import WorkflowError
from triage.review.open_review import (
    add_label_of_read,
    event_facts,
    require_open,
    same_read,
)
from triage.store import EventType, LabelSource, Store, append_event
from triage.store.base import utc_now
from triage.store.records import Read, ReviewRecord
from triage.store.reviews import keep_first_read
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.read_answers import Certainty


def lock_first_read(
    store: Store,
    case_id: int,
    reviewer: str,
    *,
    condition: str,
    urgency: Urgency,
    certainty: Certainty,
    at: datetime | None = None,
) -> ReviewRecord:
    """Store what the reader thinks before seeing the AI's opinion; it cannot be changed.

    It also becomes a blind label.

    Raises
    ------
    WorkflowError
        If the case is not open, or another first read is locked already.
    """
    read = Read(condition, urgency, certainty, at or utc_now())
    with store.transaction() as session:
        review = require_open(session, case_id, reviewer)
        if review.first is not None:
            if same_read(review.first, read):
                return review
            raise WorkflowError("Your first read of this case is locked and cannot change.")
        keep_first_read(session, review.id, read)
        add_label_of_read(session, review, read, LabelSource.BLIND)
        append_event(
            session,
            EventType.FIRST_READ_LOCKED,
            actor=review.reviewer,
            case_id=case_id,
            at=read.at,
            review=review.id,
            **event_facts(read),
        )
        return require_open(session, case_id, reviewer)
