"""The rate in control, estimated from baseline cases so that the budget of false alarms holds.

A chart is fragile in p0: made for a rate of 0.010 with 5 % false alarms in 9,000 cases, it has 15 %
where the true rate is 0.012. p0 is therefore not the estimate but a confidence limit of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from scipy.stats import beta

from triage.errors import UsageError
from triage.monitoring.bernoulli_cusum import LEAST_RATE

CONFIDENCE = 0.9
"""One-sided level of the limit."""


@dataclass(frozen=True, slots=True)
class BaselineRate:
    """A rate in control.

    Parameters
    ----------
    successes, n : int
        Baseline cases that count, and all.
    estimate : float
        successes / n; 0 where there are none.
    p0 : float
        What a chart is designed with: the upper Clopper-Pearson limit for a rising chart, the
        lower for a falling one.
    enough : bool
        Whether there are enough cases for the stated budget.
    note : str
        Why there are not, in a sentence; '' where there are.
    """

    successes: int
    n: int
    estimate: float
    p0: float
    enough: bool
    note: str


def baseline_rate(
    successes: int, n: int, *, rising: bool = True, confidence: float = CONFIDENCE
) -> BaselineRate:
    """Estimate p0 of a chart from baseline cases.

    Parameters
    ----------
    successes : int
        Visits that count, such as OOD.
    n : int
        All visits.
    rising : bool
        Whether the chart watches for a rise.
    confidence : float
        One-sided level of the Clopper-Pearson limit.

    Returns
    -------
    BaselineRate

    Raises
    ------
    UsageError
        If the counts are impossible.
    """
    raise NotImplementedError


def default_alternative(p0: float, *, rising: bool = True) -> float:
    """Return the rate that a chart is made to find where nobody says which, by a fixed rule.

    A rise from p0 to the smallest of 5 p0, 1.25 p0 + 0.0375 and (1 + p0) / 2: from 1 % to 5 %, from
    5 % to 10 %, from 20 % to 29 %, from 90 % to 95 %. A fall is the reverse: from 5 % to 1 %.

    Parameters
    ----------
    p0 : float
    rising : bool

    Returns
    -------
    float
    """
    if rising:
        return min(5 * p0, 1.25 * p0 + 0.0375, (1 + p0) / 2)
    return max(p0 / 5, (p0 - 0.0375) / 1.25, 2 * p0 - 1)
