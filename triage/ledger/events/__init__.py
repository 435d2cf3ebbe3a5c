"""The types of events, one dataclass each, and the one that a stored event is."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from triage.ledger.event import LedgerEvent
from triage.ledger.events import (
    account_events,
    audit_events,
    case_events,
    label_events,
    learning_events,
    ledger_events,
    model_events,
    monitoring_events,
    review_events,
)
from triage.vocabulary.event_types import EventType

_MODULES = (
    account_events,
    audit_events,
    case_events,
    label_events,
    learning_events,
    ledger_events,
    model_events,
    monitoring_events,
    review_events,
)

EVENT_CLASSES: dict[str, type[LedgerEvent]] = {
    member.kind.value: member
    for module in _MODULES
    for member in vars(module).values()
    if isinstance(member, type) and issubclass(member, LedgerEvent) and member is not LedgerEvent
}
"""Kind to the class of events of that kind."""


def event_of(kind: str, payload: dict[str, Any]) -> LedgerEvent | None:
    """Return a stored event as one of its type.

    None of a kind that this version does not know, or of a payload of an earlier release: such
    events stay readable as they are, and what was true then is in `case_carried_over`.
    """
    event_class = EVENT_CLASSES.get(kind)
    if event_class is None:
        return None
    try:
        return event_class.from_payload(payload)
    except ValidationError:
        return None


__all__ = ["EVENT_CLASSES", "EventType", "LedgerEvent", "event_of"]
