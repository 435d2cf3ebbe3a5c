"""Connections that read one consistent state of a case database and cannot change it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Connection
from sqlalchemy.exc import DatabaseError

from triage.store.engine import make_engine
from triage.store.location import sqlite_file
from triage.store.read_only import read_only_engine


class DamagedFile(Exception):
    """SQLite can read nothing in a file; the message is SQLite's, which quotes no data."""


@contextmanager
def read_connection(url: URL) -> Iterator[Connection]:
    """Connect without changing anything; all statements read the same state.

    Parameters
    ----------
    url : URL
        From `triage.store.location.resolve_url`. The file of SQLite is opened to be read only.

    Raises
    ------
    StoreError
        If there is no database.
    DamagedFile
        If the file is damaged, or no SQLite database.
    """
    engine = make_engine(url, create=False)  # for its refusals
    path = sqlite_file(url)
    if path is None:
        engine = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
    else:
        engine.dispose()
        engine = read_only_engine(path)
    try:
        with engine.connect() as connection:
            if path is not None:
                connection.exec_driver_sql("BEGIN")  # the driver begins none before a SELECT
            yield connection
    except DatabaseError as error:
        if path is None or type(error.orig) is not sqlite3.DatabaseError:
            raise
        raise DamagedFile(str(error.orig)) from error
    finally:
        engine.dispose()
