"""Checkpoints of the ledger, written by a thread as long as the pages are served."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from triage.errors import TriageError
from triage.store import Store

SECONDS = 60.0
"""Time between two looks at whether a checkpoint is due."""
_LOG = logging.getLogger(__name__)


@contextmanager
def repeated(work: Callable[[], object], seconds: float = SECONDS) -> Iterator[None]:
    """Call a function now, every few seconds, and once more at the end, in a thread.

    A refusal is logged and does not end the thread: the next call may succeed.

    Parameters
    ----------
    work : callable
    seconds : float
        Between two calls.
    """
    stop = threading.Event()

    def run() -> None:
        while True:
            last = stop.is_set()
            try:
                work()
            except TriageError as refusal:
                _LOG.error("No checkpoint of the ledger was written: %s", refusal)
            if last:
                return
            stop.wait(seconds)

    thread = threading.Thread(target=run, name="ledger-checkpoints", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=30)


@contextmanager
def checkpoints_in_background(
    store: Store, key: Path | None, checkpoints: Path | None
) -> Iterator[None]:
    """Write the ledger's checkpoints in the background; do nothing without a key.

    Parameters
    ----------
    store : Store
    key : Path or None
        Private key (PEM), outside of the database.
    checkpoints : Path or None
        File that checkpoints are appended to.
    """
    if key is None or checkpoints is None:
        yield
        return
    from triage.store.checkpoints import checkpoint_if_due

    with repeated(lambda: checkpoint_if_due(store, key, checkpoints)):
        yield
