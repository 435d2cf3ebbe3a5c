"""Readers and the steps that they take, for tests of whatever follows from reviews."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from triage.accounts import Actor, Role
from triage.ledger.events.review_events import FollowUp
from triage.review import (
    Certainty,
    FollowUpKind,
    OverrideReason,
    ReaderView,
    decide,
    lock_first_read,
    open_case,
    reveal,
)
from triage.store import Store
from triage.store.base import utc_now
from triage.vocabulary.clinical import Urgency

DWELL = timedelta(seconds=5)
"""Longer than the least time between reveal and decision."""


def reader(name: str = "Ann", role: Role = Role.READER) -> Actor:
    return Actor(name, role)


def without_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let first reads be given of cases whose files do not exist."""
    monkeypatch.setattr("triage.review.viewable._is_viewable", lambda *_: True)


def states(condition: str, **changes: Any) -> dict[str, Any]:
    """A read, as the steps take it."""
    given = {
        "conditions": (condition,),
        "urgency": Urgency.ROUTINE,
        "certainty": Certainty.SURE,
    }
    return given | changes


def lock(store: Store, number: int, name: str = "Ann", **read: Any) -> ReaderView:
    """Open a case and lock a first read."""
    open_case(store, number, reader(name))
    return lock_first_read(store, number, reader(name), **(read or states("melanoma")))


def read_case(
    store: Store, number: int, name: str, first: dict[str, Any], final: dict[str, Any]
) -> ReaderView:
    """Read a case to its decision; where the AI abstained, nothing is to follow."""
    lock(store, number, name, **first)
    opinion = reveal(store, number, reader(name))
    given = {"reason": OverrideReason.HISTORY} | final
    if opinion is not None and opinion.abstained:
        given = {"follow_up": FollowUp(FollowUpKind.NONE, text="Seen today.")} | given
    return decide(store, number, reader(name), at=utc_now() + DWELL, **given)
