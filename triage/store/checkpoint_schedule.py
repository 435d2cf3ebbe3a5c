"""Checkpoints that are signed by themselves, after so many events or minutes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine, func, select

from triage.errors import StoreError
from triage.ledger.keys import SigningKey
from triage.store.database_errors import errors_told
from triage.store.engine import open_store
from triage.store.ledger_checkpoints import CheckpointOutcome, append_checkpoint
from triage.store.tables import Event

EVERY_EVENTS = 1000
EVERY_MINUTES = 10.0
_POLL_S = 5.0


class CheckpointSchedule:
    """Signs a checkpoint when enough events or enough time have passed since the last one.

    Parameters
    ----------
    url : str, optional
        As for `triage.store.open_store`.
    key : SigningKey
    out : Path
        File of checkpoints to append to.
    every_events : int
    every_minutes : float
        Only where there is an event that no checkpoint covers.
    on_checkpoint : callable, optional
        Called with each outcome that appended a checkpoint.
    """

    def __init__(
        self,
        url: str | None,
        key: SigningKey,
        out: Path,
        *,
        every_events: int = EVERY_EVENTS,
        every_minutes: float = EVERY_MINUTES,
        on_checkpoint: Callable[[CheckpointOutcome], None] | None = None,
    ) -> None:
        self._url, self._key, self._out = url, key, out
        self._every_events, self._every_s = every_events, 60.0 * every_minutes
        self._on_checkpoint = on_checkpoint
        self._sealed = 0
        self._since = time.monotonic()

    def run(self, stop: threading.Event, poll_s: float = _POLL_S) -> None:
        """Sign at once what is not sealed, then whenever it is due, until `stop` is set.

        A database that cannot be reached for a time is tried again. For a page's server, run it in
        a daemon thread.

        Raises
        ------
        LedgerNotIntact
            If the ledger is not intact; nothing more is signed then.
        LedgerError
            If the key does not fit the file, or it cannot be written.
        StoreError
            If the database cannot be reached at the beginning.
        """
        store = open_store(self._url)
        try:
            self._sign()
            while not stop.wait(poll_s):
                try:
                    if self._is_due(_last(store.engine)):
                        self._sign()
                except StoreError:
                    continue  # locked, or the server restarts; the next poll tries again
        finally:
            store.close()

    def _is_due(self, last: int) -> bool:
        unsealed = last - self._sealed
        if unsealed <= 0:
            return False
        return unsealed >= self._every_events or time.monotonic() - self._since >= self._every_s

    def _sign(self) -> None:
        outcome = append_checkpoint(self._url, self._key, self._out)
        self._sealed, self._since = outcome.events, time.monotonic()
        if outcome.appended is not None and self._on_checkpoint is not None:
            self._on_checkpoint(outcome)


def _last(engine: Engine) -> int:
    with errors_told(engine.url), engine.connect() as connection:
        return connection.scalar(select(func.max(Event.id))) or 0
