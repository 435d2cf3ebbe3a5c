"""Whether the tables hold what the events say, read from the tables by plain SQL."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from triage.ledger.review_history import CaseHistory
from triage.ledger.review_replay import replay
from triage.review.case_work import history_events
from triage.store import Store


def moment(value: Any) -> datetime | None:
    """A time of either database."""
    if value is None:
        return None
    parsed = datetime.fromisoformat(value) if isinstance(value, str) else value
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def plain(value: Any) -> Any:
    """A JSON value of either database."""
    return json.loads(value) if isinstance(value, str) else value


def assert_rows_follow(store: Store, *, begun_only: bool = False) -> dict[int, CaseHistory]:
    """Compare every case's rows with its events; return the histories.

    Parameters
    ----------
    store : Store
    begun_only : bool
        Whether to leave cases out that nobody has opened.
    """
    which = "WHERE version > 0" if begun_only else ""
    with store.reading() as session:
        found = {}
        numbers = session.scalars(text("SELECT id FROM event ORDER BY id")).all()
        assert numbers == list(range(1, len(numbers) + 1)), "the numbers have gaps"
        query = text(f'SELECT id, state, version, policy FROM "case" {which}')
        for row in session.execute(query).all():
            history = replay(history_events(session, row.id))
            assert (row.state, row.version) == (history.state, history.version)
            policy = plain(row.policy)
            assert policy == (None if history.policy is None else asdict(history.policy))
            found[row.id] = history
        for case_id, history in found.items():
            _assert_reviews(session, case_id, history)
            _assert_after_decision(session, case_id, history)
    return found


def _assert_reviews(session: Any, case_id: int, history: CaseHistory) -> None:
    rows = session.execute(text("SELECT * FROM review WHERE case_id = :c"), {"c": case_id})
    stored = {
        (row.id, row.reviewer, moment(row.opened_at), moment(row.revealed_at), row.prediction_id)
        for row in rows
    }
    assert stored == {
        (one.review, one.reader, one.opened_at, one.revealed_at, one.prediction)
        for one in history.readers.values()
    }
    rows = session.execute(
        text(
            "SELECT read.*, review.reviewer FROM read JOIN review ON read.review_id = review.id "
            "WHERE review.case_id = :c ORDER BY read.id"
        ),
        {"c": case_id},
    )
    stored_reads = [
        (
            (row.id, row.review_id, row.reviewer, row.kind, row.round),
            (plain(row.conditions), row.urgency, row.certainty, row.reason_code, row.comment),
            plain(row.rubric),
            (moment(row.at), moment(row.withdrawn_at)),
        )
        for row in rows
    ]
    assert stored_reads == [
        (
            (one.facts.read, one.review, one.reader, one.kind, one.round),
            (
                list(one.facts.conditions),
                one.facts.urgency,
                one.facts.certainty,
                one.facts.reason_code,
                one.facts.comment,
            ),
            dict(one.facts.rubric),
            (one.at, one.withdrawn_at),
        )
        for one in sorted(history.reads, key=lambda one: one.facts.read)
    ]


def _assert_after_decision(session: Any, case_id: int, history: CaseHistory) -> None:
    given = {"c": case_id}
    rows = session.execute(text("SELECT * FROM signature WHERE case_id = :c ORDER BY id"), given)
    assert [
        (row.id, row.signed_by, row.printed_name, row.meaning, row.sha256, moment(row.at))
        for row in rows
    ] == [
        (one.signature, one.signed_by, one.printed_name, one.meaning, one.sha256, one.at)
        for one in history.signatures
    ]
    rows = session.execute(text("SELECT * FROM addendum WHERE case_id = :c ORDER BY id"), given)
    assert [(row.id, row.author, row.text, moment(row.at)) for row in rows] == [
        (one.addendum, one.author, one.text, one.at) for one in history.addenda
    ]
