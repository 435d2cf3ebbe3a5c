"""Whether the stored labels are those of the events."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.ledger.events.label_events import LabelAdded, LabelWithdrawn
from triage.ledger.events.review_events import CaseCarriedOver
from triage.store.tables import Label
from triage.store.typed_events import typed_events
from triage.vocabulary.event_types import EventType

_CHUNK = 1000


class LabelFacts(NamedTuple):
    """What a label states."""

    case_id: int | None
    condition: str
    source: str
    given_by: str
    ai_visible: bool
    read_id: int | None
    withdrawn: bool
    votes: dict[str, int] | None = None


def label_findings(session: Session) -> list[str]:
    """Compare the labels with their events; one line a difference, none if they agree."""
    told, findings = _replayed(session)
    query = select(Label).order_by(Label.id).execution_options(yield_per=_CHUNK)
    for row in session.scalars(query):
        event = told.pop(row.id, None)
        if event is None:
            findings.append(f"label {row.id}: no event says that it was added")
            continue
        stored = LabelFacts(
            row.case_id,
            row.condition,
            row.source,
            row.given_by,
            row.ai_visible,
            row.read_id,
            row.withdrawn_at is not None,
            row.votes,
        )
        findings += [
            f"label {row.id}: {name} is not what its events say"
            for name in LabelFacts._fields
            if getattr(stored, name) != getattr(event, name)
        ]
    findings += [
        f"label {number}: was added by an event, and is missing" for number in sorted(told)
    ]
    return findings


def _replayed(session: Session) -> tuple[dict[int, LabelFacts], list[str]]:
    """The labels as the events say, and which events do not follow from those before them."""
    told: dict[int, LabelFacts] = {}
    findings = []
    kinds = (EventType.LABEL_ADDED, EventType.LABEL_WITHDRAWN, EventType.CASE_CARRIED_OVER)
    for seq, actor, case_id, event in typed_events(session, *kinds):
        match event:
            case LabelAdded():
                if event.label in told:
                    findings.append(f"event {seq}: adds label {event.label} a second time")
                told[event.label] = LabelFacts(
                    case_id,
                    event.condition,
                    event.source,
                    event.given_by or actor,
                    event.ai_visible,
                    event.read,
                    False,
                    event.votes,
                )
            case LabelWithdrawn():
                if event.label in told:
                    told[event.label] = told[event.label]._replace(withdrawn=True)
                else:
                    findings.append(
                        f"event {seq}: withdraws label {event.label}, which no event adds"
                    )
            case CaseCarriedOver():
                for one in event.labels:
                    told[one.label] = LabelFacts(
                        case_id,
                        one.condition,
                        one.source,
                        one.given_by,
                        one.ai_visible,
                        one.read,
                        False,
                    )
    return told, findings
