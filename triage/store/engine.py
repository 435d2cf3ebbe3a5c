"""Opening the case database: which one, in what state, and one transaction at a time."""

from __future__ import annotations

import json
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from triage.errors import StoreError
from triage.extras import require_extra
from triage.store.database_errors import errors_told
from triage.store.ledger import refuse_bulk_changes
from triage.store.location import URL_HELP, resolve_url, shown_url, sqlite_file
from triage.store.read_only import read_only_engine
from triage.store.schema import FoundSchema, Schema, migrate, schema_of

_BUSY_TIMEOUT_MS = 30_000
_WAL_TRIES = 100
_WRITING = "triage_writing"
_WRITE_TRIES = 6
_TRANSIENT = ("40001", "40P01")  # serialization_failure, deadlock_detected (PostgreSQL, appendix A)

_Result = TypeVar("_Result")


class Store:
    """An open case database; made by `open_store`.

    Parameters
    ----------
    engine : Engine
        A connected engine whose database is at this version's migration.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._reader = sessionmaker(engine, expire_on_commit=False)
        self._writer = sessionmaker(
            engine.execution_options(**{_WRITING: True}), expire_on_commit=False
        )
        event.listen(self._reader, "do_orm_execute", refuse_bulk_changes)
        event.listen(self._writer, "do_orm_execute", refuse_bulk_changes)

    @property
    def place(self) -> str:
        """The database's URL without its password, for messages."""
        return shown_url(self.engine.url)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Open a transaction for writing; it commits at the end, or leaves nothing.

        Raises
        ------
        StoreError
            If the database refuses; the message holds none of the data.
        """
        with errors_told(self.engine.url), self._writer.begin() as session:
            yield session

    def write(self, work: Callable[[Session], _Result]) -> _Result:
        """Do something in a transaction for writing, again if another writer was in the way.

        Parameters
        ----------
        work : callable
            Takes the session and returns what this method returns. It may be called several
            times, each time in a new transaction after the last one left nothing.

        Raises
        ------
        StoreError
            If the database refuses; after several attempts, if it could not bring this writer
            and the others in any order (a deadlock or a serialisation failure).
        """
        for attempt in range(_WRITE_TRIES):
            try:
                with self.transaction() as session:
                    return work(session)
            except StoreError as error:
                if not _is_transient(error.__cause__) or attempt == _WRITE_TRIES - 1:
                    raise
                # Of random length, so that two writers do not meet again in the same way.
                time.sleep(random.uniform(0.01, 0.1) * 2**attempt)
        raise AssertionError("the last attempt returned or raised")

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a transaction for reading one consistent state.

        Raises
        ------
        StoreError
            If the database refuses.
        """
        with errors_told(self.engine.url), self._reader() as session:
            yield session

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def open_store(url: str | None = None, *, create: bool = False) -> Store:
    """Open the case database.

    Parameters
    ----------
    url : str, optional
        SQLAlchemy URL; else the environment variable ``TRIAGE_DATABASE_URL``, else
        the SQLite file ``triage.db`` in the working directory. PostgreSQL is
        always reached through psycopg 3.
    create : bool
        Make the tables if the database is empty or the SQLite file is missing.

    Raises
    ------
    StoreError
        If there is no database, it cannot be reached, it is not ours, or it is
        at another migration than this version of the software.
    """
    resolved = resolve_url(url)
    engine = make_engine(resolved, create)
    with errors_told(engine.url):
        try:
            found = _schema_unchanged(resolved)
            if found is None:
                with engine.connect() as connection:
                    found = schema_of(connection)
            if found.state is Schema.EMPTY and create:
                with _migrating(engine) as connection:
                    migrate(connection)
            elif found.state is not Schema.CURRENT:
                raise found.refusal(shown_url(engine.url))
        except BaseException:
            engine.dispose()
            raise
    return Store(engine)


def _schema_unchanged(url: URL) -> FoundSchema | None:
    """Read which migration a SQLite file is at without changing a byte of it.

    A connection for writing sets the journal's mode in the file, also of a database that is then
    refused. None where the file is missing, empty or cannot be opened so.
    """
    path = sqlite_file(url)
    if path is None or not path.is_file() or not path.stat().st_size:
        return None
    engine = read_only_engine(path)
    try:
        with engine.connect() as connection:
            return schema_of(connection)
    except SQLAlchemyError:
        return None  # the connection for writing says why
    finally:
        engine.dispose()


