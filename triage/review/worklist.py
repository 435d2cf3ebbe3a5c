"""Which case comes next.

The order is by urgency, then by waiting time. It follows from the AI's urgency and so is a hint;
a worklist that ignored urgency would be worse. Nothing else of the AI is in it: an
abstained or unscored case looks like any other of its class.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.accounts import Actor
from triage.errors import UsageError
from triage.review.worklist_filter import EVERY_CASE, WorklistFilter
from triage.review.worklist_items import (
    Pressure,
    WorklistCounts,
    WorklistPage,
    WorklistSite,
)
from triage.store import Store, cases_waiting
from triage.store.deadlines import Deadlines
from triage.store.locks import locks
from triage.store.tables import SitePolicyRow
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.reader_names import reader_key

_NEAR = 0.25  # the last quarter of a class's time; our default


@dataclass(frozen=True, slots=True)
class _OldItem:
    """One waiting case, with nothing of the AI but its class.

    Parameters
    ----------
    band : Urgency or None
        None, as are `deadline` and `pressure`, where the policy of the site hides the priority.
    reserved_by : str, optional
        The reader who has the case now.
    """

    case_id: int
    external_id: str
    source: str
    band: Urgency | None
    received_at: datetime
    waiting: timedelta
    deadline: datetime | None
    pressure: Pressure | None
    images: int
    reserved_by: str | None = None

    def is_free_for(self, reader: str) -> bool:
        """Whether a reader can open the case now."""
        return self.reserved_by is None or reader_key(self.reserved_by) == reader_key(reader)


def worklist(store: Store, now: datetime, deadlines: Deadlines | None = None) -> list[_OldItem]:
    """Return the cases without a decision: the most urgent class first, then the longest wait.

    Parameters
    ----------
    store : Store
        The case database.
    now : datetime
        With a time zone; waiting times and deadlines are measured against it.
    deadlines : Deadlines, optional
        Our defaults if not given.

    Raises
    ------
    UsageError
        If the time has no time zone.
    """
    if now.tzinfo is None:
        raise UsageError("the time has no time zone", where="now", hint="Give one, such as UTC.")
    limits = deadlines or Deadlines()
    with store.reading() as session:
        waiting = cases_waiting(session)
        hidden = _sites_without_priority(session)
        reserved = locks(session, now)
    waiting.sort(key=lambda case: (case.queue_urgency.rank, case.received_at, case.id))
    items = []
    for case in waiting:
        allowed = limits.of(case.queue_urgency)
        deadline = case.received_at + allowed
        visible = case.source not in hidden
        items.append(
            _OldItem(
                case_id=case.id,
                external_id=case.external_id,
                source=case.source,
                band=case.queue_urgency if visible else None,
                received_at=case.received_at,
                waiting=now - case.received_at,
                deadline=deadline if visible else None,
                pressure=_pressure(deadline - now, allowed) if visible else None,
                images=case.images,
                reserved_by=reserved[case.id].owner if case.id in reserved else None,
            )
        )
    return items


def _sites_without_priority(session: Session) -> frozenset[str]:
    rows = session.execute(select(SitePolicyRow.site, SitePolicyRow.policy))
    return frozenset(site for site, policy in rows if not policy["priority_visible"])


def _pressure(left: timedelta, allowed: timedelta) -> Pressure:
    if left < timedelta():
        return Pressure.OVERDUE
    return Pressure.NEAR if left <= allowed * _NEAR else Pressure.IN_TIME


PAGE_SIZE = 25
"""Cases of one page, where no other number is asked for."""


def worklist_page(
    store: Store,
    actor: Actor,
    now: datetime,
    *,
    wanted: WorklistFilter = EVERY_CASE,
    after: str | None = None,
    size: int = PAGE_SIZE,
) -> WorklistPage:
    """Return a part of the worklist.

    Raises
    ------
    UsageError
        If `after` is not what an earlier page gave for the same order, the size is not 1 to 200 or
        the time has no time zone.
    PermissionDenied
        If the actor may not see cases.
    """
    raise NotImplementedError


def worklist_counts(
    store: Store, actor: Actor, now: datetime, wanted: WorklistFilter = EVERY_CASE
) -> WorklistCounts:
    """Return the numbers above a worklist."""
    raise NotImplementedError


def worklist_sites(store: Store) -> tuple[WorklistSite, ...]:
    """Return the sources with waiting cases, in alphabetical order."""
    raise NotImplementedError
