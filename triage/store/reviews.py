"""Reviews on their way from opened to decided.

These functions keep what the workflow (`triage.review.workflow`) has allowed;
the order of the steps is also a check in the database.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from triage.data.clinical import Urgency
from triage.errors import StoreError
from triage.store.records import Decision, Read, ReviewRecord
from triage.store.tables import Case, Review
from triage.store.upsert import add_once
from triage.store.vocabulary import CaseState


def begin_review(
    session: Session, case_id: int, reviewer: str, at: datetime
) -> tuple[ReviewRecord, bool]:
    """Return a reader's review of a case, begun now if there was none, and whether it was begun."""
    review_id, added = add_once(
        session,
        Review,
        {"case_id": case_id, "reviewer": reviewer, "opened_at": at},
        unique=("case_id", "reviewer"),
    )
    return _record(_row(session, review_id)), added


def find_review(
    session: Session, case_id: int, reviewer: str, *, for_update: bool = False
) -> ReviewRecord | None:
    """Return a reader's review of a case, or None.

    Parameters
    ----------
    for_update : bool
        Hold the row until the transaction ends, so that a double submit waits
        and then finds the step already taken.
    """
    query = _by_reader(case_id, reviewer)
    row = session.scalar(query.with_for_update() if for_update else query)
    return None if row is None else _record(row)


def keep_first_read(session: Session, review_id: int, read: Read) -> None:
    """Write the blind first read."""
    row = _row(session, review_id)
    row.first_condition = read.condition
    row.first_urgency = read.urgency
    row.first_certainty = read.certainty
    row.first_at = read.at


def keep_reveal(session: Session, review_id: int, prediction_id: int | None, at: datetime) -> None:
    """Write when the AI's opinion was shown, and which one."""
    row = _row(session, review_id)
    row.prediction_id = prediction_id
    row.revealed_at = at


def keep_decision(session: Session, review_id: int, decision: Decision) -> None:
    """Write the decision; the case leaves the worklist."""
    row = _row(session, review_id)
    row.final_condition = decision.read.condition
    row.final_urgency = decision.read.urgency
    row.final_certainty = decision.read.certainty
    row.final_at = decision.read.at
    row.final_reason_code = decision.reason_code
    row.final_comment = decision.comment
    case = session.get(Case, row.case_id)
    assert case is not None, "the foreign key holds"
    case.state = CaseState.REVIEWED


def reviews(session: Session, case_id: int | None = None) -> list[ReviewRecord]:
    """Return all reviews, or one case's, in the order of their opening."""
    query = select(Review).order_by(Review.id)
    if case_id is not None:
        query = query.where(Review.case_id == case_id)
    return [_record(row) for row in session.scalars(query)]


def _by_reader(case_id: int, reviewer: str) -> Select[Review]:
    return select(Review).where(Review.case_id == case_id, Review.reviewer == reviewer)


def _row(session: Session, review_id: int) -> Review:
    row = session.get(Review, review_id)
    if row is None:
        raise StoreError("There is no such review.", where=f"review {review_id}")
    return row


def _read(
    condition: str | None, urgency: str | None, certainty: str | None, at: datetime | None
) -> Read | None:
    if condition is None or urgency is None or certainty is None or at is None:
        return None
    return Read(condition, Urgency(urgency), certainty, at)


def _record(row: Review) -> ReviewRecord:
    final = _read(row.final_condition, row.final_urgency, row.final_certainty, row.final_at)
    return ReviewRecord(
        id=row.id,
        case_id=row.case_id,
        reviewer=row.reviewer,
        opened_at=row.opened_at,
        first=_read(row.first_condition, row.first_urgency, row.first_certainty, row.first_at),
        revealed_at=row.revealed_at,
        prediction_id=row.prediction_id,
        final=Decision(final, row.final_reason_code, row.final_comment or "") if final else None,
    )
