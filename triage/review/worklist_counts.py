"""The numbers above a worklist."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from triage.accounts import Action, Actor, require
from triage.review.policies import SitePolicy
from triage.review.worklist import require_time_zone
from triage.review.worklist_filter import EVERY_CASE, WorklistFilter
from triage.review.worklist_items import COUNTED_TO, WorklistCounts
from triage.review.worklist_query import (
    Selection,
    policies_by_source,
    selection,
    waiting_sources,
)
from triage.store import Store
from triage.store.locks import locks
from triage.store.tables import Case, Read, Review
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.reader_names import reader_key
from triage.vocabulary.review_policies import ReadKind

_PART = 500
_ANSWERS = (ReadKind.FINAL, ReadKind.SECOND, ReadKind.ADJUDICATION)


def worklist_counts(
    store: Store, actor: Actor, now: datetime, wanted: WorklistFilter = EVERY_CASE
) -> WorklistCounts:
    """Return the numbers above a worklist.

    Cases past their deadline are counted over all sites whatever the filter. Where a site hides
    the priority, its cases count from the deadline of the least urgent class on: their number, and
    the moment at which it grows, would tell the class of a case otherwise.

    Parameters
    ----------
    now : datetime
        With a time zone; today began at its midnight.

    Raises
    ------
    UsageError
        If the time has no time zone.
    PermissionDenied
        If the actor may not see cases.
    """
    require(actor, Action.VIEW_CASES)
    require_time_zone(now)
    with store.reading() as session:
        return counts_of(session, actor, now, selection(session, wanted))


def counts_of(session: Session, actor: Actor, now: datetime, chosen: Selection) -> WorklistCounts:
    """Return the numbers above a worklist of some cases; see `worklist_counts`."""
    waiting = _counted(session, chosen)
    overdue = _overdue(session, now)
    others = _in_work_by_others(session, chosen, actor, now)
    done = _done_today(session, actor, now)
    capped = COUNTED_TO in (waiting, overdue)
    return WorklistCounts(waiting, overdue, others, done, capped)


def _counted(session: Session, chosen: Selection) -> int:
    total = 0
    for part in chosen.parts():
        # In the order of an index, which holds waiting cases only.
        query = part.counted(select(Case.id)).order_by(Case.received_at, Case.id)
        total += _capped(session, query, COUNTED_TO - total)
        if total == COUNTED_TO:
            break
    return total


def _overdue(session: Session, now: datetime) -> int:
    """Cases past their deadline; past that of the least urgent class where the class is hidden."""
    policies = policies_by_source(session)
    shown, hidden = [], defaultdict(list)
    for source in waiting_sources(session):
        policy = policies.get(source, SitePolicy())
        if policy.priority_visible:
            shown.append(source)
        else:
            hidden[max(policy.deadlines.of(urgency) for urgency in Urgency)].append(source)
    # Of every class, so that the index by class and due time is used.
    ranks = [urgency.rank for urgency in Urgency]
    late: list[tuple[list[str], tuple[ColumnElement[bool], ...]]] = [
        (shown, (Case.queue_rank.in_(ranks), Case.due_at < now))
    ]
    late += [(sources, (Case.received_at < now - allowed,)) for allowed, sources in hidden.items()]
    late = [(sources, conditions) for sources, conditions in late if sources]
    total = 0
    for sources, conditions in late:
        named = tuple(sources) if len(late) > 1 else ()  # all there are need not be named
        query = Selection(named, conditions).of(select(Case.id))
        total += _capped(session, query, COUNTED_TO - total)
    return total


def _capped(session: Session, query: Select[Any], most: int) -> int:
    found = query.limit(most).subquery()
    return session.scalar(select(func.count()).select_from(found)) or 0


def _in_work_by_others(session: Session, chosen: Selection, actor: Actor, now: datetime) -> int:
    own = reader_key(actor.name)
    reserved = locks(session, now).values()
    numbers = [lock.case_id for lock in reserved if reader_key(lock.owner) != own][:COUNTED_TO]
    total = 0
    for begin in range(0, len(numbers), _PART):
        query = select(func.count(Case.id)).where(Case.id.in_(numbers[begin : begin + _PART]))
        total += session.scalar(chosen.of(query)) or 0
    return total


def _done_today(session: Session, actor: Actor, now: datetime) -> int:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    rows = session.execute(
        select(Review.case_id, Review.reviewer)
        .join(Read, Read.review_id == Review.id)
        .where(Read.at >= midnight, Read.withdrawn_at.is_(None), Read.kind.in_(_ANSWERS))
    )
    own = reader_key(actor.name)
    return len({case_id for case_id, reviewer in rows if reader_key(reviewer) == own})
