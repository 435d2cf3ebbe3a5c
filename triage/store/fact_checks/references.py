"""Whether every row, and every event, refers to rows that exist."""

from __future__ import annotations

from sqlalchemy import Column, select
from sqlalchemy.orm import Session

from triage.store.base import Base

_MOST = 100  # of one column; a table that was emptied is one finding more


def reference_findings(session: Session) -> list[str]:
    """Return one line for each row that refers to none that exists.

    The foreign keys of a database refuse such rows, unless whoever writes to it turns them off.
    """
    findings = []
    for table in Base.metadata.sorted_tables:
        for key in table.foreign_keys:
            findings += _dangling(session, key.parent, key.column)
    return findings


def _dangling(session: Session, column: Column[object], target: Column[object]) -> list[str]:
    place = column.table.primary_key.columns.values()[0]
    referred = target.table.alias("referred")
    found = session.scalars(
        select(place)
        .outerjoin(referred, column == referred.c[target.name])
        .where(column.is_not(None), referred.c[target.name].is_(None))
        .order_by(place)
        .limit(_MOST)
    )
    return [
        f"{column.table.name} {number}: its {column.name} names a row of {target.table.name} that "
        "does not exist"
        for number in found
    ]
