"""Verbs on the case database itself."""

from __future__ import annotations

from pipelines.cli.console import Db, Json, say


def db_upgrade(db: Db = None, as_json: Json = False) -> None:
    """Bring the case database of an earlier release to this one's tables; all of it or nothing.

    Back it up first. Example: triage db upgrade --db sqlite:///triage.db
    """
    from triage.store import open_store, upgrade_store

    upgrade_store(db)
    store = open_store(db)
    try:
        say(as_json, {"database": store.place}, f"{store.place}: is at this release's tables")
    finally:
        store.close()
