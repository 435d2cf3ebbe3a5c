"""Copies of a case database: made while it is in use, and put back whole or not at all."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from triage.atomic_write import whole_file
from triage.errors import StoreError
from triage.store.check import check_store
from triage.store.location import resolve_url, shown_url, sqlite_file
from triage.store.read_only import read_only
from triage.store.server_backup import dump, restore_dump

_BESIDE = ("-wal", "-shm", "-journal")
"""Ends of the names of files that SQLite keeps beside a database and would apply to it."""
_LONGEST_WAIT_S = 30.0


def back_up(url: str | None, to: Path, *, overwrite: bool = False) -> str:
    """Copy a case database to one file, while others may be writing; all of it or nothing.

    Of SQLite the copy is a case database, of PostgreSQL a dump in pg_dump's custom format; both at
    the migration of the original. It holds one consistent state: the last one that was committed.

    Parameters
    ----------
    url : str, optional
        As for `triage.store.open_store`.
    to : Path
        File to write; its folder is made if need be.
    overwrite : bool
        Whether the file may exist.

    Returns
    -------
    str
        The database that was copied: its file, or its URL with passwords masked.

    Raises
    ------
    StoreError
        If the database is missing, not ours or damaged, if the file exists and may not be
        overwritten, if it cannot be written, or if pg_dump is missing or refuses.
    """
    resolved = resolve_url(url)
    origin = sqlite_file(resolved)
    if origin is None:
        if to.exists() and not overwrite:
            raise _exists(to)
        dump(resolved, to)
        return shown_url(resolved)
    _require_whole(origin, "Restore an earlier backup.")
    _require_free(to, overwrite, origin)
    _copy_to_new(origin, to)
    return str(origin)


def restore(source: Path, url: str | None, *, overwrite: bool = False) -> str:
    """Put a backup in the place of a case database; all of it or nothing.

    A backup of an earlier release is put back as it is, and then needs ``triage db upgrade``.

    Parameters
    ----------
    source : Path
        What `back_up` wrote.
    url : str, optional
        As for `triage.store.open_store`; of the kind of the original. A database on PostgreSQL has
        to be empty.
    overwrite : bool
        Whether a SQLite database may exist. What it holds is replaced, in one transaction that
        waits for those of others.

    Returns
    -------
    str
        The restored database: its file, or its URL with passwords masked.

    Raises
    ------
    StoreError
        If the backup is missing, damaged or not ours, if the database exists and may not be
        overwritten, if it cannot be written, or if pg_restore is missing or refuses.
    """
    resolved = resolve_url(url)
    target = sqlite_file(resolved)
    if not source.is_file():
        raise StoreError("There is no such backup.", where=str(source), hint="Check the path.")
    if target is None:
        restore_dump(source, resolved)
        return shown_url(resolved)
    _require_whole(source, "Take another backup.")
    _require_free(target, overwrite, source)
    if target.exists():
        _copy_into(source, target)
    else:
        _copy_to_new(source, target)
    return str(target)


def _exists(path: Path) -> StoreError:
    return StoreError(
        "The file exists.", where=str(path), hint="Name another, or add --overwrite."
    )


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
            raise _exists(path)
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
