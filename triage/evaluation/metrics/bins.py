"""Binning of cases by a probability, and sums over the bins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.evaluation.metrics.cases import BoolColumn, Column
from triage.evaluation.metrics.sums import Entry, Terms
from triage.evaluation.metrics.weighted import FloatArray

N_BINS = 15

Bins = NDArray[np.int16]


def equal_width_bin(values: Column) -> Bins:
    """Bin of each value, int [N]: bin b holds values in (b/15, (b+1)/15], and the first also 0."""
    upper = np.ceil(np.asarray(values, dtype=np.float64) * N_BINS)
    bins: Bins = np.clip(upper - 1, 0, N_BINS - 1).astype(np.int16)
    return bins


def equal_mass_bin(values: Column, where: BoolColumn) -> Bins:
    """Bin of each value, int [N], such that each holds a fifteenth of the cases that count.

    The bins are fixed by the cases as they are, each counted once: resamples are sorted into
    the same bins. Equal values share a bin, by the middle of their ranks. Bins of cases that
    do not count are 0.
    """
    bins = np.zeros(len(values), dtype=np.int16)
    ranked = np.sort(values[where])
    if len(ranked):
        edges = [_first_of_bin(ranked, index) for index in range(1, N_BINS)]
        starts = np.array([edge for edge in edges if edge is not None], dtype=ranked.dtype)
        bins[where] = np.searchsorted(starts, values[where], side="right")
    return bins


def _first_of_bin(ranked: Column, index: int) -> object | None:
    """Return the least value whose middle rank reaches bin `index`; None where none does."""
    low, high, n = 0, len(ranked), len(ranked)
    while low < high:
        middle = (low + high) // 2
        first = int(np.searchsorted(ranked, ranked[middle], "left"))
        after = int(np.searchsorted(ranked, ranked[middle], "right"))
        # The middle rank less one half, (first + after) / 2, in fifteenths of n; whole numbers.
        if (first + after) * N_BINS >= 2 * n * index:
            high = first
        else:
            low = after
    return ranked[low] if low < n else None


def bin_sums(values: Column, bins: Bins, weights: FloatArray) -> FloatArray:
    """Weighted sum of a per-case value over each bin.

    Parameters
    ----------
    values : float array [N]
    bins : int array [N]
    weights : float array [B, N]

    Returns
    -------
    float array [B, 15]
    """
    return Terms(N_BINS, (Entry(bins, values),)).weighted(weights)
