"""Agreement of the first reader with the second, who knew neither the first read nor the AI."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from triage.evaluation.cohen_kappa import Kappa, nominal_kappa, quadratic_kappa
from triage.review.figures.reviewed_cases import ReviewedCase, Statement
from triage.vocabulary.review_policies import SecondReadRule


@dataclass(frozen=True, slots=True)
class Agreement:
    """Cohen's kappa against the second read.

    Parameters
    ----------
    first_condition, decision_condition : Kappa
        Of the main condition, each disagreement counting the same.
    first_urgency, decision_urgency : Kappa
        Of the urgency, weighted by the square of the levels between.
    """

    first_condition: Kappa
    first_urgency: Kappa
    decision_condition: Kappa
    decision_urgency: Kappa


@dataclass(frozen=True, slots=True)
class AgreementFigures:
    """Agreement over two sets of cases.

    Parameters
    ----------
    random : Agreement
        Of cases drawn for a second read at random: how well readers agree.
    all_second_reads : Agreement
        Most are cases about which something was doubtful, so agreement is lower than elsewhere.
    """

    random: Agreement
    all_second_reads: Agreement


def agreement(cases: Sequence[ReviewedCase]) -> AgreementFigures:
    """Compare first reads and decisions with second reads."""
    twice = [case for case in cases if case.second is not None and case.decision is not None]
    drawn = [case for case in twice if case.rules and SecondReadRule.RANDOM in case.rules]
    return AgreementFigures(random=_agreement(drawn), all_second_reads=_agreement(twice))


def _agreement(cases: Sequence[ReviewedCase]) -> Agreement:
    first = [(case.first, case.second, case.patient) for case in cases]
    decision = [(case.decision, case.second, case.patient) for case in cases]
    first_condition, first_urgency = _kappas(first)
    decision_condition, decision_urgency = _kappas(decision)
    return Agreement(first_condition, first_urgency, decision_condition, decision_urgency)


def _kappas(
    pairs: Sequence[tuple[Statement | None, Statement | None, int]],
) -> tuple[Kappa, Kappa]:
    both = [(one, other, patient) for one, other, patient in pairs if one and other]
    patients = [patient for *_, patient in both]
    return (
        nominal_kappa(
            [one.conditions[0] for one, _, _ in both],
            [other.conditions[0] for _, other, _ in both],
            patients,
        ),
        quadratic_kappa(
            [one.urgency.rank for one, _, _ in both],
            [other.urgency.rank for _, other, _ in both],
            patients,
        ),
    )
