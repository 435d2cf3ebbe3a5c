"""The event ledger: what a person wrote or saw is appended, never changed.

Three walls keep it so: this module only adds; the session refuses updates and
deletes of events, one row at a time or in bulk; triggers in the database refuse them to
everyone else (they are part of the first migration).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import insert, select
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapper, ORMExecuteState, Session

from triage.errors import StoreError
from triage.ledger.event import LedgerEvent
from triage.store.base import utc_now
from triage.store.records import EventRecord
from triage.store.tables import Event

SYSTEM = "system"
"""The actor of events that no person caused directly."""


def append_event(
    session: Session,
    event: LedgerEvent,
    *,
    actor: str = SYSTEM,
    case_id: int | None = None,
    at: datetime | None = None,
) -> None:
    """Append an event in the caller's transaction, so that both happen or neither.

    Parameters
    ----------
    session : Session
        An open transaction of the store.
    event : LedgerEvent
        What happened.
    actor : str
        Who did it.
    case_id : int, optional
        The case concerned.
    at : datetime, optional
        When, with a time zone; now by default.
    """
    session.execute(
        insert(Event).values(
            at=at or utc_now(),
            actor=actor,
            kind=event.kind,
            case_id=case_id,
            payload=event.payload(),
        )
    )


def events(session: Session, case_id: int | None = None) -> list[EventRecord]:
    """Return the ledger, or one case's part of it, in the order of happening."""
    query = select(Event).order_by(Event.id)
    if case_id is not None:
        query = query.where(Event.case_id == case_id)
    return [
        EventRecord(row.id, row.at, row.actor, row.kind, row.case_id, row.payload)
        for row in session.scalars(query)
    ]


def _refuse() -> None:
    raise StoreError("Events are append-only.", where="event", hint="Append a new event instead.")


@sqlalchemy_event.listens_for(Event, "before_update")
@sqlalchemy_event.listens_for(Event, "before_delete")
def _refuse_row(mapper: Mapper[Event], connection: Connection, target: Event) -> None:
    _refuse()


def refuse_bulk_changes(state: ORMExecuteState) -> None:
    """Session hook: refuse ``update(Event)`` and ``delete(Event)`` statements."""
    changes = state.is_update or state.is_delete
    if changes and state.bind_mapper is not None and state.bind_mapper.class_ is Event:
        _refuse()
