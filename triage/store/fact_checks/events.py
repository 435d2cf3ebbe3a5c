"""Whether the events are such as the software writes."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from triage.ledger.events import EVENT_CLASSES
from triage.store.tables import Event
from triage.store.typed_events import typed_events
from triage.vocabulary.event_types import EventType


def event_findings(session: Session) -> list[str]:
    """Return one line for each event of no known kind, or with another content than its kind has.

    Those before `ledger_begun` are of earlier releases, which are not judged here.
    """
    begun = session.scalar(
        select(func.min(Event.id)).where(Event.kind == EventType.LEDGER_BEGUN.value)
    )
    if begun is None:
        return []  # the verification of the chain finds it
    unknown = session.scalars(
        select(Event.id)
        .where(Event.id > begun, Event.kind.not_in(EVENT_CLASSES))
        .order_by(Event.id)
    )
    findings = [f"event {seq}: is of a kind that this version does not write" for seq in unknown]
    kinds = [EventType(kind) for kind in EVENT_CLASSES]
    findings += [
        f"event {seq}: its content is not that of its kind"
        for seq, _, _, event in typed_events(session, *kinds, after=begun)
        if event is None
    ]
    return findings
