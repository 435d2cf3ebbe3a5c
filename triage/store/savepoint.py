"""A part of a transaction that can fail alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from triage.errors import StoreError


@contextmanager
def savepoint(session: Session) -> Iterator[None]:
    """Do something within a transaction; if it fails, nothing of it is left and the rest stays.

    Raises
    ------
    StoreError
        What was raised within, and where the database does not take a value: the message names
        no value. Failures of the database itself (no space, no connection, a deadlock) are not
        turned into it, since they concern the whole transaction.
    """
    try:
        with session.begin_nested():
            yield
    except (DataError, IntegrityError, UnicodeEncodeError) as error:
        cause = getattr(error, "orig", error)
        raise StoreError(
            f"The database does not take a value ({type(cause).__name__}).",
            hint="Look for characters that are not text, in names and cells.",
        ) from error
