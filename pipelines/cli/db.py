"""Verbs on the case database itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.acting import As, PasswordStdin, acting_at
from pipelines.cli.console import Db, Json, say, summarise
from triage.accounts import Action
from triage.errors import ExitCode

Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace what is there, if anything is.")
]


def db_init(db: Db = None, as_json: Json = False) -> None:
    """Make the tables in an empty database; one of this release stays as it is.

    It needs no account: an empty database has none, and nothing else is changed. A database of an
    earlier release is refused, because it is backed up before triage db upgrade.

    Example: triage db init --db sqlite:///triage.db
    """
    from triage.store import open_store

    store = open_store(db, create=True)
    try:
        say(as_json, {"database": store.place}, f"{store.place}: has this release's tables")
    finally:
        store.close()


def db_upgrade(
    db: Db = None,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Bring the case database of an earlier release to this one's tables; all of it or nothing.

    Back it up first. Example: triage db upgrade --db sqlite:///triage.db
    """
    from triage.store import open_store, upgrade_store

    acting_at(db, as_name, password_stdin, Action.MANAGE_DATABASE)
    upgrade_store(db)
    store = open_store(db)
    try:
        say(as_json, {"database": store.place}, f"{store.place}: is at this release's tables")
    finally:
        store.close()


def db_check(db: Db = None, as_json: Json = False) -> None:
    """Check that the case database is whole; exit code 4 if it is not. Nothing is changed.

    Looks at the file, the tables, references between rows, what protects the ledger of events, and
    its hash chain, without checkpoints (triage ledger verify compares with them).

    Example: triage db check --db sqlite:///triage.db
    """
    from triage.store import check_store

    found = check_store(db)
    value = {
        "database": found.place,
        "revision": found.revision,
        "needed": found.needed,
        "rows": found.rows,
        "problems": list(found.problems),
    }
    lines = [f"{found.place}: migration {found.revision}, this software needs {found.needed}"]
    lines += [f"  {name}: {rows} rows" for name, rows in found.rows.items()]
    lines += [f"  problem: {problem}" for problem in summarise(found.problems)]
    if not found.problems:
        lines.append("  no problem found")
    say(as_json, value, *lines)
    if found.problems:
        raise typer.Exit(ExitCode.ANSWERED_NO)


def db_backup(
    to: Annotated[Path, typer.Option("--to", help="File to write.")],
    db: Db = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Copy a case database to one file, also while it is in use; all of it or nothing.

    Of SQLite the copy is a case database; of PostgreSQL it is made by pg_dump, in its own format.

    Example: triage db backup --db sqlite:///triage.db --to backups/triage.db
    """
    from triage.backups import back_up

    origin = back_up(db, to, overwrite=overwrite)
    say(as_json, {"database": origin, "to": str(to)}, f"{to}: a copy of {origin}")


def db_restore(
    source: Annotated[Path, typer.Option("--from", help="What `triage db backup` wrote.")],
    db: Db = None,
    overwrite: Overwrite = False,
    as_name: As = None,
    password_stdin: PasswordStdin = False,
    as_json: Json = False,
) -> None:
    """Put a backup in the place of a case database; all of it or nothing.

    On PostgreSQL the database has to be empty: --overwrite is for files of SQLite.

    Example: triage db restore --from backups/triage.db --db sqlite:///triage.db --overwrite
    """
    from triage.backups import restore

    acting_at(db, as_name, password_stdin, Action.MANAGE_DATABASE)
    target = restore(source, db, overwrite=overwrite)
    say(as_json, {"database": target, "from": str(source)}, f"{target}: is {source} again")
