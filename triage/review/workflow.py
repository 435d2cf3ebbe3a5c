"""The steps of a review: open, blind first read, reveal, decision.

Each step is one transaction that also appends its event. Taking a step twice with the
same content changes nothing; taking it with other content, or out of turn, is a
`WorkflowError`. Every reader has a review of their own: two readers of one case
stay apart and never see each other's. A reader is known by name, compared without regard to
letter case and blanks (`triage.store.reviews.reader_key`), so another spelling of it is no second
blind read.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from triage.errors import WorkflowError
from triage.review.open_review import (
    add_label_of_read,
    event_facts,
    reader_name,
    require_open,
    same_read,
)
from triage.review.opinion import Opinion, departures, opinion_of
from triage.store import EventType, LabelSource, Store, append_event
from triage.store.base import utc_now
from triage.store.cases import get_case
from triage.store.predictions import get_prediction, shown_prediction
from triage.store.records import FinalRead, Read, ReviewRecord
from triage.store.reviews import (
    begin_review,
    find_review,
    keep_decision,
    keep_reveal,
)
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.read_answers import Certainty, OverrideReason


def open_case(
    store: Store, case_id: int, reviewer: str, *, at: datetime | None = None
) -> ReviewRecord:
    """Begin, or take up again, a reader's review of a case.

    Raises
    ------
    WorkflowError
        If the reader has no name.
    StoreError
        If there is no such case.
    """
    name, moment = reader_name(reviewer), at or utc_now()
    with store.reading() as session:  # taking up again must not wait for a writer
        get_case(session, case_id)
        if review := find_review(session, case_id, name):
            return review
    with store.transaction() as session:
        review, begun = begin_review(session, case_id, name, moment)
        if begun:
            append_event(session, EventType.CASE_OPENED, actor=name, case_id=case_id, at=moment)
        return review


def taken_up(store: Store, case_id: int, reviewer: str) -> ReviewRecord | None:
    """Return a reader's review of a case without beginning one, or None.

    Raises
    ------
    WorkflowError
        If the reader has no name.
    """
    with store.reading() as session:
        return find_review(session, case_id, reader_name(reviewer))


def reveal(
    store: Store, case_id: int, reviewer: str, *, at: datetime | None = None
) -> Opinion | None:
    """Give the reader the AI's opinion of a case; the only way to get it.

    Which prediction was shown is stored, and the same one is shown from then on.

    Returns
    -------
    Opinion or None
        None if no bundle had scored the case at the first reveal.

    Raises
    ------
    WorkflowError
        If the reader's first read is not locked.
    """
    with store.reading() as session:  # showing again must not wait for a writer
        review = require_open(session, case_id, reviewer, for_update=False)
        if review.revealed_at is not None:
            return _opinion_shown(session, review)
    with store.transaction() as session:
        review = require_open(session, case_id, reviewer)
        if review.first is None:
            raise WorkflowError(
                "The AI's opinion is shown only after your first read is locked.",
                hint="Give your first read.",
            )
        if review.revealed_at is not None:
            return _opinion_shown(session, review)
        moment = at or utc_now()
        shown = shown_prediction(session, case_id)
        keep_reveal(session, review.id, shown.id if shown else None, moment)
        append_event(
            session,
            EventType.AI_REVEALED,
            actor=review.reviewer,
            case_id=case_id,
            at=moment,
            review=review.id,
            prediction=shown.id if shown else None,
            bundle=shown.bundle_digest if shown else None,
        )
        return None if shown is None else opinion_of(shown)


def decide(
    store: Store,
    case_id: int,
    reviewer: str,
    *,
    condition: str,
    urgency: Urgency,
    certainty: Certainty,
    reason: OverrideReason | None = None,
    comment: str = "",
    at: datetime | None = None,
) -> ReviewRecord:
    """Store the reader's decision; the case leaves the worklist.

    It also becomes a label, marked as given with the AI visible.

    Raises
    ------
    WorkflowError
        If nothing was revealed yet, another decision stands, or a needed reason
        or comment is missing.
    """
    decision = FinalRead(
        Read(condition, urgency, certainty, at or utc_now()), reason, comment.strip()
    )
    with store.transaction() as session:
        review = require_open(session, case_id, reviewer)
        if review.first is None or review.revealed_at is None:
            raise WorkflowError("A decision comes after the first read and the reveal.")
        if review.final is not None:
            if _same_decision(review.final, decision):
                return review
            raise WorkflowError("Your decision on this case is made and cannot change.")
        apart = departures(decision.read, review.first, _opinion_shown(session, review))
        if apart and reason is None:
            raise WorkflowError(
                f"The decision differs from {' and from '.join(apart)}.", hint="Give a reason."
            )
        if reason is OverrideReason.OTHER and not decision.comment:
            raise WorkflowError("The reason 'other' needs words.", hint="Write a comment.")
        keep_decision(session, review.id, decision)
        add_label_of_read(session, review, decision.read, LabelSource.AI_VISIBLE)
        append_event(
            session,
            EventType.DECISION_MADE,
            actor=review.reviewer,
            case_id=case_id,
            at=decision.read.at,
            review=review.id,
            reason_code=reason,
            comment=decision.comment,
            **event_facts(decision.read),
        )
        return require_open(session, case_id, reviewer)


def _opinion_shown(session: Session, review: ReviewRecord) -> Opinion | None:
    if review.prediction_id is None:
        return None
    return opinion_of(get_prediction(session, review.prediction_id))


def _same_decision(a: FinalRead, b: FinalRead) -> bool:
    return same_read(a.read, b.read) and (a.reason_code, a.comment) == (b.reason_code, b.comment)
