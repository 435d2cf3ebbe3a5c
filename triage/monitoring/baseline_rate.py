"""The rate in control, estimated from baseline cases so that the budget of false alarms holds.

A chart is fragile in p0: made for a rate of 0.010 with 5 % false alarms in 9,000 cases, it has 15 %
where the true rate is 0.012. p0 is therefore not the estimate but a confidence limit of it. The
limit is the one-sided Clopper-Pearson limit of 80 %: with it the probability of a false alarm, over
the baseline and the stream together, is within a budget of 5 % (`docs/monitoring.md` has the
numbers, `tests/soak/cusum_simulation.py` computes them); with 50 % it is 10 to 17 %, and 90 % or
more finds changes later for nothing that was promised.
"""

from __future__ import annotations

from dataclasses import dataclass

from scipy.stats import beta

from triage.errors import UsageError

CONFIDENCE = 0.8
"""One-sided level of the limit."""
LEAST_CASES = 500
"""Baseline cases below which there is no chart."""
LARGEST_MOVE = 0.5
"""Largest distance of the limit from the estimate, as a share of what is to be found."""
LEAST_P0 = 5e-4
"""Smallest p0, and smallest distance from 1; a chart for rarer cases is designed with it."""
_MOST_CASES = 10_000_000


@dataclass(frozen=True, slots=True)
class BaselineRate:
    """A rate in control, and the rate that a chart is made to find.

    Parameters
    ----------
    successes, n : int
        Baseline visits that count, and all.
    estimate : float
        The median-unbiased estimate: the one-sided limit of 50 %, near successes / n.
    p0 : float
        What a chart is designed with: the upper confidence limit for a rising chart, the lower for
        a falling one.
    p1 : float
        What the chart is made to find: as given, else `default_alternative(estimate)`.
    enough : bool
        Whether there are enough cases for a chart with the stated budget.
    note : str
        Why there are not, in a sentence; '' where there are.
    """

    successes: int
    n: int
    estimate: float
    p0: float
    p1: float
    enough: bool
    note: str


def baseline_rate(
    successes: int,
    n: int,
    *,
    rising: bool = True,
    p1: float | None = None,
    confidence: float = CONFIDENCE,
) -> BaselineRate:
    """Estimate p0 of a chart from baseline cases.

    There are not enough where they are fewer than 500, or where the confidence limit lies more
    than half-way from the estimate to the rate that is to be found: the chart would find it too
    late.

    Parameters
    ----------
    successes : int
        Visits that count, such as OOD.
    n : int
        All visits, in the order of their arrival and from the time before monitoring.
    rising : bool
        Whether the chart watches for a rise.
    p1 : float, optional
        Rate to be found.
    confidence : float
        One-sided level of the Clopper-Pearson limit.

    Returns
    -------
    BaselineRate

    Raises
    ------
    UsageError
        If the counts or the level are impossible.
    """
    if not 0 <= successes <= n:
        raise UsageError(f"{successes} of {n} baseline cases cannot be")
    if not 0 < confidence < 1:
        raise UsageError(f"a confidence level of {confidence:g} is outside of 0 to 1")
    estimate, p0, found = _rates(successes, n, rising, p1, confidence)
    note = _lack(successes, n, rising, p1, confidence)
    return BaselineRate(successes, n, estimate, p0, found, not note, note)


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


def within_range(p0: float, *, rising: bool = True) -> float:
    """Return the nearest rate that a chart can be designed with; for p0 that are known."""
    return min(max(p0, LEAST_P0), 1 - LEAST_P0)


def _rates(
    successes: int, n: int, rising: bool, p1: float | None, confidence: float
) -> tuple[float, float, float]:
    """Estimate, p0 and p1."""
    estimate = _limit(successes, n, rising, 0.5)
    p0 = _limit(successes, n, rising, confidence)
    if p1 is None:
        p1 = default_alternative(within_range(estimate), rising=rising)
    return estimate, within_range(p0), p1


def _limit(successes: int, n: int, rising: bool, confidence: float) -> float:
    """The one-sided Clopper-Pearson limit: upper for a rising chart, else lower."""
    if rising:
        return 1.0 if successes == n else float(beta.ppf(confidence, successes + 1, n - successes))
    if successes == 0:
        return 0.0
    return float(beta.ppf(1 - confidence, successes, n - successes + 1))


def _lack(successes: int, n: int, rising: bool, p1: float | None, confidence: float) -> str:
    """Why there are not enough cases; '' where there are."""
    if n >= LEAST_CASES and _reaches(successes, n, rising, p1, confidence):
        return ""
    given = f"not enough evidence: {n} baseline cases, of which {successes} count"
    if n >= LEAST_CASES:
        edge = "could rise" if rising else "could fall"
        if successes == (n if rising else 0):
            return f"{given}, leave no rate that {edge}"
    needed = _needed(successes, n, rising, p1, confidence)
    if needed is None:
        return f"{given}; no number of such cases tells the rate in control from {p1:g}"
    return f"{given}; about {needed:,} are needed for a chart within its budget of false alarms"


def _reaches(successes: int, n: int, rising: bool, p1: float | None, confidence: float) -> bool:
    """Whether p0 is at most half-way from the estimate to p1, and a rate at all."""
    estimate, p0, found = _rates(successes, n, rising, p1, confidence)
    sign = 1 if rising else -1
    moved, wanted = sign * (p0 - estimate), sign * (found - estimate)
    return moved < wanted and moved <= LARGEST_MOVE * wanted


def _needed(
    successes: int, n: int, rising: bool, p1: float | None, confidence: float
) -> int | None:
    """About how many cases with the same rate would be enough."""
    rate = (successes + 0.5) / (n + 1)
    size = LEAST_CASES
    while size <= _MOST_CASES:
        if _reaches(round(rate * size), size, rising, p1, confidence):
            return size
        size = -(-size * 5 // 400) * 100 if size >= 400 else size + 100
    return None
