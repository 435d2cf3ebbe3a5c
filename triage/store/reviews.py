"""Reviews on their way from opened to decided.

These functions keep what the workflow (`triage.review.workflow`) has allowed;
the order of the steps is also a check in the database.
"""

from __future__ import annotations

import unicodedata
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.errors import StoreError
from triage.store.records import FinalRead, Read, ReviewRecord
from triage.store.tables import Case, Review
from triage.store.upsert import add_once
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency


def reader_key(name: str) -> str:
    """Return what two spellings of one reader's name have in common, for comparison only.

    Letter case, width and ligatures (Unicode NFKC), blanks, and characters that do not show, such
    as a zero-width space, make no other reader: 'Dr Wire' is 'dr\u00a0 WIRE'. Accents do.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    seen = "".join(mark for mark in folded if unicodedata.category(mark) != "Cf")
    return " ".join(seen.split())


def begin_review(
    session: Session, case_id: int, reviewer: str, at: datetime
) -> tuple[ReviewRecord, bool]:
    """Return a reader's review of a case, begun now if there was none, and whether it was begun."""
    # Two spellings of one name at once: the unique constraint compares bytes, so the second waits.
    session.execute(select(Case.id).where(Case.id == case_id).with_for_update(key_share=True))
    if found := find_review(session, case_id, reviewer):
        return found, False
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

    Names are compared by `reader_key`. Where an earlier version stored reviews under two spellings
    of one name, the one that has come furthest is returned, so that none is blind after a reveal.

    Parameters
    ----------
    for_update : bool
        Hold the row until the transaction ends, so that a double submit waits
        and then finds the step already taken.
    """
    query = select(Review).where(Review.case_id == case_id).order_by(Review.id)
    rows = session.scalars(query.with_for_update() if for_update else query)
    key = reader_key(reviewer)
    same = [row for row in rows if reader_key(row.reviewer) == key]
    return _record(max(same, key=_steps)) if same else None


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


def keep_decision(session: Session, review_id: int, decision: FinalRead) -> None:
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


def _steps(row: Review) -> int:
    """How many steps a review has taken; `max` takes the oldest of equals."""
    return sum(at is not None for at in (row.first_at, row.revealed_at, row.final_at))


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
        final=FinalRead(final, row.final_reason_code, row.final_comment or "") if final else None,
    )
