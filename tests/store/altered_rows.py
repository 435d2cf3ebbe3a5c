"""What tests of altered rows share: which events a database holds, and copies that were altered."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from types import ModuleType

from triage.ledger.event import LedgerEvent
from triage.store import events, open_store, verify_ledger


def findings(file: Path) -> list[str]:
    """What the verification of the ledger of a SQLite file finds."""
    return [one.what for one in verify_ledger(f"sqlite:///{file}").chain.findings]


def kinds_without_an_event(file: Path, module: ModuleType) -> set[str]:
    """Kinds of events of a module that a SQLite file has none of."""
    store = open_store(f"sqlite:///{file}")
    with store.reading() as session:
        written = {one.kind for one in events(session)}
    store.close()
    kinds = {
        one.kind
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, LedgerEvent) and one is not LedgerEvent
    }
    return kinds - written


def altered_copy(statement: str, file: Path, copy: Path) -> Path:
    """Copy a SQLite file and run a statement there, which changes rows."""
    shutil.copy(file, copy)
    with sqlite3.connect(copy) as connection:  # foreign keys are not enforced here
        assert connection.execute(statement).rowcount > 0
    connection.close()
    return copy
