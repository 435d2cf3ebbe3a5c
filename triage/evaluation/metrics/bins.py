"""Binning of cases by a probability, and sums over the bins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from triage.evaluation.metrics.weighted import FloatArray

N_BINS = 15

Bins = NDArray[np.int64]


def equal_width_bin(values: FloatArray) -> Bins:
    """Bin of each value, int [N]: bin b holds values in (b/15, (b+1)/15], and the first also 0."""
    upper = np.ceil(values * N_BINS).astype(np.int64)
    bins: Bins = np.clip(upper - 1, 0, N_BINS - 1)
    return bins


def equal_mass_bin(values: FloatArray, where: NDArray[np.bool_]) -> Bins:
    """Bin of each value, int [N], such that each holds a fifteenth of the cases that count.

    The bins are fixed by the cases as they are, each counted once: resamples are sorted into
    the same bins. Equal values share a bin, by the middle of their ranks. Bins of cases that
    do not count are 0.
    """
    bins = np.zeros(len(values), dtype=np.int64)
    ranks = rankdata(values[where])
    bins[where] = np.floor((ranks - 0.5) / max(len(ranks), 1) * N_BINS).astype(np.int64)
    return bins


def bin_sums(values: FloatArray, bins: Bins, weights: FloatArray) -> FloatArray:
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
    spread = np.zeros((len(values), N_BINS))
    spread[np.arange(len(values)), bins] = values
    return weights @ spread
