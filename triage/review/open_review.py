"""The open review of a reader, and what every step does with a read."""

from __future__ import annotations

from sqlalchemy.orm import Session

from triage.errors import WorkflowError
from triage.store import LabelSource, add_label
from triage.store.records import Read, ReviewRecord
from triage.store.reviews import find_review


def reader_name(reviewer: str) -> str:
    """Return a reader's name with single blanks; raise WorkflowError if it is empty."""
    name = " ".join(reviewer.split())
    if not name:
        raise WorkflowError("A review needs a reader.", hint="Give your name.")
    return name


def require_open(
    session: Session, case_id: int, reviewer: str, *, for_update: bool = True
) -> ReviewRecord:
    """Return a reader's review of a case; raise WorkflowError if it is not open."""
    review = find_review(session, case_id, reader_name(reviewer), for_update=for_update)
    if review is None:
        raise WorkflowError("This case is not open.", hint="Open it first.")
    return review


def same_read(a: Read, b: Read) -> bool:
    """Whether two reads state the same, whenever they were given."""
    return (a.condition, a.urgency, a.certainty) == (b.condition, b.urgency, b.certainty)


def event_facts(read: Read) -> dict[str, str]:
    """What an event records of a read."""
    return {"condition": read.condition, "urgency": read.urgency, "certainty": read.certainty}


def add_label_of_read(
    session: Session, review: ReviewRecord, read: Read, source: LabelSource
) -> None:
    """Add a read as a label of its case."""
    add_label(
        session,
        review.case_id,
        read.condition,
        source,
        given_by=review.reviewer,
        ai_visible=source is LabelSource.AI_VISIBLE,
        review_id=review.id,
        at=read.at,
    )
