"""P-values corrected for the number of questions that are asked."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


def adjust_holm(p: ArrayLike) -> FloatArray:
    """Return p-values adjusted by Holm 1979: the chance of any error is at most the level.

    Parameters
    ----------
    p : float array [M]
        NaN where there is none; these stay NaN and are not counted.

    Returns
    -------
    float array [M]
    """
    given, order = _in_order(p)
    adjusted = np.full(given.shape, np.nan)
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * given[order]), 1.0)
    return adjusted


def adjust_benjamini_hochberg(p: ArrayLike) -> FloatArray:
    """Return p-values adjusted by Benjamini & Hochberg 1995, for the rate of false discoveries.

    It holds for independent and for positively dependent p-values (Benjamini & Yekutieli 2001).

    Parameters
    ----------
    p : float array [M]
        NaN where there is none; these stay NaN and are not counted.

    Returns
    -------
    float array [M]
    """
    given, order = _in_order(p)
    adjusted = np.full(given.shape, np.nan)
    count = len(order)
    steps = given[order] * count / np.arange(1, count + 1)
    adjusted[order] = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0)
    return adjusted


def _in_order(p: ArrayLike) -> tuple[FloatArray, NDArray[np.int64]]:
    """Return the p-values, and the places of those that there are, the smallest first."""
    given = np.asarray(p, dtype=np.float64)
    there = np.flatnonzero(np.isfinite(given))
    return given, there[np.argsort(given[there], kind="stable")]
