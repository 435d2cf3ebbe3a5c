"""Empty databases at this version's migration, of which each kind is migrated once a process."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Table, create_engine, delete, func, insert, make_url, select, text

from tests.store.databases import _server
from triage.store import open_store
from triage.store.base import Base
from triage.store.tables import Event


@contextmanager
def migrated_url(kind: str, folder: Path) -> Iterator[str]:
    """Give the URL of a database of either kind, with tables and no rows but those of migrations.

    Of PostgreSQL it is always the same one, emptied: use one at a time.
    """
    if kind == "postgres":
        yield _emptied()
    else:
        path = folder / "triage.db"
        shutil.copyfile(_sqlite_template(), path)
        yield f"sqlite:///{path}"


@cache
def _sqlite_template() -> Path:
    path = Path(tempfile.mkdtemp()) / "template.db"
    open_store(f"sqlite:///{path}", create=True).close()
    return path


@cache
def _migrated_on_postgres() -> tuple[str, list[dict[str, Any]]]:
    """The URL of the database, and the events that the migrations wrote."""
    admin = make_url(_server().get_uri()).set(drivername="postgresql+psycopg")
    engine = create_engine(admin)
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA triage_migrated"))
    engine.dispose()
    shown = admin.set(drivername="postgresql")
    shown = shown.update_query_dict({"options": "-csearch_path=triage_migrated"})
    url = shown.render_as_string(hide_password=False)
    store = open_store(url, create=True)
    with store.reading() as session:
        events = [dict(row) for row in session.execute(select(_events())).mappings()]
    store.close()
    return url, events


def _events() -> Table:
    table = Event.__table__
    assert isinstance(table, Table)
    return table


def _emptied() -> str:
    url, events = _migrated_on_postgres()
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL lock_timeout = '20s'"))
        # Without the triggers that keep the events, and those of foreign keys.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for name, table in Base.metadata.tables.items():
            connection.execute(delete(table))
            if "id" in table.columns:
                counter = func.pg_get_serial_sequence(f'"{name}"', "id")
                connection.execute(select(func.setval(counter, 1, False)))
        if events:
            connection.execute(insert(_events()), events)
    engine.dispose()
    return url
