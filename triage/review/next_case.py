"""Which case a reader gets next.

The order is by urgency class, then by the time that is left, then by arrival, also where the
worklist hides the class. A case past its deadline counts as urgent: it is due before every urgent
case that arrives later, so no case waits for ever while readers keep up with the urgent ones. A
stated share of the cases is drawn from all that wait instead, so that what is read under each
class can be compared with a sample of everything.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from triage.accounts import Action, Actor, require
from triage.review.policies import site_policy
from triage.review.worklist import order_of, require_time_zone
from triage.review.worklist_filter import EVERY_CASE, WorklistFilter
from triage.review.worklist_items import WorklistOrder
from triage.review.worklist_query import (
    OrderedRow,
    Selection,
    column_order,
    policies_by_source,
    rows_in_order,
    selection,
)
from triage.store import Store
from triage.store.tables import Case, CaseLock, Event, Read, Review
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.event_types import EventType
from triage.vocabulary.reader_names import reader_key
from triage.vocabulary.review_policies import ReadKind

_PART = 32
"""Cases that are read at a time; more are needed only where so many are not free."""
_DRAWS = 64
"""Numbers that are drawn at a time."""
_TRIES = 4

_SYSTEM_RANDOM = random.SystemRandom()


def next_case(
    store: Store,
    actor: Actor,
    now: datetime,
    *,
    wanted: WorklistFilter = EVERY_CASE,
    rng: random.Random = _SYSTEM_RANDOM,
) -> int | None:
    """Return the case that a reader is to open next, or None if none is free for them.

    Where a reader searches for a name or a day, and a site hides the priority, the cases found come
    in the order of arrival.

    Free is a case that no other reader has reserved, and of which the reader has given no second
    read. One that the reader has left to others comes when no other is free. The case is not
    reserved yet: of two readers who get the same, `open_case` refuses the second, who asks again.

    Parameters
    ----------
    now : datetime
        With a time zone.
    wanted : WorklistFilter
    rng : random.Random
        Decides whether the case is drawn at random, with the share of the policy of the site whose
        case would come next, and draws it.

    Raises
    ------
    UsageError
        If the time has no time zone.
    PermissionDenied
        If the actor may not read cases.
    """
    require(actor, Action.READ_CASE)
    require_time_zone(now)
    with store.reading() as session:
        chosen = selection(session, wanted)
        candidates = _Candidates(session, actor, now)
        if _tells_priority(session, chosen, wanted):
            ordered = _by_arrival(session, chosen)
        else:
            ordered = _by_urgency(session, chosen, now)
        first = candidates.first(ordered)
        if first is None:
            return candidates.left_to_others
        source = session.scalar(select(Case.source).where(Case.id == first)) or ""
        if rng.random() >= site_policy(session, source).random_next_share:
            return first
        drawn = candidates.first(_drawn(session, chosen, rng))
        return first if drawn is None else drawn


def _tells_priority(session: Session, chosen: Selection, wanted: WorklistFilter) -> bool:
    """Whether the order of urgency would tell a reader what a site hides.

    Who searches for a name or a day can leave any two cases in the list, and see which comes first.
    """
    searched = wanted.text.strip() or wanted.received_from or wanted.received_to
    order = order_of(session, chosen, policies_by_source(session))
    return bool(searched) and order is WorklistOrder.ARRIVAL


def _by_arrival(session: Session, chosen: Selection) -> Iterator[int]:
    columns = column_order(WorklistOrder.ARRIVAL)
    return (row.case_id for row in rows_in_order(session, columns, chosen, size=_PART))


def _by_urgency(session: Session, chosen: Selection, now: datetime) -> Iterator[int]:
    """Numbers of the waiting cases in the order in which they are handed out."""
    late = [_of_class(session, chosen, each, Case.due_at < now) for each in Urgency if each.rank]
    first = heapq.merge(_of_class(session, chosen, Urgency.URGENT), *late)
    rest = (_of_class(session, chosen, each, Case.due_at >= now) for each in Urgency if each.rank)
    return (row.case_id for row in chain(first, chain.from_iterable(rest)))


def _of_class(
    session: Session, chosen: Selection, urgency: Urgency, *due: ColumnElement[bool]
) -> Iterator[OrderedRow]:
    columns = (Case.due_at, Case.received_at, Case.id)
    conditions = (Case.queue_rank == urgency.rank, *due)
    return rows_in_order(session, columns, chosen, *conditions, size=_PART)


def _drawn(session: Session, chosen: Selection, rng: random.Random) -> Iterator[int]:
    """Numbers of waiting cases, each drawn from all of them with equal probability."""
    lowest = session.scalar(select(func.min(Case.id))) or 0
    highest = session.scalar(select(func.max(Case.id))) or 0
    for _ in range(_TRIES):  # numbers of other cases are drawn in vain
        numbers = [rng.randint(lowest, highest) for _ in range(_DRAWS)]
        query = chosen.of(select(Case.id)).where(Case.id.in_(numbers))
        found = set(session.scalars(query))
        yield from (number for number in numbers if number in found)
    # Where few of the cases wait, or few are wanted, they can be counted.
    query = chosen.of(select(Case.id))
    count = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    ordered = query.order_by(Case.received_at, Case.id)
    for _ in range(_DRAWS if count else 0):
        number = session.scalar(ordered.offset(rng.randrange(count)).limit(1))
        if number is not None:
            yield number


class _Candidates:
    """Finds the first case that a reader can open; remembers one that they left to others."""

    def __init__(self, session: Session, actor: Actor, now: datetime) -> None:
        self._session = session
        self._key = reader_key(actor.name)
        self._now = now
        self.left_to_others: int | None = None

    def first(self, numbers: Iterable[int]) -> int | None:
        """Return the first free case, None if there is none."""
        remaining = iter(numbers)
        while part := list(islice(remaining, _PART)):
            taken = self._taken(part)
            left = self._left(part)
            for number in part:
                if number in left and number not in taken:
                    self.left_to_others = self.left_to_others or number
                elif number not in taken:
                    return number
        return None

    def _taken(self, numbers: Sequence[int]) -> set[int]:
        """Cases that others have reserved, or of which the reader has given a second read."""
        locks = select(CaseLock.case_id, CaseLock.owner).where(
            CaseLock.case_id.in_(numbers), CaseLock.until > self._now
        )
        second = (
            select(Review.case_id, Review.reviewer)
            .join(Read, Read.review_id == Review.id)
            .where(
                Review.case_id.in_(numbers),
                Read.kind == ReadKind.SECOND,
                Read.withdrawn_at.is_(None),
            )
        )
        return self._of(locks, mine=False) | self._of(second, mine=True)

    def _left(self, numbers: Sequence[int]) -> set[int]:
        """Cases on the worklist only because they were left, by this reader among others."""
        skipped = (
            select(Event.case_id, Event.actor)
            .join(Case, Event.case_id == Case.id)
            .where(
                Event.case_id.in_(numbers),
                Event.kind == EventType.CASE_SKIPPED,
                Case.state == CaseState.SKIPPED,
            )
        )
        return self._of(skipped, mine=True)

    def _of(self, query: Any, *, mine: bool) -> set[int]:
        rows = self._session.execute(query)
        return {number for number, name in rows if (reader_key(name) == self._key) is mine}
