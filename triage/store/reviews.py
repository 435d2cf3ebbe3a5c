"""Reviews and what readers stated in them.

These functions store what the steps of `triage.review` have allowed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session, selectinload

from triage.store.cases import require_number
from triage.store.records import FinalRead, Read, ReviewRecord
from triage.store.tables import Case, Review
from triage.store.tables import Read as ReadRow
from triage.store.worklist_order import set_order, share_order
from triage.vocabulary.case_states import WAITING_STATES, CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.read_answers import Certainty, OverrideReason
from triage.vocabulary.review_policies import ReadKind


def hold_case(session: Session, case_id: int) -> None:
    """Let other writers of the case wait until the transaction ends.

    Raises
    ------
    NoSuchCase
        If the number can be that of no case.
    """
    require_number(case_id)
    share_order(session)
    session.execute(select(Case.id).where(Case.id == case_id).with_for_update())


def add_review(session: Session, case_id: int, reviewer: str, at: datetime) -> int:
    """Add a reader's review of a case and return its number."""
    row = Review(case_id=case_id, reviewer=reviewer, opened_at=at)
    session.add(row)
    session.flush()
    return row.id


def add_read(
    session: Session,
    review_id: int,
    kind: ReadKind,
    at: datetime,
    *,
    conditions: Sequence[str],
    urgency: Urgency,
    certainty: Certainty,
    reason_code: OverrideReason | None = None,
    comment: str = "",
    rubric: Mapping[str, str] | None = None,
    follow_up: Mapping[str, object] | None = None,
    round_: int = 0,
) -> int:
    """Add what a reader stated and return its number."""
    row = ReadRow(
        review_id=review_id,
        kind=kind,
        round=round_,
        conditions=list(conditions),
        urgency=urgency,
        certainty=certainty,
        reason_code=reason_code,
        comment=comment,
        rubric=dict(rubric or {}),
        follow_up=None if follow_up is None else dict(follow_up),
        at=at,
    )
    session.add(row)
    session.flush()
    return row.id


def withdraw_read(session: Session, read_id: int, at: datetime) -> None:
    """Mark a read as one that counts no more."""
    session.execute(update(ReadRow).where(ReadRow.id == read_id).values(withdrawn_at=at))


def set_revealed(session: Session, review_id: int, prediction_id: int | None, at: datetime) -> None:
    """Store when the AI's opinion was shown first, and which was shown last."""
    session.execute(
        update(Review)
        .where(Review.id == review_id)
        .values(prediction_id=prediction_id, revealed_at=at)
    )


def set_case_state(
    session: Session,
    case_id: int,
    state: CaseState,
    version: int,
    policy: Mapping[str, object] | None,
) -> None:
    """Store the state of a case, the number of its review's events, and its policy."""
    former = session.scalar(select(Case.state).where(Case.id == case_id))
    session.execute(
        update(Case)
        .where(Case.id == case_id)
        .values(state=state, version=version, policy=policy)
        .execution_options(synchronize_session=False)
    )
    if state in WAITING_STATES and former not in WAITING_STATES:
        set_order(session, Case.id == case_id)  # it was kept while the case waited only
    session.expire_all()


def reviews(session: Session, case_id: int | None = None) -> list[ReviewRecord]:
    """Return all reviews, or one case's, in the order of their opening."""
    query = select(Review).options(selectinload(Review.reads)).order_by(Review.id)
    if case_id is not None:
        query = query.where(Review.case_id == case_id)
    return [_record(row) for row in session.scalars(query)]


def _record(row: Review) -> ReviewRecord:
    standing = {read.kind: read for read in row.reads if read.withdrawn_at is None}
    first, final = standing.get(ReadKind.FIRST), standing.get(ReadKind.FINAL)
    return ReviewRecord(
        id=row.id,
        case_id=row.case_id,
        reviewer=row.reviewer,
        opened_at=row.opened_at,
        first=_read(first) if first else None,
        revealed_at=row.revealed_at,
        prediction_id=row.prediction_id,
        final=_final(final) if final else None,
    )


def _final(row: ReadRow) -> FinalRead:
    return FinalRead(_read(row), row.reason_code, row.comment, row.follow_up)


def _read(row: ReadRow) -> Read:
    return Read(tuple(row.conditions), Urgency(row.urgency), row.certainty, row.at)
