"""One retraining at a time: of a bundle's folder, and of a case database.

The operating system holds the locks, so those of a process that was killed are free at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import text

from triage.errors import TriageError, UsageError
from triage.store import Store
from triage.store.location import sqlite_file

try:
    import fcntl
except ImportError:  # a system without such locks
    fcntl = None  # type: ignore[assignment]

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


@contextmanager
def _file_lock(path: Path, what: str) -> Iterator[None]:
    if fcntl is None:
        yield
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        number = _locked(path, what)
    except OSError as error:
        raise UsageError(
            f"cannot be written to: {error.strerror}",
            where=str(path.parent),
            hint="Choose another place, or free some space.",
        ) from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(number)


def _locked(path: Path, what: str) -> int:
    """Return an open file that is locked; raise if another process holds it."""
    while True:
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = _owner(number)
            os.close(number)
            raise RetrainInProgress(
                f"another retraining{owner} is at work here", where=what, hint=_WAIT
            ) from None
        # The former owner may have deleted the file between the two calls: then it locks nothing.
        if path.exists() and path.stat().st_ino == os.fstat(number).st_ino:
            os.truncate(number, 0)
            os.pwrite(number, f"{os.getpid()}\n".encode(), 0)
            return number
        os.close(number)


def _owner(number: int) -> str:
    found = os.pread(number, 20, 0).decode("ascii", "replace").strip()
    return f" (process {found})" if found.isdigit() else ""
