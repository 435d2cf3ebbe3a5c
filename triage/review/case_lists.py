"""Histories of all cases in some states, for the lists that readers choose a case from."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.ledger.review_history import CaseHistory, HistoryEvent
from triage.ledger.review_replay import replay
from triage.store.cases import get_case
from triage.store.ledger import case_events_in
from triage.store.records import StoredCase
from triage.store.tables import Case
from triage.vocabulary.case_states import CaseState


def cases_in(session: Session, *states: CaseState) -> Iterator[tuple[StoredCase, CaseHistory]]:
    """Yield the cases in some states with their histories, the one received first first."""
    order = list(
        session.scalars(
            select(Case.id).where(Case.state.in_(states)).order_by(Case.received_at, Case.id)
        )
    )
    records = groupby(case_events_in(session, states), key=lambda record: record.case_id)
    histories = {
        case_id: replay(HistoryEvent(one.kind, one.actor, one.at, one.payload) for one in of_case)
        for case_id, of_case in records
    }
    for case_id in order:
        if case_id in histories:
            yield get_case(session, case_id), histories[case_id]
