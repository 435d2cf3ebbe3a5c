"""Cases in which a reader's answer is waited for; nothing of what anybody has said of them."""

from __future__ import annotations

from triage.accounts.sessions import Session
from triage.review import adjudications_waiting
from triage.store import Store
from ui.session import CaseWorkKind
from ui.waiting_list import show_waiting


def show(store: Store, session: Session) -> None:
    """Draw the page."""
    show_waiting(
        "Adjudication",
        lambda: adjudications_waiting(store, session.actor),
        CaseWorkKind.ADJUDICATION,
        key="adjudications",
        label="Adjudications that wait for you",
        none="No adjudication waits for your answer.",
        about="Readers disagree on them. Each answers by the features of a short list; answers are "
        "shown without names once all of a round are given.",
        fact=(
            "Your part",
            lambda one: "You decide, as a senior reader" if one.as_senior else f"Round {one.round}",
        ),
        action=lambda one: "Decide" if one.as_senior else "Answer",
    )
