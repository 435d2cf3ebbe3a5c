"""Active time of readers on cases: the time between two activities, unless it is an idle gap.

Every step of a review is an activity; a page may note others in between. Several pages of one
reader on one case are one reader, so time is never counted twice.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from triage.accounts import Action, Actor, require
from triage.review.policies import site_policy
from triage.store import Store
from triage.store.base import utc_now
from triage.store.cases import get_case
from triage.store.reviews import hold_case
from triage.store.tables import Activity, Review
from triage.vocabulary.reader_names import reader_key


def note_activity(store: Store, case_id: int, actor: Actor, *, at: datetime | None = None) -> None:
    """Count the time since a reader's last activity on a case, unless they were idle meanwhile.

    Parameters
    ----------
    at : datetime, optional
        Now by default.

    Raises
    ------
    PermissionDenied
        If the actor may not read cases.
    StoreError
        If there is no such case.
    """
    require(actor, Action.READ_CASE)
    moment = at or utc_now()

    def write(session: Session) -> None:
        hold_case(session, case_id)  # a step may be counting as well
        case = get_case(session, case_id)
        idle_after = timedelta(seconds=site_policy(session, case.source).idle_seconds)
        revealed_at = _revealed_at(session, case_id, actor.name)
        count_activity(session, case_id, actor.name, moment, idle_after, revealed_at)

    store.write(write)


def count_activity(
    session: Session,
    case_id: int,
    reader: str,
    at: datetime,
    idle_after: timedelta,
    revealed_at: datetime | None,
) -> None:
    """Count the time since a reader's last activity, in a transaction that holds the case.

    A gap that spans the reveal counts before and after it, each in part. Where the clock was set
    back by more than the idle time, counting goes on from the new time; by less, it may as well be
    that two pages' activities arrived in another order, and nothing is counted twice.

    Parameters
    ----------
    idle_after : timedelta
        The longest gap that counts.
    revealed_at : datetime or None
        When this reader was shown the AI's opinion.
    """
    row = session.scalar(_query(case_id, reader))
    if row is None:
        session.add(
            Activity(
                case_id=case_id,
                reader=reader_key(reader),
                seconds_before=0.0,
                seconds_after=0.0,
                last_at=at,
            )
        )
        session.flush()
        return
    gap = at - row.last_at
    if timedelta() < gap <= idle_after:
        since = at if revealed_at is None else max(row.last_at, min(revealed_at, at))
        row.seconds_before += (since - row.last_at).total_seconds()
        row.seconds_after += (at - since).total_seconds()
    if gap > timedelta() or -gap > idle_after:
        row.last_at = at
    session.flush()


def active_seconds(session: Session, case_id: int, reader: str) -> tuple[int, int]:
    """Return a reader's active time on a case before and after the reveal, in whole seconds."""
    row = session.scalar(_query(case_id, reader))
    return (0, 0) if row is None else (round(row.seconds_before), round(row.seconds_after))


def _query(case_id: int, reader: str) -> Select[Activity]:
    return select(Activity).where(
        Activity.case_id == case_id, Activity.reader == reader_key(reader)
    )


def _revealed_at(session: Session, case_id: int, reader: str) -> datetime | None:
    rows = session.execute(
        select(Review.reviewer, Review.revealed_at).where(Review.case_id == case_id)
    )
    key = reader_key(reader)
    return next((moment for name, moment in rows if reader_key(name) == key), None)
