"""Whether a case database is whole: its file, its tables, its references, its guards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, func, inspect, select
from sqlalchemy.exc import NoSuchTableError

from triage.ledger.verification import verify_chain
from triage.store.base import Base
from triage.store.chain_rows import chain_rows
from triage.store.database_errors import errors_told
from triage.store.event_guards import guard_problems
from triage.store.location import resolve_url, shown_url
from triage.store.read_connection import DamagedFile, read_connection
from triage.store.schema import Schema, needed_revision, schema_of

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


def check_store(url: str | None = None, *, ledger: bool = True) -> StoreCheck:
    """Look whether a case database is whole; nothing in it is changed.

    Of SQLite: the file's integrity (``PRAGMA integrity_check``). Of both: the migration, tables,
    columns and indexes, references between rows, the triggers that keep the ledger of events, and
    its hash chain, without checkpoints (`triage.store.verify_ledger` compares with them).

    Parameters
    ----------
    url : str, optional
        As for `triage.store.open_store`.
    ledger : bool
        Whether to verify the hash chain. A database whose events were changed is still a database,
        of which a copy can be made.

    Raises
    ------
    StoreError
        If there is no database, or it cannot be reached.
    """
    resolved = resolve_url(url)
    try:
        with errors_told(resolved), read_connection(resolved) as connection:
            return _check(connection, shown_url(resolved), ledger)
    except DamagedFile as error:
        return StoreCheck(
            shown_url(resolved), None, needed_revision(), {}, (_DAMAGED.format(error),)
        )


def _check(connection: Connection, place: str, ledger: bool) -> StoreCheck:
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
        problems += guard_problems(connection)
        problems += _chain(connection) if ledger else []
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


def _chain(connection: Connection) -> list[str]:
    if not inspect(connection).has_table("event"):
        return []  # found as missing
    found = verify_chain(chain_rows(connection))
    return [f"{each.what} Keep this database, and compare it with a backup and the checkpoints "
            "(triage ledger verify)." for each in found.findings]  # fmt: skip
