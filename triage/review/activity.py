"""Active time of readers on cases: time between two activities counts unless it is an idle gap."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from triage.accounts import Actor
from triage.review.policies import site_policy
from triage.store import Store
from triage.store.base import utc_now
from triage.store.cases import get_case
from triage.store.tables import Activity


def note_activity(
    store: Store,
    case_id: int,
    actor: Actor,
    *,
    revealed: bool,
    at: datetime | None = None,
) -> None:
    """Count the time since a reader's last activity on a case, unless they were idle meanwhile.

    Parameters
    ----------
    revealed : bool
        Whether the reader sees the AI's opinion now; the time counts as after the reveal then.
    at : datetime, optional
        Now by default.
    """
    moment = at or utc_now()

    def write(session: Session) -> None:
        case = get_case(session, case_id)
        row = session.scalar(_query(case_id, actor.name))
        if row is None:
            session.add(
                Activity(
                    case_id=case_id,
                    reader=actor.name,
                    seconds_before=0.0,
                    seconds_after=0.0,
                    last_at=moment,
                )
            )
            return
        gap = (moment - row.last_at).total_seconds()
        if 0 < gap <= site_policy(session, case.source).idle_seconds:
            if revealed:
                row.seconds_after += gap
            else:
                row.seconds_before += gap
        row.last_at = max(moment, row.last_at)

    store.write(write)


def active_seconds(session: Session, case_id: int, reader: str) -> tuple[int, int]:
    """Return a reader's active time on a case before and after the reveal, in whole seconds."""
    row = session.scalar(_query(case_id, reader))
    return (0, 0) if row is None else (round(row.seconds_before), round(row.seconds_after))


def _query(case_id: int, reader: str) -> Select[Activity]:
    return select(Activity).where(Activity.case_id == case_id, Activity.reader == reader)
