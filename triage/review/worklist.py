"""Which case comes next.

The order is by urgency, then by waiting time. It follows from the AI's urgency and so is a hint;
a worklist that ignored urgency would be worse. Nothing else of the AI is in it: an
abstained or unscored case looks like any other of its class.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.errors import UsageError
from triage.store import Store, cases_waiting
from triage.store.locks import locks
from triage.store.tables import SitePolicyRow
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.reader_names import reader_key

_NEAR = 0.25  # the last quarter of a class's time; our default


class Deadlines(BaseModel):
    """Time from receipt to decision for each class; the values are our defaults.

    A clinic sets its own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    urgent: timedelta = Field(default=timedelta(days=1), gt=timedelta())
    semi_urgent: timedelta = Field(default=timedelta(days=7), gt=timedelta())
    routine: timedelta = Field(default=timedelta(days=28), gt=timedelta())
    observation: timedelta = Field(default=timedelta(days=90), gt=timedelta())

    def of(self, urgency: Urgency) -> timedelta:
        """Return the time that a class allows."""
        allowed: timedelta = getattr(self, urgency.value)
        return allowed


class Pressure(StrEnum):
    """How a case stands to its deadline."""

    IN_TIME = "in_time"
    NEAR = "near"
    OVERDUE = "overdue"


@dataclass(frozen=True, slots=True)
class WorklistItem:
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


def worklist(store: Store, now: datetime, deadlines: Deadlines | None = None) -> list[WorklistItem]:
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
            WorklistItem(
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
