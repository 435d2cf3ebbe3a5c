"""Copies of a case database on PostgreSQL, by PostgreSQL's own programs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from sqlalchemy import URL

from triage.atomic_write import whole_file
from triage.errors import StoreError
from triage.store.database_errors import errors_told
from triage.store.engine import make_engine
from triage.store.location import shown_url
from triage.store.schema import Schema, schema_of

_PARAMETERS = {
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "options": "PGOPTIONS",
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "channel_binding": "PGCHANNELBINDING",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "passfile": "PGPASSFILE",
}
"""Parameters of a connection and the variables by which libpq takes them (PostgreSQL, 34.15)."""
_DUMP = ("pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--no-password")
_RESTORE = (
    "pg_restore", "--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges",
    "--no-password",
)  # fmt: skip
_VERSION = re.compile(r"server version: ([\d.]+).*?pg_\w+ version: ([\d.]+)", re.DOTALL)


def dump(url: URL, to: Path) -> None:
    """Write a copy of one consistent state to a file, in the custom format of pg_dump.

    Parameters
    ----------
    url : URL
        From `triage.store.location.resolve_url`, of PostgreSQL.
    to : Path
        Its folder is made if need be.

    Raises
    ------
    StoreError
        If the database is not ours or does not answer, pg_dump is missing or refuses, or the file
        cannot be written.
    """
    _require(url, (Schema.CURRENT, Schema.OLDER))
    try:
        with whole_file(to) as partial:
            partial.touch(mode=0o600)
            _run([*_DUMP, f"--file={partial}"], url)
            _run(["pg_restore", "--list", str(partial)], url)  # it can be read to its end
    except OSError as error:
        raise StoreError(f"It cannot be written ({error.strerror}).", where=str(to)) from error


def restore_dump(source: Path, url: URL) -> None:
    """Put a dump into an empty database; all of it or nothing.

    Parameters
    ----------
    source : Path
        What `dump` wrote.
    url : URL
        As for `dump`.

    Raises
    ------
    StoreError
        If the database is not empty or does not answer, pg_restore is missing, or the dump is
        damaged or holds something else.
    """
    _require(url, (Schema.EMPTY,))
    _run([*_RESTORE, "--dbname=", str(source)], url)


def _require(url: URL, allowed: tuple[Schema, ...]) -> None:
    engine = make_engine(url, create=False)
    try:
        with errors_told(url), engine.connect() as connection:
            found = schema_of(connection)
    finally:
        engine.dispose()
    if found.state in allowed:
        return
    if allowed == (Schema.EMPTY,):
        raise StoreError(
            "The database is not empty, and a backup on PostgreSQL replaces nothing.",
            where=shown_url(url),
            hint="Make another database and name it; drop the old one when the new one is in use.",
        )
    raise found.refusal(shown_url(url))


def _run(command: list[str], url: URL) -> None:
    """Run one of PostgreSQL's programs; the password reaches it by its environment alone."""
    program = shutil.which(command[0])
    if program is None:
        raise StoreError(
            f"The program {command[0]} is not installed.",
            hint="Install PostgreSQL's client programs, of the server's version or a later one.",
        )
    done = subprocess.run(
        [program, *command[1:]],
        env=_environment(url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode == 0:
        return
    # Its words may quote what is stored; only those on versions are passed on.
    versions = _VERSION.search(done.stderr.decode("utf-8", "replace"))
    if versions:
        raise StoreError(
            f"{command[0]} {versions[2]} is older than the server ({versions[1]}).",
            where=shown_url(url),
            hint="Install the client programs of the server's version.",
        )
    raise StoreError(
        f"{command[0]} refused (exit code {done.returncode}), and nothing was changed.",
        where=shown_url(url),
        hint="The file may be damaged, the disk full, or this user may not do that.",
    )


def _environment(url: URL) -> dict[str, str]:
    """Return the environment by which libpq connects to the database of a URL."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("PG")}
    parts = {
        "PGHOST": url.host,
        "PGPORT": None if url.port is None else str(url.port),
        "PGUSER": url.username,
        "PGPASSWORD": None if url.password is None else str(url.password),
        "PGDATABASE": url.database,
    }
    for name, values in url.normalized_query.items():
        if name in _PARAMETERS:
            parts[_PARAMETERS[name]] = values[-1]
    return {**kept, **{name: text for name, text in parts.items() if text is not None}}
