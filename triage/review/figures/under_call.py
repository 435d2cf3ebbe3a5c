"""Positives missed where the AI abstained, against those missed without AI.

An abstention is no statement that a case is harmless; whether readers take it for one shows in
this comparison.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from triage.review.figures.reviewed_cases import ReviewedCase
from triage.review.figures.statistics import Rate, RateDifference, difference, rate


@dataclass(frozen=True, slots=True)
class UnderCall:
    """Rates of missed positives: of decided cases whose truth is positive, those under-called.

    A case is positive if it is urgent, semi-urgent or has a condition of high risk. It is missed if
    the decision is less urgent than the truth, or does not name a condition of high risk.

    Parameters
    ----------
    abstained : Rate
        The reader was shown that the AI abstained.
    ai_off_abstained : Rate
        Drawn to be read without AI; the AI had abstained, and nobody saw it. Which cases are drawn
        is random, so these two groups are alike but for what the reader saw.
    ai_off : Rate
        All that were drawn to be read without AI.
    against_alike : RateDifference
        `abstained` less `ai_off_abstained`.
    against_all : RateDifference
        `abstained` less `ai_off`. Abstained cases are harder than most, so this is above 0 also
        where the abstention harms nobody.
    """

    abstained: Rate
    ai_off_abstained: Rate
    ai_off: Rate
    against_alike: RateDifference
    against_all: RateDifference


def under_call(cases: Sequence[ReviewedCase]) -> UnderCall:
    """Compare missed positives of abstained cases with those of the arm without AI."""
    abstained = _missed([case for case in cases if case.shown and case.shown.abstained])
    drawn = [case for case in cases if case.drawn_ai_off and not case.revealed]
    alike = _missed([case for case in drawn if case.unshown and case.unshown.abstained])
    ai_off = _missed(drawn)
    return UnderCall(
        abstained,
        alike,
        ai_off,
        difference(abstained, alike),
        difference(abstained, ai_off),
    )


def _missed(cases: Sequence[ReviewedCase]) -> Rate:
    found = []
    for case in cases:
        truth, decision = case.truth, case.decision
        if truth is None or decision is None or not truth.positive:
            continue
        lower = truth.urgency is not None and decision.urgency.rank > truth.urgency.rank
        found.append(lower or not truth.high_risk <= frozenset(decision.conditions))
    return rate(found)
