"""Opening the case database: which one, in what state, and one transaction at a time."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from triage.errors import StoreError
from triage.store.ledger import refuse_bulk_changes
from triage.store.schema import Schema, migrate, schema_of

URL_VARIABLE = "TRIAGE_DATABASE_URL"
DEFAULT_URL = "sqlite:///triage.db"
_BUSY_TIMEOUT_MS = 30_000
_WAL_TRIES = 100
_WRITING = "triage_writing"


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
        return _place(self.engine.url)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Open a transaction for writing; it commits at the end, or leaves nothing.

        Raises
        ------
        StoreError
            If the database refuses; the message holds none of the data.
        """
        with _errors_told(self.engine.url), self._writer.begin() as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a transaction for reading one consistent state.

        Raises
        ------
        StoreError
            If the database refuses.
        """
        with _errors_told(self.engine.url), self._reader() as session:
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
    engine = _engine(url, create)
    with _errors_told(engine.url):
        try:
            with engine.connect() as connection:
                found = schema_of(connection)
            if found.state is Schema.EMPTY and create:
                with _writing(engine) as connection:
                    migrate(connection)
            elif found.state is not Schema.CURRENT:
                raise found.refusal(_place(engine.url))
        except BaseException:
            engine.dispose()
            raise
    return Store(engine)


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
    engine = _engine(url, create=False)
    with _errors_told(engine.url):
        try:
            with _writing(engine) as connection:
                found = schema_of(connection)
                if found.state not in (Schema.CURRENT, Schema.OLDER):
                    raise found.refusal(_place(engine.url))
                migrate(connection)
        finally:
            engine.dispose()


def _engine(text: str | None, create: bool) -> Engine:
    url = _resolve(text)
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        path = Path(url.database)
        if create and not path.parent.is_dir():
            raise StoreError("The folder does not exist.", where=str(path.parent), mend="Make it.")
        if not create and not path.exists():
            raise StoreError(
                "There is no case database here.",
                where=str(path),
                mend="Score cases first (triage score, triage demo), or give another --db.",
            )
    try:
        engine = create_engine(
            url,
            hide_parameters=True,
            json_serializer=partial(json.dumps, ensure_ascii=False, allow_nan=False),
        )
    except (SQLAlchemyError, ImportError) as error:
        raise StoreError(
            "This kind of database is not supported.", where=_place(url), mend=_URL_HELP
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


_URL_HELP = "Use sqlite:///FILE or postgresql://USER@HOST/NAME."


def _resolve(text: str | None) -> URL:
    try:
        url = make_url(text or os.environ.get(URL_VARIABLE) or DEFAULT_URL)
    except ArgumentError:
        raise StoreError("This is not a database URL.", where="--db", mend=_URL_HELP) from None
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    return url


def _place(url: URL) -> str:
    return url.render_as_string(hide_password=True)


def _prepare_sqlite(connection: Any, record: object) -> None:
    # The driver must not begin transactions itself: it would begin them too late.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    _write_ahead(cursor)
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


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
def _writing(engine: Engine) -> Iterator[Connection]:
    with engine.execution_options(**{_WRITING: True}).begin() as connection:
        yield connection


@contextmanager
def _errors_told(url: URL) -> Iterator[None]:
    """Turn the database's refusals into ours, without the data that they quote."""
    try:
        yield
    except SQLAlchemyError as error:
        cause = type(error.orig if isinstance(error, DBAPIError) else error).__name__
        if isinstance(error, IntegrityError):
            raise StoreError(
                f"The change contradicts what is stored ({cause}).", where=_place(url)
            ) from error
        raise StoreError(
            f"The database refused ({cause}).",
            where=_place(url),
            mend="Check that it is reachable, writable, a case database, and has space left.",
        ) from error
