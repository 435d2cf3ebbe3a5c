"""The population stability index of counts, and its values without drift."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
FLOOR = 1e-4
"""Least share of a bin, so that the logarithm of an empty one is finite."""
WATCH, ACT = 0.1, 0.25
"""Limits in common use, whatever the number of cases: rules of thumb."""
_CHUNK = 2**21


def index_of_counts(reference: NDArray[np.integer], current: NDArray[np.integer]) -> Floats:
    """PSI of counts over bins, [..., K] of both; bins that are empty in both add nothing."""
    p, q = (
        np.maximum(counts / counts.sum(axis=-1, keepdims=True), FLOOR)
        for counts in (reference, current)
    )
    found: Floats = np.asarray(((q - p) * np.log(q / p)).sum(axis=-1), dtype=np.float64)
    return found


def bin_counts(reference: Floats, current: Floats, n_bins: int) -> Counts:
    """Counts of both samples in bins that end at the reference's quantiles, int [2, bins].

    Quantile k of the bins is the smallest reference value that k / bins of the reference cases do
    not exceed; a bin holds what is above the previous quantile and not above its own. Equal
    quantiles leave bins empty.
    """
    order, ends = _order(np.concatenate([reference, current]))
    is_reference = (order < len(reference))[None]
    counts: Counts = _counts(is_reference, ends, n_bins, len(reference))[0]
    return counts


def permuted_indices(
    reference: Floats,
    current: Floats,
    n_bins: int,
    n_permutations: int,
    generator: np.random.Generator,
) -> Floats:
    """PSI of samples of the same sizes drawn from all cases, float [B].

    The bins end at the quantiles of each drawn reference, as those of the true one do: only then is
    the true PSI exchangeable with these.
    """
    n, size = len(reference), len(reference) + len(current)
    _, ends = _order(np.concatenate([reference, current]))
    found = []
    step = max(1, _CHUNK // size)
    for start in range(0, n_permutations, step):
        rows = min(step, n_permutations - start)
        drawn = np.zeros((rows, size), dtype=np.bool_)
        drawn[:, :n] = True
        drawn = generator.permuted(drawn, axis=1)
        counts = _counts(drawn, ends, n_bins, n)
        found.append(index_of_counts(counts[:, 0], counts[:, 1]))
    return np.concatenate(found)


def asymptotic_limit(bins: int, scale: float, level: float) -> float:
    """PSI that is exceeded with probability `level` without drift; scale is 1 / n + 1 / m."""
    return float(stats.chi2.isf(level, bins - 1) * scale) if bins > 1 else 0.0


def rule_of_thumb(value: float) -> str:
    """What the limits in common use would say of a PSI."""
    if value < WATCH:
        return f"below {WATCH:g}, which a rule of thumb calls stable"
    if value < ACT:
        return f"between {WATCH:g} and {ACT:g}, which a rule of thumb says to watch"
    return f"{ACT:g} or more, which a rule of thumb says to act on"


def _order(values: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Order of values, and for each place in it the last place of an equal value."""
    order = np.argsort(values, kind="stable").astype(np.int64)
    ranked = values[order]
    ends = np.searchsorted(ranked, ranked, side="right") - 1
    return order, ends.astype(np.int64)


def _counts(
    is_reference: NDArray[np.bool_], ends: NDArray[np.int64], n_bins: int, n: int
) -> Counts:
    """Counts in the bins, int [B, 2, bins], of B assignments of the ranked cases [B, N]."""
    size = is_reference.shape[1]
    upto = np.cumsum(is_reference, axis=1)
    # Which reference case, counted from 1, is each quantile; the last bin ends with the last case.
    wanted = -(-np.arange(1, n_bins) * n // n_bins)
    places = np.stack([np.searchsorted(row, wanted) for row in upto])
    last = np.full((len(places), 1), size - 1)
    edges = np.concatenate([ends[places], last], axis=1)
    reference = np.diff(np.take_along_axis(upto, edges, axis=1), axis=1, prepend=0)
    both = np.diff(edges + 1, axis=1, prepend=0)
    found: Counts = np.stack([reference, both - reference], axis=1).astype(np.int64)
    return found
