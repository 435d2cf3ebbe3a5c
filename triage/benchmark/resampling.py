"""Resamples of role draws and of cases at once, for intervals of means over draws.

A case may be tested in several draws, so draws and clusters are crossed, not nested. Both are
drawn with replacement, independently, and a case's weight in a draw is the product of the two
counts: the pigeonhole bootstrap of Owen 2007, section 3. It errs on the wide side.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from triage.benchmark.results import Number
from triage.evaluation.bootstrap_intervals import quantiles
from triage.evaluation.metrics import Interval

Floats = NDArray[np.float64]


class CrossedResamples:
    """B resamples of R draws and of all their clusters.

    Parameters
    ----------
    clusters : sequence of int64 array
        Clusters of the cases of each draw, over all its sets.
    n_resamples : int
        B; `size` afterwards.
    seed : int
    """

    def __init__(
        self, clusters: Sequence[NDArray[np.int64]], *, n_resamples: int, seed: int
    ) -> None:
        generator = np.random.default_rng(seed)
        self._known = np.unique(np.concatenate(list(clusters)))
        size, draws = len(self._known), len(clusters)
        even = np.full(size, 1 / size)
        self._counts = generator.multinomial(size, even, size=n_resamples).astype(np.float32)
        self.size = n_resamples
        self._draws = generator.multinomial(draws, np.full(draws, 1 / draws), size=n_resamples)

    def weights(self, clusters: NDArray[np.int64]) -> Floats:
        """How often each case was drawn, [B + 1, N]; the first row is the cases as they are."""
        columns = np.searchsorted(self._known, clusters)
        drawn = self._counts[:, columns].astype(np.float64)
        return np.concatenate([np.ones((1, len(clusters))), drawn])

    def number(self, values: Floats, kind: Interval = Interval.PERCENTILE) -> Number:
        """Mean over draws with its interval.

        Parameters
        ----------
        values : float array [R, B + 1]
            A metric in each draw on the rows of `weights`; NaN where undefined.
        kind : Interval
            Of the metric; the quantiles of resamples that are biased upwards
            (`Interval.BASIC`) are mirrored at the value, and reach it at least.
        """
        defined = ~np.isnan(values[:, 0])
        if not defined.any():
            return Number()
        value = float(values[defined, 0].mean())
        drawn = self._draws * ~np.isnan(values[:, 1:].T)
        total = drawn.sum(axis=1)
        sums = (drawn * np.nan_to_num(values[:, 1:].T)).sum(axis=1)
        means = sums[total > 0] / total[total > 0]
        low, high = quantiles(means) if len(means) else (value, value)
        if kind is Interval.BASIC:
            low, high = max(min(2 * value - high, value), 0.0), max(2 * value - low, value)
        return Number(value=value, low=low, high=high)
