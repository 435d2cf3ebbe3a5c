"""The event ledger: what a person wrote or saw is appended, never changed.

Three walls keep it so: this module only adds; the session refuses updates and
deletes of events, one row at a time or in bulk; triggers in the database refuse them to
everyone else, and rows that do not continue the numbers.

`append_event` keeps an event in the session. When the transaction commits, its events get their
numbers, texts and hashes (`triage.ledger.canonical`) and are inserted together, so that the lock
that orders the writers is taken last and for a short time only.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, any_, insert, literal, select, text
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapper, ORMExecuteState, Session, SessionTransaction

from triage.errors import StoreError
from triage.ledger.canonical import (
    FIRST_PREVIOUS,
    CanonicalTextError,
    canonical_text,
    event_text,
    text_hash,
    time_text,
)
from triage.ledger.event import LedgerEvent
from triage.store.base import utc_now
from triage.store.records import EventRecord
from triage.store.tables import Case, Event

SYSTEM = "system"
"""The actor of events that no person caused directly."""

_INFO = "triage_ledger"
_LOCK_KEY = 1_206_331_187  # any number, the same in every process of ours


@dataclass(frozen=True, slots=True)
class _Appended:
    """An event of a transaction; `at` is None where it is the time of sealing."""

    at: datetime | None
    actor: str
    kind: str
    case_id: int | None
    payload: str


@dataclass
class _Buffer:
    """The events of a session's transaction, and how many of them are sealed.

    `marks` holds both numbers as they were at the beginning of each savepoint: what was appended
    after it is dropped when it is rolled back, and what was sealed after it has to be sealed again.
    """

    appended: list[_Appended] = field(default_factory=list)
    sealed: int = 0
    marks: dict[SessionTransaction, tuple[int, int]] = field(default_factory=dict)


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
        When, with a time zone; by default when the transaction commits, so that the order of
        times is that of the events.

    Raises
    ------
    StoreError
        If the actor or the payload has no canonical text, or the time no time zone.
    """
    if "\0" in actor:  # PostgreSQL takes no such text, and would say so at the commit only
        raise CanonicalTextError("The name of an actor has a null character.", where="event")
    canonical_text(actor)
    if at is not None:
        time_text(at)
    if not session.in_transaction():
        session.begin()  # so that a rollback drops the event
    session.flush()  # what it tells of is written now, and refused here if it has to be
    _buffer(session).appended.append(
        _Appended(at, actor, event.kind.value, case_id, canonical_text(event.payload()))
    )


def events(session: Session, case_id: int | None = None) -> list[EventRecord]:
    """Return the ledger, or one case's part of it, in the order of happening.

    Events that this transaction has appended are sealed first. On PostgreSQL it then holds the
    lock of the ledger until it ends, and other writers wait for it.
    """
    seal(session)
    query = select(Event).order_by(Event.id)
    if case_id is not None:
        query = query.where(Event.case_id == case_id)
    return [_record(row) for row in session.scalars(query)]


def events_of_cases(session: Session, case_ids: Collection[int]) -> list[EventRecord]:
    """Return the events of some cases: case by case, in the order of happening."""
    query = select(Event).where(Event.case_id.in_(case_ids)).order_by(Event.case_id, Event.id)
    return [_record(row) for row in session.scalars(query)]


def _record(row: Event) -> EventRecord:
    return EventRecord(row.id, row.at, row.actor, row.kind, row.case_id, json.loads(row.payload))


def seal(session: Session) -> None:
    """Give the events that a transaction has appended their numbers and hashes, and insert them."""
    buffer: _Buffer | None = session.info.get(_INFO)
    if buffer is None or buffer.sealed == len(buffer.appended):
        return
    session.flush()  # cases that the events refer to
    if session.get_bind().dialect.name == "postgresql":
        _lock_chain(session, {one.case_id for one in buffer.appended[buffer.sealed :]} - {None})
    last = session.execute(select(Event.id, Event.hash).order_by(Event.id.desc()).limit(1)).first()
    seq, previous = (last.id, last.hash) if last else (0, FIRST_PREVIOUS)
    rows = []
    for one in buffer.appended[buffer.sealed :]:
        seq += 1
        row = sealed_row(seq, one.at or utc_now(), one.actor, one.kind, one.case_id, one.payload,
                         previous)  # fmt: skip
        previous = row["hash"]
        rows.append(row)
    session.connection().execute(insert(Event.__table__), rows)  # type: ignore[arg-type]
    buffer.sealed = len(buffer.appended)


def _lock_chain(session: Session, cases: set[int | None]) -> None:
    """Let one writer after the other append. A writer of SQLite is alone already."""
    # The locks that the foreign keys of the events take come first: who waits for one of them
    # while holding the lock of the chain could wait for a writer who waits for that.
    numbers = literal(sorted(filter(None, cases)), ARRAY(Integer))
    session.execute(
        select(Case.id)
        .where(Case.id == any_(numbers))
        .order_by(Case.id)
        .with_for_update(read=True, key_share=True)
    )
    session.execute(
        text("SELECT pg_advisory_xact_lock(:key, CAST(CAST('event' AS regclass) AS int))"),
        {"key": _LOCK_KEY},
    )


def sealed_row(
    seq: int,
    at: datetime,
    actor: str,
    kind: str,
    case_id: int | None,
    payload: str,
    previous: str,
) -> dict[str, Any]:
    """Return the columns of an event with its text and hash.

    Parameters
    ----------
    payload : str
        Its canonical text.
    previous : str
        Hash of the event before it.
    """
    sealed = event_text(
        seq=seq,
        at=time_text(at),
        actor=actor,
        kind=kind,
        case_id=case_id,
        payload=payload,
        previous=previous,
    )
    return {
        "id": seq,
        "at": at,
        "actor": actor,
        "kind": kind,
        "case_id": case_id,
        "payload": payload,
        "text": sealed,
        "hash": text_hash(sealed),
    }


def _buffer(session: Session) -> _Buffer:
    buffer: _Buffer = session.info.setdefault(_INFO, _Buffer())
    return buffer


@sqlalchemy_event.listens_for(Session, "before_commit")
def _seal_at_commit(session: Session) -> None:
    # Also called where a savepoint is released; the transaction goes on then.
    if not session.in_nested_transaction():
        seal(session)


@sqlalchemy_event.listens_for(Session, "after_transaction_create")
def _mark_savepoint(session: Session, transaction: SessionTransaction) -> None:
    if transaction.nested:
        buffer = _buffer(session)
        buffer.marks[transaction] = (len(buffer.appended), buffer.sealed)


@sqlalchemy_event.listens_for(Session, "after_soft_rollback")
def _drop_rolled_back(session: Session, transaction: SessionTransaction) -> None:
    buffer: _Buffer | None = session.info.get(_INFO)
    if buffer is not None and transaction in buffer.marks:
        appended, buffer.sealed = buffer.marks[transaction]
        del buffer.appended[appended:]


@sqlalchemy_event.listens_for(Session, "after_transaction_end")
def _forget(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.info.pop(_INFO, None)


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
