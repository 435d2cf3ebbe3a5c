"""What tests of monitoring share."""

from __future__ import annotations

from scipy import stats


def binomial_bounds(n: int, p: float, miss: float = 1e-4) -> tuple[int, int]:
    """Counts that a binomial number is between, but for a probability of `miss` on either side."""
    return int(stats.binom.ppf(miss, n, p)), int(stats.binom.isf(miss, n, p))
