"""Whether states of cases, reviews, reads, signatures and addenda follow from the events."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.ledger.review_history import CaseHistory, HistoryEvent
from triage.ledger.review_replay import replay
from triage.store.tables import Addendum, Case, Event, Read, Review, Signature

_CHUNK = 1000
Facts = Mapping[str, Any]


def review_findings(session: Session) -> list[str]:
    """Compare cases and their reviews with their events; one line a difference."""
    findings: list[str] = []
    for numbers in _chunks(session):
        stored = _stored(session, numbers)
        for number, history in _histories(session, numbers).items():
            for table, rows in _expected(number, history).items():
                findings += _differences(table, rows, stored[table].get(number, {}))
    return findings


def _chunks(session: Session) -> Iterator[Sequence[int]]:
    last = 0
    query = select(Case.id).order_by(Case.id).limit(_CHUNK)
    while numbers := session.scalars(query.where(Case.id > last)).all():
        yield numbers
        last = numbers[-1]


def _histories(session: Session, numbers: Sequence[int]) -> dict[int, CaseHistory]:
    query = (
        select(Event.case_id, Event.kind, Event.actor, Event.at, Event.payload)
        .where(Event.case_id.in_(numbers))
        .order_by(Event.id)
    )
    events: dict[int, list[HistoryEvent]] = {number: [] for number in numbers}
    for case_id, kind, actor, at, payload in session.execute(query):
        assert case_id is not None, "the query names cases"
        events[case_id].append(HistoryEvent(kind, actor, at, _content(payload)))
    return {number: replay(found) for number, found in events.items()}


def _content(payload: str) -> dict[str, Any]:
    try:
        content = json.loads(payload)
    except (ValueError, TypeError, RecursionError):
        return {}  # the verification of the chain finds it
    return content if isinstance(content, dict) else {}


def _stored(session: Session, numbers: Sequence[int]) -> dict[str, dict[int, dict[int, Facts]]]:
    """Table to case to the rows by their numbers."""
    of_case: dict[str, tuple[Any, Any, tuple[str, ...]]] = {
        "case": (Case, Case.id, ("state", "version", "policy")),
        "review": (
            Review,
            Review.case_id,
            ("reviewer", "opened_at", "revealed_at", "prediction_id"),
        ),
        "signature": (
            Signature,
            Signature.case_id,
            ("signed_by", "printed_name", "meaning", "sha256", "at"),
        ),
        "addendum": (Addendum, Addendum.case_id, ("author", "text", "at")),
    }
    stored: dict[str, dict[int, dict[int, Facts]]] = {}
    for table, (row, case_id, names) in of_case.items():
        columns = [getattr(row, name) for name in names]
        query = select(case_id.label("of_case"), row.id, *columns).where(case_id.in_(numbers))
        stored[table] = _by_case(session.execute(query).mappings(), names)
    names = tuple(_READ_COLUMNS)
    query = (
        select(
            Review.case_id.label("of_case"),
            Read.id,
            *(getattr(Read, name) for name in names),
        )
        .join(Read.review)
        .where(Review.case_id.in_(numbers))
    )
    stored["read"] = _by_case(session.execute(query).mappings(), names)
    return stored


_READ_COLUMNS = (
    "review_id", "kind", "round", "conditions", "urgency", "certainty", "reason_code", "comment",
    "rubric", "follow_up", "at", "withdrawn_at",
)  # fmt: skip


def _by_case(
    rows: Iterable[Mapping[Any, Any]], names: Sequence[str]
) -> dict[int, dict[int, Facts]]:
    found: dict[int, dict[int, Facts]] = defaultdict(dict)
    for row in rows:
        found[row["of_case"]][row["id"]] = {name: row[name] for name in names}
    return found


def _expected(number: int, history: CaseHistory) -> dict[str, dict[int, Facts]]:
    """Rows of each table as the events of a case say, by their numbers."""
    return {
        "case": {
            number: {
                "state": history.state,
                "version": history.version,
                "policy": None if history.policy is None else asdict(history.policy),
            }
        },
        "review": {
            one.review: {
                "reviewer": one.reader,
                "opened_at": one.opened_at,
                "revealed_at": one.revealed_at,
                "prediction_id": one.prediction,
            }
            for one in history.readers.values()
        },
        "read": {
            one.facts.read: {
                "review_id": one.review,
                "kind": one.kind,
                "round": one.round,
                "conditions": list(one.facts.conditions),
                "urgency": one.facts.urgency,
                "certainty": one.facts.certainty,
                "reason_code": one.facts.reason_code,
                "comment": one.facts.comment,
                "rubric": one.facts.rubric,
                "follow_up": one.facts.follow_up and asdict(one.facts.follow_up),
                "at": one.at,
                "withdrawn_at": one.withdrawn_at,
            }
            for one in history.reads
        },
        "signature": {
            one.signature: {
                "signed_by": one.signed_by,
                "printed_name": one.printed_name,
                "meaning": one.meaning,
                "sha256": one.sha256,
                "at": one.at,
            }
            for one in history.signatures
        },
        "addendum": {
            one.addendum: {"author": one.author, "text": one.text, "at": one.at}
            for one in history.addenda
        },
    }


def _differences(
    table: str, expected: Mapping[int, Facts], stored: Mapping[int, Facts]
) -> Iterator[str]:
    for number, facts in expected.items():
        row = stored.get(number)
        if row is None:
            yield f"{table} {number}: is missing, and events state it"
            continue
        for name, value in facts.items():
            if row[name] != value:
                yield f"{table} {number}: {name} is not what its events say"
    for number in stored.keys() - expected.keys():
        yield f"{table} {number}: no event states what it is"
