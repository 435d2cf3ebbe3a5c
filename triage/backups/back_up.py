"""Copying a case database and putting the copy back, whichever kind of database it is."""

from __future__ import annotations

from pathlib import Path

from triage.backups.server_copies import dump, restore_dump
from triage.backups.sqlite_copies import copy_file, exists, restore_file
from triage.errors import StoreError
from triage.store.location import resolve_url, shown_url, sqlite_file


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
            raise exists(to)
        dump(resolved, to)
        return shown_url(resolved)
    copy_file(origin, to, overwrite=overwrite)
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
    restore_file(source, target, overwrite=overwrite)
    return str(target)