def upgrade_store(url: str | None = None) -> None:
    """Bring an older database to this version's migration; all of it or nothing.

    Parameters
    ----------
    url : str, optional
        As for `open_store`.

    Raises
    ------
    StoreError
        If there is no database, it is not ours, or a newer version made it.
    """
    engine = make_engine(resolve_url(url), create=False)
    with errors_told(engine.url):
        try:
            with _migrating(engine) as connection:
                found = schema_of(connection)
                if found.state not in (Schema.CURRENT, Schema.OLDER):
                    raise found.refusal(shown_url(engine.url))
                migrate(connection)
        finally:
            engine.dispose()


def make_engine(url: URL, create: bool) -> Engine:
    """Return an engine that is set up for the store, and has not connected yet.

    Parameters
    ----------
    url : URL
        From `resolve_url`.
    create : bool
        Whether a SQLite file may be missing.

    Raises
    ------
    StoreError
        If the file or its folder is missing, or the kind of database is not supported.
    MissingExtraError
        If it is a PostgreSQL database and its driver is not installed.
    """
    if url.drivername == "postgresql+psycopg":
        require_extra("postgres", "A PostgreSQL database")
    if (path := sqlite_file(url)) is not None:
        if create and not path.parent.is_dir():
            raise StoreError("The folder does not exist.", where=str(path.parent), hint="Make it.")
        if not create and not path.exists():
            raise StoreError(
                "There is no case database here.",
                where=str(path),
                hint="Score cases first (triage score, triage demo), or give another --db.",
            )
    try:
        engine = create_engine(
            url,
            hide_parameters=True,
            json_serializer=partial(json.dumps, ensure_ascii=False, allow_nan=False),
            # After a restart of the server the connections that were open are of no use.
            pool_pre_ping=url.get_backend_name() == "postgresql",
        )
    except (SQLAlchemyError, ImportError) as error:
        raise StoreError(
            "This kind of database is not supported.", where=shown_url(url), hint=URL_HELP
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, record: object) -> None:
    # The driver must not begin transactions itself: it would begin them too late.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    _write_ahead(cursor)
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()
    connection.create_function("triage_casefold", 1, _casefold, deterministic=True)


def _casefold(text: str | None) -> str | None:
    """Letters of any alphabet without regard to case, which SQLite knows of ASCII only."""
    return None if text is None else text.casefold()


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """Set the journal's mode; changing it does not wait for a lock, whatever the timeout says."""
    for _ in range(_WAL_TRIES):
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:  # another process is opening the same new database
            time.sleep(0.05)
    cursor.execute("PRAGMA journal_mode = WAL")


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: it waits its turn instead of failing at its first write.
    writing = connection.get_execution_options().get(_WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


@contextmanager
def _migrating(engine: Engine) -> Iterator[Connection]:
    """Begin a transaction in which tables can be rebuilt; it commits, or leaves nothing."""
    with engine.execution_options(**{_WRITING: True}).connect() as connection:
        if engine.dialect.name != "sqlite":
            with connection.begin():
                yield connection
            return
        # A table that others refer to cannot be rebuilt while SQLite checks foreign keys, and the
        # setting cannot change within a transaction: it is off meanwhile, and all are checked.
        cursor = connection.connection.cursor()
        cursor.execute("PRAGMA foreign_keys = OFF")
        try:
            with connection.begin():
                yield connection
                if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
                    raise StoreError(
                        "Rows refer to rows that do not exist, so nothing was changed.",
                        where=shown_url(engine.url),
                        hint="Restore a backup; triage db check says more.",
                    )
        finally:
            cursor.execute("PRAGMA foreign_keys = ON")
            cursor.close()


def _is_transient(cause: BaseException | None) -> bool:
    """Whether PostgreSQL rolled a transaction back only because of what others did meanwhile."""
    original = cause.orig if isinstance(cause, DBAPIError) else None
    return getattr(original, "sqlstate", None) in _TRANSIENT
