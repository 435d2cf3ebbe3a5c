"""What the errors of a database mean, without the data that they quote."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from triage.errors import StoreError
from triage.store.location import shown_url

_REFUSALS = {
    "SQLITE_BUSY": ("The database is locked by another program", "End it, or try again later."),
    "SQLITE_LOCKED": ("The database is locked by another program", "End it, or try again later."),
    "SQLITE_FULL": ("There is no space left for the database", "Free some, and try again."),
    "SQLITE_READONLY": (
        "The database cannot be written to",
        "Give this user the right to write to the file and its folder.",
    ),
    "SQLITE_NOTADB": ("The file is no SQLite database", "Name another file."),
    "SQLITE_CORRUPT": ("The database is damaged", "Restore a backup (triage db restore)."),
    "SQLITE_CANTOPEN": (
        "The database cannot be opened",
        "Check that it is a file, and that this user may read it and write to its folder.",
    ),
    "SQLITE_IOERR": ("The disk of the database fails", "Check the disk and its free space."),
    "28": ("The server does not accept this user and password", "Correct them in the URL."),
    "3D": ("There is no such database on the server", "Make it, or name another."),
    "08": (
        "The server of the database is not reachable",
        "Check the host, the port and that it runs.",
    ),
    "53": ("The server of the database is out of space or connections", "Ask who runs it."),
    "42501": ("This user may not do that in the database", "Ask who runs it for the right."),
}
"""What went wrong and what to do, by name of SQLite's code or by class of SQLSTATE."""


_REFUSED = (
    "The database refused",
    "Check that it is reachable, writable, a case database, and has space left.",
)


def _refusal(error: SQLAlchemyError) -> tuple[str, str]:
    """What a database's error means, and what to do; neither quotes any data."""
    original = error.orig if isinstance(error, DBAPIError) else None
    name = str(getattr(original, "sqlite_errorname", "") or "")
    state = str(getattr(original, "sqlstate", "") or "")
    if not state and type(original).__module__.startswith("psycopg"):
        # Without a server there is no SQLSTATE; psycopg's words may hold the password.
        refused = "password authentication" in str(original)
        state = "28000" if refused else "08001" if "connection" in str(original) else ""
    codes = ("_".join(name.split("_")[:2]), state, state[:2])
    return next((_REFUSALS[code] for code in codes if code in _REFUSALS), _REFUSED)


@contextmanager
def errors_told(url: URL) -> Iterator[None]:
    """Turn the database's refusals into ours, without the data that they quote.

    Raises
    ------
    StoreError
    """
    try:
        yield
    except SQLAlchemyError as error:
        cause = type(error.orig if isinstance(error, DBAPIError) else error).__name__
        if isinstance(error, IntegrityError):
            raise StoreError(
                f"The change contradicts what is stored ({cause}).", where=shown_url(url)
            ) from error
        what, hint = _refusal(error)
        raise StoreError(f"{what} ({cause}).", where=shown_url(url), hint=hint) from error
