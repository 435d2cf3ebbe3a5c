"""Two systems, or periods, on the same cases."""

from __future__ import annotations

from dataclasses import replace

from scipy import stats

from triage.auditing.measured import Measured


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


def paired_difference_of(a: Measured, b: Measured) -> Measured:
    """Return b - a of two systems on the same cases, of which `interval_of` makes the interval.

    Parameters
    ----------
    a, b : Measured
        Of the same patients in the same order; sums and sizes, if any, of the same cases.
    """
    low, high = b.case_bounds[0] - a.case_bounds[1], b.case_bounds[1] - a.case_bounds[0]
    paired = a.sums is not None and b.sums is not None
    bounds = (low, high) if paired else (b.bounds[0] - a.bounds[1], b.bounds[1] - a.bounds[0])
    return replace(
        a, value=b.value - a.value, influence=b.influence - a.influence, replicates=None,
        bounds=bounds, n_positive=None, case_bounds=(low, high),
        sums=b.sums - a.sums if a.sums is not None and b.sums is not None else None,
        sizes=a.sizes if paired else None,
    )  # fmt: skip
