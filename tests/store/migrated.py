"""Empty databases at this version's migration, of which each kind is migrated once a process."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path

from sqlalchemy import URL, Engine, create_engine, make_url, text

from tests.store.databases import _server
from triage.store import open_store

_TEMPLATE = "triage_template"
_numbers = count()


@contextmanager
def migrated_url(kind: str, folder: Path) -> Iterator[str]:
    """Give the URL of a new database of either kind, with no rows but those of migrations."""
    if kind != "postgres":
        path = folder / "triage.db"
        shutil.copyfile(sqlite_template(), path)
        yield f"sqlite:///{path}"
        return
    engine, name = _postgres_with_template(), f"triage_copy_{next(_numbers)}"
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}"))
    try:
        yield _on_postgres(name).set(drivername="postgresql").render_as_string(False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@cache
def sqlite_template() -> Path:
    """Return the file of an empty database, migrated once a process; only to be copied."""
    path = Path(tempfile.mkdtemp()) / "template.db"
    open_store(f"sqlite:///{path}", create=True).close()
    return path


def _on_postgres(database: str) -> URL:
    return make_url(_server().get_uri()).set(drivername="postgresql+psycopg", database=database)


@cache
def _postgres_with_template() -> Engine:
    """The server, on which the template has been made."""
    admin = make_url(_server().get_uri()).set(drivername="postgresql+psycopg")
    engine = create_engine(admin, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {_TEMPLATE}"))
    open_store(_on_postgres(_TEMPLATE).render_as_string(False), create=True).close()
    return engine
