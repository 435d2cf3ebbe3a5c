"""Whether a case database can be worked with now: a few small queries, no identifiers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from triage.errors import StoreError
from triage.store.bundle_manifest import MANIFEST
from triage.store.engine import Store
from triage.store.location import resolve_url
from triage.store.read_connection import DamagedFile, read_connection
from triage.store.schema import needed_revision
from triage.store.tables import Bundle
from triage.vocabulary.bundle_aliases import CHAMPION


class Standing(StrEnum):
    """What was found of one part."""

    OK = "ok"
    UNREACHABLE = "unreachable"
    OTHER_RELEASE = "other release"
    NONE = "none"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class DatabaseReadiness:
    """What was found of each part.

    Parameters
    ----------
    database : Standing
        `UNREACHABLE` where it does not answer, is missing or is damaged.
    tables : Standing
        `OTHER_RELEASE` where they are not those of this version of the software.
    champion : Standing
        The bundle in use: `NONE` where there is none, `MISSING` where this process does not see
        its files.
    """

    database: Standing
    tables: Standing = Standing.UNKNOWN
    champion: Standing = Standing.UNKNOWN

    @property
    def has_database(self) -> bool:
        """Whether the database answers and has the tables of this release."""
        return self.database is self.tables is Standing.OK

    @property
    def ready(self) -> bool:
        """Whether all parts are there."""
        return self.has_database and self.champion is Standing.OK

    def parts(self) -> dict[str, str]:
        """Return the standing of each part by its name."""
        return {name: str(standing) for name, standing in asdict(self).items()}


def readiness_of(store: Store) -> DatabaseReadiness:
    """Return the standing of an open case database; nothing is raised if it does not answer."""
    try:
        with store.engine.connect() as connection:
            return _standing(connection)
    except SQLAlchemyError:
        return DatabaseReadiness(Standing.UNREACHABLE)


def readiness_at(url: str | None = None) -> DatabaseReadiness:
    """Return the standing of the case database at a URL; see `triage.store.open_store`.

    Raises
    ------
    StoreError
        If this is no URL, or a file with a secret cannot be read.
    MissingExtraError
        If the driver of the database is not installed.
    """
    resolved = resolve_url(url)
    try:
        with read_connection(resolved) as connection:
            return _standing(connection)
    except (SQLAlchemyError, StoreError, DamagedFile):
        return DatabaseReadiness(Standing.UNREACHABLE)


@cache
def _needed() -> str:
    return needed_revision()


def _standing(connection: Connection) -> DatabaseReadiness:
    if MigrationContext.configure(connection).get_current_heads() != (_needed(),):
        return DatabaseReadiness(Standing.OK, Standing.OTHER_RELEASE)
    path = connection.scalar(select(Bundle.path).where(Bundle.alias == CHAMPION))
    if path is None:
        champion = Standing.NONE
    else:
        champion = Standing.OK if (Path(path) / MANIFEST).is_file() else Standing.MISSING
    return DatabaseReadiness(Standing.OK, Standing.OK, champion)
