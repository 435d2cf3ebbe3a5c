"""One retraining at a time: of a bundle's folder, and of a case database.

The operating system holds the locks, so those of a process that was killed are free at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import text

from triage.errors import TriageError
from triage.file_lock import file_lock
from triage.store import Store
from triage.store.location import sqlite_file

_ADVISORY = 7_219_014_623
"""Number of the lock in PostgreSQL; any that nothing else uses."""
_WAIT = "Wait until it has finished, or end it: it goes on when the same command is given again."


class RetrainInProgress(TriageError):
    """Another retraining writes the same bundle, or uses the same case database."""


@contextmanager
def only_one(out: Path, store: Store) -> Iterator[None]:
    """Hold the place of the bundle and the case database until the end.

    Raises
    ------
    RetrainInProgress
        If another process, or another thread of this one, holds one of them.
    """
    with ExitStack() as held:
        held.enter_context(_file_lock(out.with_name(f".{out.name}.retrain.lock"), str(out)))
        held.enter_context(_database_lock(store))
        yield


@contextmanager
def _database_lock(store: Store) -> Iterator[None]:
    file = sqlite_file(store.engine.url)
    if file is not None:
        with _file_lock(file.with_name(f".{file.name}.retrain.lock"), store.place):
            yield
        return
    # A connection of its own holds it: the lock ends with the connection, however that ends.
    with store.engine.connect() as connection:
        taken = connection.scalar(text("SELECT pg_try_advisory_lock(:n)"), {"n": _ADVISORY})
        connection.commit()
        if not taken:
            raise RetrainInProgress(
                "another retraining uses this case database", where=store.place, hint=_WAIT
            )
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:n)"), {"n": _ADVISORY})
            connection.commit()


def _file_lock(path: Path, what: str) -> AbstractContextManager[None]:
    return file_lock(
        path,
        lambda owner: RetrainInProgress(
            f"another retraining{owner} is at work here", where=what, hint=_WAIT
        ),
    )
