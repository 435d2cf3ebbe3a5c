"""Events of labels."""

from __future__ import annotations

from dataclasses import dataclass

from triage.ledger.event import LedgerEvent
from triage.vocabulary.event_types import EventType
from triage.vocabulary.label_sources import LabelSource


@dataclass(frozen=True)
class LabelAdded(LedgerEvent):
    """A label was added; who gave it is the event's actor, unless `given_by` names another.

    Parameters
    ----------
    label : int
        Row of `label`.
    condition : str
    source : LabelSource
    ai_visible : bool
        Whether the person had seen the AI's opinion of the case.
    read : int or None
        Row of `read` that the label comes from.
    votes : dict of int, optional
        How many readers named each condition, where the label stands for several.
    given_by : str, optional
        Person or laboratory, where the actor imported the label.
    """

    kind = EventType.LABEL_ADDED
    label: int
    condition: str
    source: LabelSource
    ai_visible: bool
    read: int | None
    votes: dict[str, int] | None = None
    given_by: str | None = None


@dataclass(frozen=True)
class LabelWithdrawn(LedgerEvent):
    """A label counts no more, because the decision that it came from was undone."""

    kind = EventType.LABEL_WITHDRAWN
    label: int
