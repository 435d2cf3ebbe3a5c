"""Wilson's interval of a proportion, and Newcombe's of a difference of two independent ones."""

from __future__ import annotations

import math

from scipy import stats

from triage.evaluation.bootstrap_intervals import CONFIDENCE

_Z = float(stats.norm.ppf((1 + CONFIDENCE) / 2))


def wilson(successes: float, trials: float, *, quantile: float = _Z) -> tuple[float, float]:
    """Score interval of a proportion, without a continuity correction (Wilson 1927).

    Parameters
    ----------
    successes, trials : float
        0 <= successes <= trials; trials above 0, and not whole where clustered cases are worth
        that many.
    quantile : float
        Of the normal distribution, or of Student's for clustered cases; by default that of 95 %.
    """
    share, squared = successes / trials, quantile**2
    middle = (successes + squared / 2) / (trials + squared)
    half = quantile * math.sqrt(share * (1 - share) * trials + squared / 4) / (trials + squared)
    low = 0.0 if successes <= 0 else middle - half  # exact, where rounding would leave a rest
    high = 1.0 if successes >= trials else middle + half
    return low, high


def proportion_difference(
    successes: int, trials: int, other_successes: int, other_trials: int
) -> tuple[float, float]:
    """Hybrid score interval of p - q, of two independent proportions.

    With Wilson intervals [l, u] of p and [m, v] of q, the limits are::

        p - q - sqrt((p - l)^2 + (v - q)^2)
        p - q + sqrt((u - p)^2 + (q - m)^2)

    (Newcombe 1998, "Interval estimation for the difference between independent proportions",
    method 10.) It has width where both are 0 or 1.

    Parameters
    ----------
    successes, trials : int
        Of p; at least one trial.
    other_successes, other_trials : int
        Of q; at least one trial.
    """
    p, q = successes / trials, other_successes / other_trials
    low_p, high_p = wilson(successes, trials)
    low_q, high_q = wilson(other_successes, other_trials)
    return (
        p - q - math.hypot(p - low_p, high_q - q),
        p - q + math.hypot(high_p - p, q - low_q),
    )
