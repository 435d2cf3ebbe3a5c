"""Adding a row once, however often and from however many places it is tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from triage.store.base import Base


def add_once(
    session: Session, table: type[Base], values: Mapping[str, Any], unique: tuple[str, ...]
) -> tuple[int, bool]:
    """Insert a row unless one with the same unique columns exists; the existing one stays as it is.

    Parameters
    ----------
    session : Session
        An open transaction.
    table : subclass of Base
        A table with an integer ``id``.
    values : mapping
        Column values of the new row.
    unique : tuple of str
        Columns under a unique constraint, all of them in ``values``.

    Returns
    -------
    (int, bool)
        The row's id, and whether it was added now.

    Raises
    ------
    sqlalchemy.exc.IntegrityError
        If the row breaks another constraint.
    """
    columns = table_of(table)
    statement = insert_absent(session, table, unique).returning(columns.c.id)
    added = session.scalar(statement, dict(values))
    if added is not None:
        return int(added), True
    same = (columns.c[name] == values[name] for name in unique)
    return session.scalars(select(columns.c.id).where(*same)).one(), False


def insert_absent(session: Session, table: type[Base], unique: Sequence[str]) -> Any:
    """Return an insert that leaves out rows whose unique columns are those of one that exists."""
    # The database decides, not a look before the insert: two writers cannot slip past each other.
    on_postgresql = session.get_bind().dialect.name == "postgresql"
    statement = (postgresql if on_postgresql else sqlite).insert(table_of(table))
    return statement.on_conflict_do_nothing(index_elements=unique)


def table_of(mapped: type[Base]) -> Table:
    """Return the table that a mapped class stands for."""
    table = mapped.__table__
    assert isinstance(table, Table), "a mapped class stands for a table"
    return table
