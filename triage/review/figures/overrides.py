"""Decisions that differ from the opinion that was shown, and the reasons given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from triage.review.figures.reviewed_cases import ReviewedCase
from triage.review.figures.statistics import Rate, rate_of
from triage.vocabulary.read_answers import OverrideReason


@dataclass(frozen=True, slots=True)
class Overrides:
    """Shares of the decided cases in which an opinion was shown.

    Parameters
    ----------
    overridden : Rate
        The decision does not name the AI's condition, or has another urgency, as in
        `triage.review.departures`.
    by_reason : mapping of OverrideReason to Rate
        Overridden for this reason.
    without_reason : Rate
        Overridden without one; earlier releases asked for none where only the urgency differed.
    """

    overridden: Rate
    by_reason: Mapping[OverrideReason, Rate]
    without_reason: Rate


def overrides(cases: Sequence[ReviewedCase]) -> Overrides:
    """Count how often, and why, decisions differ from the opinion that was shown."""
    advised = [
        (case.decision, case.shown)
        for case in cases
        if case.decision is not None and case.shown is not None and not case.shown.abstained
    ]
    apart = [
        decision
        for decision, shown in advised
        if shown.condition not in decision.conditions or shown.urgency is not decision.urgency
    ]
    return Overrides(
        rate_of(len(apart), len(advised)),
        {
            reason: rate_of(sum(one.reason == reason for one in apart), len(advised))
            for reason in OverrideReason
        },
        rate_of(sum(one.reason is None for one in apart), len(advised)),
    )
