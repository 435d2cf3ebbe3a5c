"""Histories of all cases in some states, for the lists that readers choose a case from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.ledger.review_history import CaseHistory, HistoryEvent
from triage.ledger.review_replay import replay
from triage.store.ledger import events_of_cases
from triage.store.tables import Case
from triage.vocabulary.case_states import CaseState

_PART = 500
"""Cases whose events are read at a time."""


@dataclass(frozen=True, slots=True)
class ListedCase:
    """What a list shows of a case besides its review."""

    id: int
    external_id: str
    source: str
    received_at: datetime


def cases_in(
    session: Session, *states: CaseState, most: int | None = None
) -> Iterator[tuple[ListedCase, CaseHistory]]:
    """Yield the cases in some states with their histories, the one received first first.

    Parameters
    ----------
    session : Session
    *states : CaseState
    most : int, optional
        Only so many cases are read; without it all are.
    """
    rows = session.execute(
        select(Case.id, Case.external_id, Case.source, Case.received_at)
        .where(Case.state.in_(states))
        .order_by(Case.received_at, Case.id)
        .limit(most)
    ).all()
    for start in range(0, len(rows), _PART):
        part = rows[start : start + _PART]
        records = groupby(
            events_of_cases(session, [row.id for row in part]), key=lambda record: record.case_id
        )
        histories = {
            case_id: replay(
                HistoryEvent(one.kind, one.actor, one.at, one.payload) for one in of_case
            )
            for case_id, of_case in records
        }
        for row in part:
            if row.id in histories:
                yield ListedCase(*row), histories[row.id]
