"""From first read to decision, against the truth: whether seeing the AI helped or harmed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from triage.review.figures.reviewed_cases import Advice, ReviewedCase, Statement
from triage.review.figures.statistics import Rate, rate
from triage.review.figures.truth import Truth

_Right = Callable[[Statement, Truth], bool]


@dataclass(frozen=True, slots=True)
class SwitchFigures:
    """Switches of one answer, of cases with a first read, a reveal, a decision and a truth.

    Parameters
    ----------
    helpful : Rate
        Wrong first reads that became right.
    harmful : Rate
        Right first reads that became wrong.
    misled : Rate
        Right first reads that became wrong, of those after which a wrong opinion was shown.
    first_right, decision_right : Rate
    """

    helpful: Rate
    harmful: Rate
    misled: Rate
    first_right: Rate
    decision_right: Rate


@dataclass(frozen=True, slots=True)
class Switches:
    """Switches of both answers, and how many decided cases have a truth to measure by.

    Parameters
    ----------
    with_truth : Rate
        Of decided cases. Adjudicated cases are those on which readers disagreed, so what they show
        need not hold for the others.
    conditions, urgency : SwitchFigures
    """

    with_truth: Rate
    conditions: SwitchFigures
    urgency: SwitchFigures


def switches(cases: Sequence[ReviewedCase]) -> Switches:
    """Compare first reads and decisions with the truth."""
    decided = [case for case in cases if case.decision is not None]
    return Switches(
        rate(case.truth is not None for case in decided),
        _figures(decided, _names_all, _names_any, of_urgency=False),
        _figures(decided, _same_urgency, _advised_urgency, of_urgency=True),
    )


def _figures(
    cases: Sequence[ReviewedCase],
    right: _Right,
    advised_rightly: Callable[[Advice, Truth], bool],
    *,
    of_urgency: bool,
) -> SwitchFigures:
    both: list[tuple[bool, bool]] = []
    misadvised: list[bool] = []
    for case in cases:
        truth, first, decision = case.truth, case.first, case.decision
        known = truth is not None and (truth.urgency is not None or not of_urgency)
        if not known or truth is None or first is None or decision is None or not case.revealed:
            continue
        before, after = right(first, truth), right(decision, truth)
        both.append((before, after))
        shown = case.shown
        if before and shown and not shown.abstained and not advised_rightly(shown, truth):
            misadvised.append(not after)
    return SwitchFigures(
        helpful=rate(after for before, after in both if not before),
        harmful=rate(not after for before, after in both if before),
        misled=rate(misadvised),
        first_right=rate(before for before, _ in both),
        decision_right=rate(after for _, after in both),
    )


def _names_all(read: Statement, truth: Truth) -> bool:
    return frozenset(read.conditions) == truth.conditions


def _names_any(shown: Advice, truth: Truth) -> bool:
    return shown.condition in truth.conditions


def _same_urgency(read: Statement, truth: Truth) -> bool:
    return read.urgency is truth.urgency


def _advised_urgency(shown: Advice, truth: Truth) -> bool:
    return shown.urgency is truth.urgency
