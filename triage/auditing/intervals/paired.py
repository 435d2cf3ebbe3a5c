"""Two systems, or periods, on the same cases."""

from __future__ import annotations

from scipy import stats


def paired_proportions(b: int, c: int) -> float:
    """Return McNemar's exact two-sided p-value of equal proportions on the same cases.

    Twice the binomial probability of at most min(b, c) of b + c at one half, at most 1
    (McNemar 1947; exact form). Cases must be of different patients. The interval of the difference
    is that of the mean of the differences of cases: `interval_of` with case bounds -1 and 1.

    Parameters
    ----------
    b, c : int
        Cases that only the first, and only the second, was right on.
    """
    return min(1.0, 2 * float(stats.binom.cdf(min(b, c), b + c, 0.5)))
