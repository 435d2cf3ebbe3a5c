"""Whether a case database is whole: its file, its tables, its references, its guards."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine, func, inspect, select, text
from sqlalchemy.exc import DatabaseError, NoSuchTableError

from triage.store.base import Base
from triage.store.database_errors import errors_told
from triage.store.engine import make_engine
from triage.store.location import resolve_url, shown_url, sqlite_file
from triage.store.read_only import read_only_engine
from triage.store.schema import Schema, migrate, needed_revision, schema_of

_SHOWN = 20
_DAMAGED = "The file is damaged, or is no SQLite database: {}. Restore a backup."


@dataclass(frozen=True)
class StoreCheck:
    """What was found in a case database.

    Parameters
    ----------
    place : str
        Its URL, passwords masked.
    revision, needed : str or None, str
        Its migration, and that of this version of the software.
    rows : dict of int
        Rows of each table that there is.
    problems : tuple of str
        What is wrong, with what to do; without any patient's data. Empty when all is well.
    """

    place: str
    revision: str | None
    needed: str
    rows: dict[str, int]
    problems: tuple[str, ...]


def check_store(url: str | None = None) -> StoreCheck:
    """Look whether a case database is whole; nothing in it is changed.

    Of SQLite: the file's integrity (``PRAGMA integrity_check``). Of both: the migration, tables,
    columns and indexes, references between rows, and the triggers that keep the ledger of events.

    Parameters
    ----------
    url : str, optional
        As for `triage.store.open_store`.

    Raises
    ------
    StoreError
        If there is no database, or it cannot be reached.
    """
    resolved = resolve_url(url)
    try:
        with errors_told(resolved), _reading(resolved) as connection:
            return _check(connection, shown_url(resolved))
    except _Damaged as error:
        return StoreCheck(
            shown_url(resolved), None, needed_revision(), {}, (_DAMAGED.format(error),)
        )


class _Damaged(Exception):
    """SQLite can read nothing in a file; the message is SQLite's, which quotes no data."""


@contextmanager
def _reading(url: URL) -> Iterator[Connection]:
    """Connect without changing anything; SQLite's file is opened to be read only."""
    engine = make_engine(url, create=False)  # for its refusals
    path = sqlite_file(url)
    if path is not None:
        engine.dispose()
        engine = read_only_engine(path)
    try:
        with engine.connect() as connection:
            yield connection
    except DatabaseError as error:
        if path is None or type(error.orig) is not sqlite3.DatabaseError:
            raise
        raise _Damaged(str(error.orig)) from error
    finally:
        engine.dispose()


def _check(connection: Connection, place: str) -> StoreCheck:
    problems: list[str] = []
    on_sqlite = connection.dialect.name == "sqlite"
    if on_sqlite:
        problems += _integrity(connection)
    found = schema_of(connection)
    if found.state is not Schema.CURRENT:
        refusal = found.refusal(place)
        problems.append(f"{refusal.what} {refusal.hint}")
    if found.state in (Schema.EMPTY, Schema.FOREIGN):
        return StoreCheck(place, found.found, found.needed, {}, tuple(problems))
    if found.state is Schema.CURRENT:
        problems += _missing_columns(connection)
        problems += _missing_indexes(connection)
        problems += _triggers(connection)
    if on_sqlite:
        problems += _references(connection)
    return StoreCheck(place, found.found, found.needed, _rows(connection), tuple(problems))


def _integrity(connection: Connection) -> list[str]:
    if _is_cut(connection):
        return [_DAMAGED.format("the end of the file is missing")]
    found = connection.exec_driver_sql(f"PRAGMA integrity_check({_SHOWN})").scalars().all()
    if found == ["ok"]:
        return []
    return [_DAMAGED.format(" ".join(line.split())) for line in found]


def _is_cut(connection: Connection) -> bool:
    """Whether the end of the file is missing; SQLite reads zeros in its place without a word."""
    place = Path(connection.exec_driver_sql("PRAGMA database_list").all()[0][2])
    size, page = place.stat().st_size, connection.exec_driver_sql("PRAGMA page_size").scalar_one()
    log = place.with_name(f"{place.name}-wal")
    pending = log.is_file() and log.stat().st_size > 0  # pages that are in the log only
    pages = 0 if pending else connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    return bool(size % page or size < pages * page)


def _missing_columns(connection: Connection) -> list[str]:
    problems = []
    inspector = inspect(connection)
    for name, table in Base.metadata.tables.items():
        try:
            there = {column["name"] for column in inspector.get_columns(name)}
        except NoSuchTableError:
            problems.append(f"The table {name} is missing. Restore a backup.")
            continue
        problems += [
            f"The column {name}.{column.name} is missing. Restore a backup."
            for column in table.columns
            if column.name not in there
        ]
    return problems


def _missing_indexes(connection: Connection) -> list[str]:
    inspector = inspect(connection)
    return [
        f"The index {index.name} of {name} is missing, so cases are found slowly. Restore a backup."
        for name, table in Base.metadata.tables.items()
        if inspector.has_table(name)
        for index in table.indexes
        if index.name not in {found["name"] for found in inspector.get_indexes(name)}
    ]


def _references(connection: Connection) -> list[str]:
    rows = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    problems = [
        f"Row {row[1]} of {row[0]} refers to a row of {row[2]} that does not exist. "
        "Something else than this software changed the database: restore a backup."
        for row in rows[:_SHOWN]
    ]
    rest = len(rows) - _SHOWN
    return [*problems, *([f"{rest} more rows refer to none that exists."] if rest > 0 else [])]


def _rows(connection: Connection) -> dict[str, int]:
    there = inspect(connection).get_table_names()
    return {
        name: connection.scalar(select(func.count()).select_from(table)) or 0
        for name, table in Base.metadata.tables.items()
        if name in there
    }


def _triggers(connection: Connection) -> list[str]:
    """Compare the triggers with those that the migrations make."""
    if connection.dialect.name == "sqlite":
        there, wanted = _sqlite_triggers(connection), _wanted_on_sqlite()
    else:
        there, wanted = _postgresql_triggers(connection), _WANTED_ON_POSTGRESQL
    problems = [
        f"The trigger {name}, which refuses changes of events, is "
        f"{'altered' if name in there else 'missing'}. Compare the events with a backup, and "
        "restore it if they differ."
        for name in wanted
        if there.get(name) != wanted[name]
    ]
    strange = [f"There is a trigger that is not ours: {name}." for name in there.keys() - wanted]
    return [*problems, *sorted(strange)]


def _sqlite_triggers(connection: Connection) -> dict[str, str]:
    query = text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    return {str(row.name): str(row.sql) for row in connection.execute(query)}


def _wanted_on_sqlite() -> dict[str, str]:
    engine = create_engine("sqlite://")
    try:
        with engine.begin() as connection:
            migrate(connection)
            return _sqlite_triggers(connection)
    finally:
        engine.dispose()


_WANTED_ON_POSTGRESQL = {
    "event_append_only": "O refuse_event_change BEGIN RAISE EXCEPTION 'events are append-only'; END"
}
"""Name to whether it is enabled (O: it is), its function and what that does."""


def _postgresql_triggers(connection: Connection) -> dict[str, str]:
    query = text(
        "SELECT t.tgname, t.tgenabled::text || ' ' || p.proname || ' ' || trim(p.prosrc) "
        "FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid "
        "WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace"
    )
    return {str(row[0]): str(row[1]) for row in connection.execute(query)}
