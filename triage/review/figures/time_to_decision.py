"""How long cases waited from receipt to decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from triage.review.figures.reviewed_cases import ReviewedCase
from triage.review.figures.statistics import Rate, Spread, rate, spread
from triage.store.deadlines import Deadlines
from triage.vocabulary.clinical import Urgency


@dataclass(frozen=True, slots=True)
class TimeToDecision:
    """Hours from receipt to decision, and the share decided within the time of the class."""

    hours: Spread
    in_time: Rate


def time_to_decision(
    cases: Sequence[ReviewedCase], deadlines: Deadlines | None = None
) -> dict[Urgency, TimeToDecision]:
    """Return the time to decision by the urgency that was decided on."""
    limits = deadlines or Deadlines()
    found = {}
    for urgency in Urgency:
        waits = [
            case.decision.at - case.received_at
            for case in cases
            if case.decision is not None and case.decision.urgency is urgency
        ]
        found[urgency] = TimeToDecision(
            spread([wait.total_seconds() / 3600 for wait in waits]),
            rate(wait <= limits.of(urgency) for wait in waits),
        )
    return found
