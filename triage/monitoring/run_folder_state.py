"""What a folder of monitoring remembers of the database of its last run.

A database that was restored from a backup, or another one, is noticed so: the last event that the
run saw is not there, or has another hash.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from triage.atomic_write import whole_file
from triage.regular_file import open_regular
from triage.store.tables import Event

STATE_FILE = "state.json"


class RunFolderState(BaseModel):
    """The last run that was written to a folder.

    Parameters
    ----------
    ledger_sequence : int
        Number of the last event of the ledger, the run's own among them.
    ledger_head : str
        Hash of that event.
    plan : str
        Hash of the plan.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    ledger_sequence: int
    ledger_head: str
    plan: str


def read_state(out: Path) -> RunFolderState | None:
    """Return what a folder remembers; None where it remembers nothing that can be read."""
    try:
        with open_regular(out / STATE_FILE) as stream:
            return RunFolderState.model_validate_json(stream.read())
    except (OSError, ValidationError):
        return None


def write_state(out: Path, state: RunFolderState) -> None:
    """Remember a run."""
    with whole_file(out / STATE_FILE) as partial:
        partial.write_text(state.model_dump_json() + "\n", encoding="utf-8")


def present_state(session: Session, plan: str) -> RunFolderState:
    """Return the state of a database now; a ledger without events has sequence 0."""
    last = session.execute(select(Event.id, Event.hash).order_by(Event.id.desc()).limit(1)).first()
    return RunFolderState(
        ledger_sequence=0 if last is None else last.id,
        ledger_head="" if last is None else last.hash,
        plan=plan,
    )


def restored_note(session: Session, before: RunFolderState | None) -> str:
    """Return how a database differs from the one of the last run; '' where it goes on from it."""
    if before is None or before.ledger_sequence == 0:
        return ""
    head = session.scalar(select(Event.hash).where(Event.id == before.ledger_sequence))
    if head == before.ledger_head:
        return ""
    last = session.scalar(select(func.max(Event.id))) or 0
    if head is None:
        return (
            f"the database has {last} events, and the last run that was written here read "
            f"{before.ledger_sequence}: it is older than that run, such as one that was restored "
            "from a backup; alarms that were raised, assigned or closed since the backup are not "
            "in it, and its cases were judged anew"
        )
    return (
        f"event {before.ledger_sequence} is not the one of the last run that was written here: "
        "this is another database, or one that was restored from a backup and has gone on "
        "otherwise; its cases were judged anew"
    )


def set_aside(out: Path, name: str, before: RunFolderState) -> Path | None:
    """Keep the result of the last run of another database beside the new one.

    Returns
    -------
    Path or None
        Where it is now; None where there was none.
    """
    kept = out / f"before-restore-{before.ledger_sequence}-{before.ledger_head[:8]}.json"
    try:
        os.replace(out / name, kept)
    except FileNotFoundError:
        return None
    return kept
