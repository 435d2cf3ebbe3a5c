"""Second reads by the rule that asked for them, and adjudications."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from triage.review.figures.reviewed_cases import ReviewedCase
from triage.review.figures.statistics import Rate, rate, rate_of
from triage.vocabulary.review_policies import SecondReadRule


@dataclass(frozen=True, slots=True)
class SecondReadRate:
    """How often something sent a case to a second reader, and what came of it.

    Parameters
    ----------
    sent : Rate
        Of decided cases.
    given : Rate
        Of those, second reads that are given.
    adjudicated : Rate
        Of those given, cases that went to adjudication.
    """

    sent: Rate
    given: Rate
    adjudicated: Rate


@dataclass(frozen=True, slots=True)
class SecondReads:
    """Second reads; several rules may hold of one case.

    The rule of planted cases is not among them: those are in none of the figures.
    """

    any_rule: SecondReadRate
    by_rule: Mapping[SecondReadRule, SecondReadRate]


@dataclass(frozen=True, slots=True)
class Adjudications:
    """Adjudications.

    Parameters
    ----------
    closed : Rate
        Of those opened.
    by_senior : Rate
        Of those closed.
    rounds : mapping of int to int
        Number of rounds until the end to closed adjudications; a senior reader's is one.
    """

    closed: Rate
    by_senior: Rate
    rounds: Mapping[int, int]


def second_reads(cases: Sequence[ReviewedCase]) -> SecondReads:
    """Count the second reads by rule."""
    decided = [case for case in cases if case.decision is not None and case.rules is not None]
    rules = (rule for rule in SecondReadRule if rule is not SecondReadRule.PLANTED)
    return SecondReads(
        _sent([case for case in decided if case.rules], len(decided)),
        {
            rule: _sent([case for case in decided if rule in (case.rules or ())], len(decided))
            for rule in rules
        },
    )


def adjudications(cases: Sequence[ReviewedCase]) -> Adjudications:
    """Count the adjudications and their rounds."""
    opened = [case for case in cases if case.adjudicated]
    closed = [case for case in opened if case.closed]
    rounds = sorted({case.rounds for case in closed})
    return Adjudications(
        rate_of(len(closed), len(opened)),
        rate(case.by_senior for case in closed),
        {number: sum(case.rounds == number for case in closed) for number in rounds},
    )


def _sent(sent: Sequence[ReviewedCase], decided: int) -> SecondReadRate:
    given = [case for case in sent if case.second is not None]
    return SecondReadRate(
        rate_of(len(sent), decided),
        rate_of(len(given), len(sent)),
        rate(case.adjudicated for case in given),
    )
