"""Fresh databases at this version's migration, copied from one that was migrated once a process."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path

from sqlalchemy import URL, create_engine, make_url, text

from tests.store.databases import _server
from triage.store import open_store

_numbers = count()
_TEMPLATE = "triage_migrated"


@contextmanager
def migrated_url(kind: str, folder: Path) -> Iterator[str]:
    """Give the URL of a new database of either kind, with tables and without rows."""
    if kind != "postgres":
        path = folder / "triage.db"
        shutil.copyfile(_sqlite_template(), path)
        yield f"sqlite:///{path}"
        return
    template = _postgres_template()
    name = f"{_TEMPLATE}_{next(_numbers)}"
    _run(template, f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
    try:
        url = make_url(_server().get_uri()).set(drivername="postgresql", database=name)
        yield url.render_as_string(hide_password=False)
    finally:
        _run(template, f"DROP DATABASE {name} WITH (FORCE)")


@cache
def _sqlite_template() -> Path:
    path = Path(tempfile.mkdtemp()) / "template.db"
    open_store(f"sqlite:///{path}", create=True).close()
    return path


@cache
def _postgres_template() -> URL:
    """Make the template, and return the URL of the database to make copies from."""
    admin = make_url(_server().get_uri()).set(drivername="postgresql+psycopg")
    _run(admin, f"CREATE DATABASE {_TEMPLATE}")
    url = admin.set(drivername="postgresql", database=_TEMPLATE)
    open_store(url.render_as_string(hide_password=False), create=True).close()
    return admin


def _run(url: URL, statement: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
