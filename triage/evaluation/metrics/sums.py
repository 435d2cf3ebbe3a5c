"""Metrics as functions of weighted sums over cases.

Each case adds a few numbers to P sums; a metric is a function of the sums. One definition then
gives its value, its value on any resample (each case counts as often as it was drawn) and the
influence of each case on it: the derivative of the value by the weight of the case, which is the
gradient by the sums times what the case adds to them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from triage.evaluation.metrics.cases import Cases
from triage.evaluation.metrics.weighted import CaseValues, FloatArray, ratio

_RELATIVE_STEP = 1e-5


class Entry(NamedTuple):
    """What each case adds to one of the sums.

    Parameters
    ----------
    place : int, or int array [N]
        To which sum; one for all cases, or one for each.
    value : array [N]
        How much, for a weight of one.
    """

    place: int | NDArray[Any]
    value: NDArray[Any]


@dataclass(frozen=True)
class Terms:
    """What each of N cases adds to P sums.

    Parameters
    ----------
    size : int
        P.
    entries : tuple of Entry
    centres : float array, optional
        Numbers that the metric needs beside the sums, such as the centres of bins.
    binned : bool
        Whether cases that differ were put together, so that the value has an error.
    """

    size: int
    entries: tuple[Entry, ...]
    centres: FloatArray | None = None
    binned: bool = False

    def weighted(self, weights: FloatArray) -> FloatArray:
        """Return the sums for rows of case weights [B, N], float [B, P]."""
        total = np.zeros((len(weights), self.size))
        for place, value in self.entries:
            numbers = np.asarray(value, dtype=np.float64)
            if isinstance(place, int):
                total[:, place] += weights @ numbers
            else:
                rows = np.arange(len(numbers) + 1)
                added = sparse.csr_array((numbers, place, rows), shape=(len(numbers), self.size))
                total += (added.T @ weights.T).T
        return total

    def along(self, gradient: FloatArray) -> FloatArray:
        """Return the derivative by the weight of each case from that by the sums [P], [N]."""
        found: FloatArray | None = None
        for place, value in self.entries:
            part = gradient[place] * value
            found = part if found is None else found + part
        assert found is not None
        return found


@dataclass(frozen=True)
class Sums:
    """The sums of B resamples; subclasses offer what several metrics take from them.

    Parameters
    ----------
    values : float array [B, P]
    terms : Terms
    """

    values: FloatArray
    terms: Terms


@dataclass(frozen=True)
class SumForm:
    """A metric as a function of sums. Metrics with the same `terms` and `sums` share them.

    Parameters
    ----------
    terms : callable
        Cases to `Terms`.
    sums : type of Sums
    value : callable
        Sums of B resamples to values, float [B]; NaN where undefined.
    gradient : callable
        Sums of one resample to the derivative of the value by each of them, float [P].
    bound : callable, optional
        Sums of one resample to the largest error that bins can have caused.
    """

    terms: Callable[[Any], Terms]
    sums: type[Any]
    value: Callable[[Any], FloatArray]
    gradient: Callable[[Any], FloatArray]
    bound: Callable[[Any], float] | None = None

    def compute(self, cases: Cases, weights: FloatArray) -> FloatArray:
        """Return the value for rows of case weights [B, N], float [B]."""
        terms = self.terms(cases)
        return self.value(self.sums(terms.weighted(weights), terms))


def mean_form(case_values: Callable[[Any], CaseValues]) -> SumForm:
    """Return the form of the mean of a value over the cases that count."""

    def terms(cases: Cases) -> Terms:
        part = case_values(cases)
        counted = np.where(part.where, np.asarray(part.values, dtype=np.float64), 0.0)
        return Terms(2, (Entry(0, counted), Entry(1, part.where)))

    return SumForm(terms, Sums, _mean, _mean_gradient)


def _mean(sums: Sums) -> FloatArray:
    return ratio(sums.values[:, 0], sums.values[:, 1])


def _mean_gradient(sums: Sums) -> FloatArray:
    total, count = sums.values[0]
    found: FloatArray = np.array([1.0, -total / count]) / count
    return found


def numeric_gradient(value: Callable[[Any], FloatArray]) -> Callable[[Any], FloatArray]:
    """Return the gradient of a smooth metric by central differences, for a few dozen sums.

    The step is 1e-5 of the largest sum, so that sums of zero get one too; the relative error is
    of the order of its square.
    """

    def gradient(sums: Sums) -> FloatArray:
        step = _RELATIVE_STEP * np.abs(sums.values).max()
        moved = step * np.eye(sums.values.shape[1])
        up, down = (value(type(sums)(sums.values + each, sums.terms)) for each in (moved, -moved))
        found: FloatArray = (up - down) / (2 * step)
        return found

    return gradient
