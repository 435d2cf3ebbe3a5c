"""Weighted means and ratios, evaluated for many bootstrap resamples at once.

A resample is a row of case weights: how often each case was drawn. Every metric is
written over such rows, so a thousand resamples cost one pass of array arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


def ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Divide; NaN where the denominator is zero, for a quantity that is then undefined.

    Parameters
    ----------
    numerator, denominator : float array of one shape

    Returns
    -------
    float array of the same shape
    """
    undefined = np.full(np.shape(denominator), np.nan)
    quotient: FloatArray = np.divide(numerator, denominator, out=undefined, where=denominator > 0)
    return quotient


def share_of(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Divide; 0 where the whole is zero, for a part of nothing that then counts for nothing.

    Parameters
    ----------
    part, whole : float array of one shape

    Returns
    -------
    float array of the same shape
    """
    quotient: FloatArray = np.divide(part, whole, out=np.zeros(np.shape(whole)), where=whole > 0)
    return quotient


def weighted_mean(values: ArrayLike, where: NDArray[np.bool_], weights: FloatArray) -> FloatArray:
    """Mean of a per-case value over some of the cases, once per resample.

    Parameters
    ----------
    values : array [N]
        The value of each case; ignored outside `where`.
    where : bool array [N]
        The cases that count.
    weights : float array [B, N]
        How often each resample drew each case.

    Returns
    -------
    float array [B]
        NaN for a resample that drew none of the cases.
    """
    counted = np.where(where, np.asarray(values, dtype=np.float64), 0.0)
    return ratio(weights @ counted, weights @ where.astype(np.float64))


@dataclass(frozen=True)
class CaseValues:
    """Terms of a mean: the value of each case, which cases count, and the bounds.

    Parameters
    ----------
    values : array [N]
        The value of each case; ignored outside `where`.
    where : bool array [N]
        The cases that count.
    low, high : float
        No value of any case, seen or not, lies outside; an interval of the mean needs them.
    """

    values: ArrayLike
    where: NDArray[np.bool_]
    low: float = 0.0
    high: float = 1.0

    def mean(self, weights: FloatArray) -> FloatArray:
        """Mean over the cases that count for each row of weights [B, N]; NaN without any, [B]."""
        return weighted_mean(self.values, self.where, weights)
