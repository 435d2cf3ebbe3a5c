"""How a reader's decision can depart from the AI's opinion and from the reader's first read."""

from __future__ import annotations

from collections.abc import Sequence

from triage.decision import Decision
from triage.ledger.review_history import StatedRead
from triage.vocabulary.clinical import Urgency


def departures(
    conditions: Sequence[str],
    urgency: Urgency,
    first: StatedRead | None,
    shown: Decision | None,
) -> tuple[str, ...]:
    """Return what a decision differs from, in words; then it needs a reason.

    Urgency counts as well as the conditions. An abstention is no opinion, so nothing differs from
    it. Where several diagnoses may be named, the AI's main one has to be among them.
    """
    from_ai = (
        shown is not None
        and not shown.abstained
        and (shown.condition not in conditions or urgency is not shown.urgency)
    )
    from_self = first is not None and (
        set(first.facts.conditions) != set(conditions) or first.urgency is not urgency
    )
    return ("the AI's opinion",) * from_ai + ("your first read",) * from_self


def lowers_abstention(urgency: Urgency, shown: Decision | None) -> bool:
    """Whether a decision is below the priority in which the AI's abstention had put the case."""
    return shown is not None and shown.abstained and urgency.rank > shown.queue_urgency.rank
