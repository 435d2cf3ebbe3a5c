"""Whether the requests for labels are those of the events."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.hashing import hash_json
from triage.ledger.events.learning_events import LabelRequestClosed, LabelsRequested
from triage.store.learning_tables import LabelRequestRow
from triage.store.typed_events import typed_events
from triage.vocabulary.event_types import EventType


def label_request_findings(session: Session) -> list[str]:
    """Compare the requests with their events; one line a difference, none if they agree."""
    asked, closed, findings = _replayed(session)
    findings += _altered_reasons(session)
    for row in session.scalars(select(LabelRequestRow).order_by(LabelRequestRow.id)):
        told = asked.pop((row.batch, row.case_id), None)
        if told is None:
            findings.append(f"label_request {row.id}: no event says that it was made")
            continue
        ended = closed.pop(row.id, None)
        told |= {
            "closed_because": None if ended is None else ended[1],
            "case_id": row.case_id if ended is None else ended[0],
        }
        stored = {
            "kind": row.kind,
            "position": row.position,
            "requested_by": row.requested_by,
            "closed_because": row.closed_because,
            "case_id": row.case_id,
        }
        findings += [
            f"label_request {row.id}: {name} is not what its events say"
            for name, value in stored.items()
            if value != told[name]
        ]
        if (row.closed_at is None) != (ended is None):
            findings.append(f"label_request {row.id}: closed_at is not what its events say")
    findings += [f"case {case}: an event asks for its label, and no row" for _, case in asked]
    findings += [
        f"label_request {number}: was closed by an event, and is none" for number in closed
    ]
    return findings


def _altered_reasons(session: Session) -> list[str]:
    query = select(LabelRequestRow.batch, LabelRequestRow.reason)
    reasons: dict[str, list[str]] = defaultdict(list)
    for batch, reason in session.execute(query.order_by(LabelRequestRow.position)):
        reasons[batch].append(reason)
    return [
        f"event {seq}: the reasons of its requests are not those that it states"
        for seq, _, _, event in typed_events(session, EventType.LABELS_REQUESTED)
        if isinstance(event, LabelsRequested) and hash_json(reasons[event.batch]) != event.reasons
    ]


def _replayed(
    session: Session,
) -> tuple[dict[tuple[str, int], dict[str, Any]], dict[int, tuple[int | None, str]], list[str]]:
    asked: dict[tuple[str, int], dict[str, Any]] = {}
    closed: dict[int, tuple[int | None, str]] = {}
    findings = []
    kinds = (EventType.LABELS_REQUESTED, EventType.LABEL_REQUEST_CLOSED)
    for seq, actor, case_id, event in typed_events(session, *kinds):
        if isinstance(event, LabelsRequested):
            for position, case in enumerate(event.cases):
                asked[event.batch, case] = {
                    "kind": event.request_kind,
                    "position": position,
                    "requested_by": actor,
                }
        elif isinstance(event, LabelRequestClosed):
            if event.request in closed:
                findings.append(f"event {seq}: closes label_request {event.request} a second time")
            closed[event.request] = (case_id, event.because)
    return asked, closed, findings
