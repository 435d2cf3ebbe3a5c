"""Reservations of cases: who works on one, and until when; they are no part of the record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from triage.store.tables import CaseLock


@dataclass(frozen=True, slots=True)
class LockRecord:
    """A reservation of a case."""

    case_id: int
    owner: str
    until: datetime


def lock_of(session: Session, case_id: int) -> LockRecord | None:
    """Return the reservation of a case, also one that has expired; None if there is none."""
    row = session.get(CaseLock, case_id, populate_existing=True)
    return None if row is None else LockRecord(row.case_id, row.owner, row.until)


def locks(session: Session, at: datetime) -> dict[int, LockRecord]:
    """Return every reservation that holds at a moment, by case."""
    rows = session.scalars(select(CaseLock).where(CaseLock.until > at))
    return {row.case_id: LockRecord(row.case_id, row.owner, row.until) for row in rows}


def set_lock(session: Session, case_id: int, owner: str, until: datetime) -> None:
    """Reserve a case for a reader; the caller has checked that nobody else has it."""
    session.merge(CaseLock(case_id=case_id, owner=owner, until=until))
    session.flush()


def release_lock(session: Session, case_id: int) -> None:
    """End the reservation of a case."""
    session.execute(
        delete(CaseLock)
        .where(CaseLock.case_id == case_id)
        .execution_options(synchronize_session=False)
    )
    session.expire_all()
