"""How cases were read: blind first, with the AI from the beginning, or without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from triage.review.figures.reviewed_cases import ReviewedCase
from triage.review.figures.statistics import Rate, rate, rate_of
from triage.review.policies import LEAST_AI_OFF_SHARE
from triage.vocabulary.review_policies import ReadingMode


@dataclass(frozen=True, slots=True)
class Arms:
    """Shares of the cases that were opened.

    Parameters
    ----------
    by_mode : mapping of ReadingMode to Rate
    drawn_ai_off : Rate
        Drawn to be read without AI, of those opened since cases are drawn.
    promised : float
        The least share that is drawn.
    below_promise : bool or None
        Whether the interval of `drawn_ai_off` is below it, so that it is not by chance; None
        without cases.
    """

    by_mode: Mapping[ReadingMode, Rate]
    drawn_ai_off: Rate
    promised: float
    below_promise: bool | None


def arms(cases: Sequence[ReviewedCase]) -> Arms:
    """Count the cases by how they were read."""
    drawn = rate(case.drawn_ai_off for case in cases if not case.earlier_release)
    return Arms(
        {
            mode: rate_of(sum(case.mode is mode for case in cases), len(cases))
            for mode in ReadingMode
        },
        drawn,
        LEAST_AI_OFF_SHARE,
        None if drawn.high is None else drawn.high < LEAST_AI_OFF_SHARE,
    )
