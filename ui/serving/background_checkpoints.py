"""Checkpoints of the ledger, signed by a thread as long as the pages are served."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from triage.errors import TriageError
from triage.ledger.keys import load_key
from triage.store.checkpoint_schedule import CheckpointSchedule

_LONGEST_END = 10.0
"""Seconds that are waited for the thread at the end."""
_LOG = logging.getLogger(__name__)


@contextmanager
def checkpoints_in_background(
    url: str, key: Path | None, checkpoints: Path | None
) -> Iterator[None]:
    """Sign the ledger's checkpoints in the background; do nothing without a key.

    Parameters
    ----------
    url : str
        The case database.
    key : Path or None
        Private key, outside of the database.
    checkpoints : Path or None
        File that checkpoints are appended to.

    Raises
    ------
    LedgerError
        If the key cannot be used.
    """
    if key is None or checkpoints is None:
        yield
        return
    schedule = CheckpointSchedule(url, load_key(key), checkpoints)
    with in_background(schedule.run):
        yield


@contextmanager
def in_background(work: Callable[[threading.Event], object]) -> Iterator[None]:
    """Run a function in a thread; its argument is set when it should end.

    A refusal ends the thread and is logged: the pages are served all the same.

    Parameters
    ----------
    work : callable
    """
    stop = threading.Event()

    def run() -> None:
        try:
            work(stop)
        except TriageError as refusal:
            _LOG.error("No more checkpoints of the ledger are signed: %s", refusal)

    thread = threading.Thread(target=run, name="ledger-checkpoints", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(_LONGEST_END)
