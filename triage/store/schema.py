"""Which migration a database is at, and the way to this version's."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from triage.errors import StoreError

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK_KEY = 8_314_972_025  # any number, the same in every process of ours


class Schema(Enum):
    """What a database's tables are, compared with this version of the software."""

    CURRENT = auto()
    EMPTY = auto()
    OLDER = auto()
    UNKNOWN = auto()
    FOREIGN = auto()
    SEVERAL = auto()


@dataclass(frozen=True)
class FoundSchema:
    """The state of a database's tables, its migration and the one needed."""

    state: Schema
    found: str | None
    needed: str

    def refusal(self, place: str) -> StoreError:
        """Return the error to raise for a database that is not usable."""
        at = f"The database is at migration {self.found}, this software needs {self.needed}."
        what, hint = {
            Schema.EMPTY: (
                "The database is empty.",
                "Score cases into it first (triage score, triage demo).",
            ),
            Schema.OLDER: (at, "Back it up, then run: triage db upgrade --db URL."),
            Schema.UNKNOWN: (at, "A newer version made it: update the software."),
            Schema.SEVERAL: (
                f"The database names several migrations: {self.found}.",
                "Something else than this software changed it: restore a backup.",
            ),
            Schema.FOREIGN: (
                "The database holds tables of something else.",
                "Give the case database a database of its own.",
            ),
        }[self.state]
        return StoreError(what, where=place, hint=hint)


def needed_revision() -> str:
    """Return the migration that this version of the software needs."""
    needed = ScriptDirectory(str(_MIGRATIONS)).get_current_head()
    assert needed is not None, "the package has migrations"
    return needed


def schema_of(connection: Connection) -> FoundSchema:
    """Return what the database's tables are."""
    scripts = ScriptDirectory(str(_MIGRATIONS))
    needed = needed_revision()
    heads = MigrationContext.configure(connection).get_current_heads()
    found = ", ".join(sorted(heads)) or None
    if len(heads) > 1:
        state = Schema.SEVERAL
    elif found == needed:
        state = Schema.CURRENT
    elif found is not None:
        known = {script.revision for script in scripts.walk_revisions()}
        state = Schema.OLDER if found in known else Schema.UNKNOWN
    else:
        state = Schema.FOREIGN if inspect(connection).get_table_names() else Schema.EMPTY
    return FoundSchema(state, found, needed)


def migrate(connection: Connection) -> None:
    """Run the migrations that a database lacks, if any, in the caller's transaction."""
    if connection.dialect.name == "postgresql":
        # Two processes that meet an empty database migrate it one after the other.
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
