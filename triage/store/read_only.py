"""SQLite files opened so that nothing in them can be changed."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool


def read_only(path: Path) -> sqlite3.Connection:
    """Open a SQLite file to be read only.

    Raises
    ------
    sqlite3.OperationalError
        If it cannot be opened.
    """
    place = path.resolve()
    # Even for reading, SQLite makes a file beside a database whose journal is a write-ahead log.
    # Where it cannot, and no log is left, nothing can be writing.
    log = place.with_name(f"{place.name}-wal")
    alone = not os.access(place.parent, os.W_OK) and not log.exists()
    mode = "mode=ro&immutable=1" if alone else "mode=ro"
    return sqlite3.connect(f"file:{quote(str(place))}?{mode}", uri=True, timeout=30)


def read_only_engine(path: Path) -> Engine:
    """Return an engine whose connections are those of `read_only`, each opened anew."""
    return create_engine(
        "sqlite://", creator=lambda: read_only(path), poolclass=NullPool, hide_parameters=True
    )
