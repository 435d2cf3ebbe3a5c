"""Stored events as objects of their types, for checks and replays over many of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.ledger.event import LedgerEvent
from triage.ledger.events import event_of
from triage.store.tables import Event
from triage.vocabulary.event_types import EventType

_CHUNK = 1000


class TypedEvent(NamedTuple):
    """A stored event.

    Parameters
    ----------
    seq : int
    actor : str
    case_id : int or None
    event : LedgerEvent or None
        None where the payload is that of an earlier release, or none at all.
    """

    seq: int
    actor: str
    case_id: int | None
    event: LedgerEvent | None


def typed_events(session: Session, *kinds: EventType, after: int = 0) -> Iterator[TypedEvent]:
    """Iterate over the events of some kinds, in the order of the ledger.

    Parameters
    ----------
    session : Session
        Events that it has appended and not committed are not among them.
    kinds : EventType
    after : int
        Number of an event; only those after it.
    """
    query = (
        select(Event.id, Event.actor, Event.case_id, Event.kind, Event.payload)
        .where(Event.kind.in_(kinds), Event.id > after)
        .order_by(Event.id)
        .execution_options(yield_per=_CHUNK)
    )
    for seq, actor, case_id, kind, payload in session.execute(query):
        yield TypedEvent(seq, actor, case_id, _typed(kind, payload))


def _typed(kind: str, payload: str) -> LedgerEvent | None:
    try:
        content = json.loads(payload)
    except (ValueError, TypeError, RecursionError):
        return None  # the verification of the chain finds it
    return event_of(kind, content) if isinstance(content, dict) else None
