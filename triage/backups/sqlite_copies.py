"""Copies of a SQLite case database."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from triage.atomic_write import whole_file
from triage.errors import StoreError
from triage.store.check import check_store
from triage.store.read_only import read_only

_BESIDE = ("-wal", "-shm", "-journal")
"""Ends of the names of files that SQLite keeps beside a database and would apply to it."""
_LONGEST_WAIT_S = 30.0


def copy_file(origin: Path, to: Path, *, overwrite: bool) -> None:
    """Copy a database to one file; see `triage.backups.back_up`."""
    _require_whole(origin, "Restore an earlier backup.")
    _require_free(to, overwrite, origin)
    _copy_to_new(origin, to)


def restore_file(source: Path, target: Path, *, overwrite: bool) -> None:
    """Put a copy in the place of a database; see `triage.backups.restore`."""
    _require_whole(source, "Take another backup.")
    _require_free(target, overwrite, source)
    if target.exists():
        _copy_into(source, target)
    else:
        _copy_to_new(source, target)


def exists(path: Path) -> StoreError:
    """Return the refusal of a file that is there."""
    return StoreError("The file exists.", where=str(path), hint="Name another, or add --overwrite.")


def _require_whole(path: Path, hint: str) -> None:
    """Refuse a file that is no case database, or a damaged one; an older migration is fine.

    Changed events are no reason: such a database is kept, to be looked at.
    """
    found = check_store(f"sqlite:///{path}", ledger=False)
    problems = [one for one in found.problems if "triage db upgrade" not in one]
    if problems:
        raise StoreError(
            f"This case database is not whole: {problems[0]}",
            where=str(path),
            hint=f"{hint} triage db check lists everything.",
        )


def _require_free(path: Path, overwrite: bool, origin: Path) -> None:
    if path.exists():
        if path.samefile(origin):
            raise StoreError("A database is not copied onto itself.", where=str(path))
        if not overwrite:
            raise exists(path)
        return
    left = [name for end in _BESIDE if (name := path.with_name(path.name + end)).exists()]
    if left:
        raise StoreError(
            "A file of another database is left here, and SQLite would apply it to this one.",
            where=", ".join(map(str, left)),
            hint="Move it away.",
        )


def _copy_to_new(origin: Path, target: Path) -> None:
    try:
        with whole_file(target) as partial, _told(target):
            with closing(read_only(origin)) as source, closing(sqlite3.connect(partial)) as copy:
                source.backup(copy, progress=_limited_wait())
                copy.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
            _require_whole(partial, "Free some space and try again.")
            # Of what was in the place of the copy, nothing may be applied to it.
            for end in _BESIDE:
                target.with_name(target.name + end).unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"It cannot be written ({error.strerror}).", where=str(target)) from error


def _copy_into(origin: Path, target: Path) -> None:
    """Replace what a database holds; SQLite rolls the copy back if it does not come to its end."""
    with (
        _told(target),
        closing(read_only(origin)) as source,
        closing(sqlite3.connect(target, timeout=1.0)) as copy,
    ):
        _require_case_database(copy, target)
        source.backup(copy, progress=_limited_wait())


def _limited_wait() -> Callable[[int, int, int], None]:
    """Return a watcher that ends a copy which waits for a lock; Python's own never ends."""
    started = time.monotonic()

    def watch(status: int, left: int, pages: int) -> None:
        locked = status & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
        if locked and time.monotonic() - started > _LONGEST_WAIT_S:
            raise sqlite3.OperationalError("database is locked")

    return watch


def _require_case_database(connection: sqlite3.Connection, path: Path) -> None:
    query = "SELECT name FROM sqlite_master WHERE type = 'table'"
    tables = {name for (name,) in connection.execute(query)}
    if tables and "alembic_version" not in tables:
        raise StoreError(
            "The database holds tables of something else.", where=str(path), hint="Name another."
        )


@contextmanager
def _told(target: Path) -> Iterator[None]:
    """Turn SQLite's refusals into ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(
            f"SQLite refused ({error}), and nothing was changed.",
            where=str(target),
            hint="Check that it is writable, has space left, and is no damaged database (move that "
            "away, with the files named like it that end in -wal and -shm).",
        ) from error
