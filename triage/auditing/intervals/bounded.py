"""Means of bounded values over patients: Gaffke's interval, without draws."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from triage.auditing.intervals.result import Bounds
from triage.auditing.measured import Measured
from triage.evaluation.exponential_sums import probability_above_zero

FloatArray = NDArray[np.float64]
_LEAST = 1e-300


@dataclass(frozen=True)
class BoundedMean:
    """The law of a mean that `triage.evaluation.bounded_mean` describes and draws from.

    Whether the mean under random weights lies below a number m is whether a weighted sum of
    exponential variables is below zero: each patient counts with its sum less m times its size,
    the unseen one with the largest size times the distance of the bound from m. That probability
    is computed (`triage.evaluation.exponential_sums`), so small p-values are no matter of the
    number of draws.

    Parameters
    ----------
    value : float
    sums, sizes, counts : float array [K]
        Sum and size of patients, and how many patients have these.
    low, high : float
        Bounds of a case's value.
    """

    value: float
    sums: FloatArray
    sizes: FloatArray
    counts: FloatArray
    low: float
    high: float

    @classmethod
    def of(cls, measured: Measured) -> BoundedMean:
        """Return the law of a measured mean, which has sums and sizes."""
        assert measured.sums is not None
        assert measured.sizes is not None
        seen = measured.sizes > 0
        pairs = np.column_stack([measured.sums[seen], measured.sizes[seen]])
        distinct, counts = np.unique(pairs, axis=0, return_counts=True)
        return cls(
            measured.value, distinct[:, 0], distinct[:, 1], counts.astype(np.float64),
            *measured.case_bounds,
        )  # fmt: skip

    def limits(self, confidence: float) -> Bounds:
        """Return the two-sided interval."""
        tail = (1 - confidence) / 2
        low = high = self.value
        if self.value > self.low:
            low = _root(self._below, tail, self.low, self.value, self._guess(-1, tail))
        if self.value < self.high:
            high = _root(self._above, tail, self.high, self.value, self._guess(1, tail))
        return Bounds(low, high)

    def _guess(self, sign: float, tail: float) -> float:
        """Return about where a limit lies: by the normal distribution, the unseen patient in."""
        terms = self.sums - self.value * self.sizes
        unseen = self.sizes.max() * ((self.high if sign > 0 else self.low) - self.value)
        total = self.counts @ self.sizes
        deviation = -special.ndtri(tail) * math.sqrt(self.counts @ terms**2 + unseen**2)
        return float(self.value + (unseen + sign * deviation) / total)

    def p_value(self, bound: float) -> float:
        """Return the two-sided p-value that the true value is `bound`."""
        if not self.low <= bound <= self.high:
            return 0.0
        return min(1.0, 2 * (self._below(bound) if bound < self.value else self._above(bound)))

    def _below(self, at: float) -> float:
        """Return P(mean <= at), the unseen patient at the least value."""
        return self._probability(at, self.low, -1.0)

    def _above(self, at: float) -> float:
        """Return P(mean >= at), the unseen patient at the largest value."""
        return self._probability(at, self.high, 1.0)

    def _probability(self, at: float, unseen: float, sign: float) -> float:
        terms = np.append(self.sums - at * self.sizes, self.sizes.max() * (unseen - at))
        return probability_above_zero(sign * terms, np.append(self.counts, 1.0))


def _root(
    probability: Callable[[float], float], tail: float, outer: float, inner: float, guess: float
) -> float:
    """Return where a probability, which grows from `outer` to `inner`, is `tail`.

    The normal quantile of the probability is nearly a straight line there.
    """
    aim = special.ndtri(tail)

    def excess(at: float) -> float:
        return float(special.ndtri(max(probability(at), _LEAST)) - aim)

    if excess(inner) <= 0:
        return inner
    for far, near in ((1.2, 0.7), (2.0, 0.4)):
        low, high = (inner + factor * (guess - inner) for factor in (far, near))
        inside = min(outer, inner) < low < max(outer, inner)
        if inside and excess(low) < 0 < excess(high):
            break
    else:
        low, high = outer, inner
    width = abs(outer - inner)
    return float(optimize.brentq(excess, low, high, xtol=1e-9 * width, rtol=1e-12))
