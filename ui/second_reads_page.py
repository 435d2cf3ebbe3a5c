"""Cases that a reader may read as the second; nothing of the first reader or of the AI."""

from __future__ import annotations

from triage.accounts.sessions import Session
from triage.review import second_reads_waiting
from triage.store import Store
from ui.session import CaseWorkKind
from ui.waiting_list import show_waiting
from ui.words import date_of


def show(store: Store, session: Session) -> None:
    """Draw the page."""
    show_waiting(
        "Second reads",
        lambda: second_reads_waiting(store, session.actor),
        CaseWorkKind.SECOND_READ,
        key="second-reads",
        label="Cases that wait for a second read",
        none="No case waits for a second read by you.",
        about="You read on your own: what the first reader and the AI said is not shown, and your "
        "read cannot be changed.",
        fact=("Received", lambda one: date_of(one.received_at)),
        action=lambda one: "Read",
    )
