"""Which database a URL names, and how it is shown without its passwords."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import parse_qs

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from triage.errors import StoreError
from triage.secret_file import secret_from_file

URL_VARIABLE = "TRIAGE_DATABASE_URL"
URL_FILE_VARIABLE = "TRIAGE_DATABASE_URL_FILE"
PASSWORD_FILE_VARIABLE = "TRIAGE_DATABASE_PASSWORD_FILE"
SECRET_FILE_VARIABLES = (URL_FILE_VARIABLE, PASSWORD_FILE_VARIABLE)
"""Name files with the URL, or with the password of a URL that has none."""
DEFAULT_URL = "sqlite:///triage.db"
URL_HELP = "Use sqlite:///FILE or postgresql://USER@HOST/NAME."
_MASK = "***"
_SHOWN = frozenset(
    {
        "application_name", "cache", "client_encoding", "connect_timeout", "dbname", "host",
        "hostaddr", "keepalives", "mode", "port", "sslmode", "target_session_attrs", "uri", "user",
    }
)  # fmt: skip
"""Parameters of a URL whose values hold no secret; the value of any other is not shown."""
_CREDENTIALS = frozenset({"password", "passwd", "user", "username", "key", "hexkey"})
"""Parameters that somebody may take for the protection of a SQLite file."""


def resolve_url(text: str | None) -> URL:
    """Return the URL of the case database.

    Parameters
    ----------
    text : str, optional
        SQLAlchemy URL; else that of the environment variable ``TRIAGE_DATABASE_URL``, else that
        in the file named by ``TRIAGE_DATABASE_URL_FILE``, else the file ``triage.db`` in the
        working directory. A URL of PostgreSQL without a password takes the one in the file named
        by ``TRIAGE_DATABASE_PASSWORD_FILE``, where that is set.

    Raises
    ------
    StoreError
        If it is no URL, or names a SQLite database in memory, which would keep nothing; if two
        variables name a database, or a file with a secret cannot be read. The message quotes
        neither a URL nor a file, because they may hold a password.
    """
    try:
        url = make_url(text or _url_of_environment() or DEFAULT_URL)
    except (ArgumentError, ValueError):  # the second for a port that is no number
        raise StoreError("This is not a database URL.", where="--db", hint=URL_HELP) from None
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if url.host and "@" in url.host:
        raise StoreError(
            "An @ in a user or a password cannot be told from the one before the host.",
            where="--db",
            hint="Write it as %40.",
        )
    if url.get_backend_name() == "sqlite" and _in_memory(url):
        raise StoreError(
            "This names a database in memory, which is lost when the command ends.",
            where=shown_url(url),
            hint="Name a file: sqlite:///FILE.",
        )
    if url.get_backend_name() == "sqlite" and (
        url.username or url.password or {*map(str.casefold, url.query)} & _CREDENTIALS
    ):
        # SQLite would ignore it and open the file unprotected.
        raise StoreError(
            "This gives a user or a password, and SQLite databases have none.",
            where=shown_url(url),
            hint="Leave it out, and protect the file by its permissions.",
        )
    return _with_password(url)


def _url_of_environment() -> str | None:
    url = os.environ.get(URL_VARIABLE)
    if url and os.environ.get(URL_FILE_VARIABLE):
        raise StoreError(
            "Both variables name a case database.",
            where=f"{URL_VARIABLE}, {URL_FILE_VARIABLE}",
            hint="Set one of them.",
        )
    return url or secret_from_file(URL_FILE_VARIABLE, "database URL", StoreError)


def _with_password(url: URL) -> URL:
    """Return a URL of PostgreSQL with the password of the file, where it has none of its own."""
    if url.get_backend_name() != "postgresql" or url.password or "password" in url.query:
        return url
    password = secret_from_file(PASSWORD_FILE_VARIABLE, "database password", StoreError)
    return url if password is None else url.set(password=password)


def sqlite_file(url: URL) -> Path | None:
    """Return the file of a SQLite database; None for a database on a server."""
    if url.get_backend_name() != "sqlite":
        return None
    assert url.database, "databases in memory are refused"
    return Path(url.database)


def shown_url(url: URL) -> str:
    """Return a URL for messages, with every password masked wherever it stands in the URL.

    The value of a parameter is shown only where it is known to hold no secret: ``?password=``,
    ``?sslpassword=``, ``?options=`` and all others are masked.
    """
    query = {
        name: value if name.casefold() in _SHOWN else _MASK for name, value in url.query.items()
    }
    database = url.database
    if database and url.get_backend_name() != "sqlite":
        # A database name with '=' is read as a connection string, which can hold a password.
        database = re.sub(r"=.*", f"={_MASK}", database, flags=re.DOTALL)
    shown = url.set(query=query, database=database).render_as_string(hide_password=True)
    return shown.replace("%2A%2A%2A", _MASK)


def _in_memory(url: URL) -> bool:
    if not url.database or not url.database.strip():
        return True
    name, _, parameters = url.database.partition("?")
    modes = [*parse_qs(parameters).get("mode", ()), *url.normalized_query.get("mode", ())]
    # 'file:' names a file by a URI, without a path or with ':memory:' one in memory.
    return name.removeprefix("file:").strip() in ("", ":memory:") or "memory" in modes
