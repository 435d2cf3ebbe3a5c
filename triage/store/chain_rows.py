"""The events as they are stored, for the verification of their hash chain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, func, literal_column, select
from sqlalchemy.sql import ColumnElement

from triage.store.tables import Event

_CHUNK = 2000

# Of another type or form than the software writes, the time is shown as what no text states.
_TIME_ON_SQLITE: ColumnElement[str] = literal_column(
    "CASE WHEN typeof(at) = 'text' AND substr(at, 11, 1) = ' ' "
    "THEN substr(at, 1, 10) || 'T' || substr(at, 12) || 'Z' ELSE 'not a time' END"
)
_FORM_ON_POSTGRESQL = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"AD'


def chain_rows(connection: Connection) -> Iterator[tuple[Any, ...]]:
    """Iterate over the columns of `triage.ledger.verification.StoredEvent`, in order of numbers."""
    time: ColumnElement[str] = _TIME_ON_SQLITE
    if connection.dialect.name == "postgresql":
        # The era is taken away again where it is ours, so that no other passes for it.
        shown = func.to_char(func.timezone("UTC", Event.at), _FORM_ON_POSTGRESQL)
        time = func.replace(shown, "ZAD", "Z")
    query = (
        select(
            Event.id,
            time,
            Event.actor,
            Event.kind,
            Event.case_id,
            Event.payload,
            Event.text,
            Event.hash,
        )
        .order_by(Event.id)
        .execution_options(yield_per=_CHUNK)
    )
    yield from map(tuple, connection.execute(query))
