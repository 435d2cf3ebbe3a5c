"""The numbers that figures consist of: each with how many cases it rests on.

What has no denominator is None: nothing can be said of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from triage.evaluation.bootstrap_intervals import clopper_pearson
from triage.evaluation.proportion_difference import proportion_difference


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of cases with its 95 % Clopper-Pearson interval.

    Parameters
    ----------
    count, n : int
    value, low, high : float or None
        None where n is 0.
    """

    count: int
    n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class RateDifference:
    """A rate less another, with Newcombe's 95 % interval; None where either has no cases."""

    n: int
    other_n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and quartiles of a quantity over cases; None where n is 0."""

    n: int
    lower_quartile: float | None = None
    median: float | None = None
    upper_quartile: float | None = None


def rate(holds: Iterable[bool]) -> Rate:
    """Return the share of cases of which something holds."""
    found = list(holds)
    return rate_of(sum(found), len(found))


def rate_of(count: int, n: int) -> Rate:
    """Return a share from its counts."""
    if n == 0:
        return Rate(count, n)
    return Rate(count, n, count / n, *clopper_pearson(count, n))


def difference(one: Rate, other: Rate) -> RateDifference:
    """Return one rate less another, of disjoint sets of cases."""
    if one.value is None or other.value is None:
        return RateDifference(one.n, other.n)
    bounds = proportion_difference(one.count, one.n, other.count, other.n)
    return RateDifference(one.n, other.n, one.value - other.value, *bounds)


def spread(values: Sequence[float]) -> Spread:
    """Return the quartiles of values, by linear interpolation (Hyndman & Fan 1996, type 7)."""
    if not values:
        return Spread(0)
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return Spread(len(values), float(low), float(middle), float(high))
