"""Which form of the panel a draft belongs to, and a decision as a draft to begin with."""

from __future__ import annotations

from typing import Any

from triage.review import ReaderView
from triage.store.records import FinalRead


def first_read_form(review: ReaderView) -> str:
    """Return the name of the form for a first read."""
    return f"first-{review.id}"


def decision_form(review: ReaderView) -> str:
    """Return the name of the form for a decision."""
    return f"final-{review.id}"


def answers_of(final: FinalRead) -> dict[str, Any]:
    """Return a decision as answers to begin with, such as after it was undone."""
    follow_up = final.follow_up or {"kind": None, "by": None, "text": ""}
    return {
        "path": "other",
        "conditions": list(final.read.conditions),
        "urgency": final.read.urgency.value,
        "certainty": final.read.certainty,
        "reason": final.reason_code,
        "comment": final.comment,
        "follow_up": dict(follow_up),
    }
