"""Appends events to a database in a process of its own, and prints what was committed.

``python -m tests.store.ledger_writers URL NAME TRANSACTIONS``
"""

from __future__ import annotations

import sys

from triage.ledger.events.model_events import BundleRegistered
from triage.store import append_event, open_store


def main(url: str, name: str, transactions: int) -> None:
    """Append two events a transaction; after each, print its number."""
    store = open_store(url)
    for number in range(transactions):
        with store.transaction() as session:
            for part in ("a", "b"):
                append_event(session, BundleRegistered(f"{number} {part}"), actor=name)
        print(number, flush=True)
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
