"""Crossed resamples of role draws and of cases, for intervals of means over draws.

A case may be tested in several draws, so draws and clusters are crossed, not nested. Both are drawn
with replacement, independently, and a case's weight in a draw is the product of the two counts: the
pigeonhole bootstrap of Owen 2007, section 3, which is conservative.

The interval is then computed as `triage.evaluation.bootstrap_intervals` does for each metric: if
all resamples are equal it is not a point. Means of bounded values over cases are not resampled;
their intervals are in `triage.benchmark.rows.mean_over_draws`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from triage.benchmark.results import Number
from triage.evaluation.bootstrap_intervals import interval
from triage.evaluation.metrics import Interval

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


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

    def __init__(self, clusters: Sequence[Codes], *, n_resamples: int, seed: int) -> None:
        generator = np.random.default_rng(seed)
        self._known = np.unique(np.concatenate(list(clusters)))
        size, draws = len(self._known), len(clusters)
        even = np.full(size, 1 / size)
        self._counts = generator.multinomial(size, even, size=n_resamples).astype(np.float32)
        self.size = n_resamples
        self.seed = seed
        self._draws = generator.multinomial(draws, np.full(draws, 1 / draws), size=n_resamples)

    def weights(self, clusters: Codes) -> Floats:
        """How often each case was drawn, [B + 1, N]; the first row is the cases as they are."""
        columns = np.searchsorted(self._known, clusters)
        drawn = self._counts[:, columns].astype(np.float64)
        return np.concatenate([np.ones((1, len(clusters))), drawn])

    def number(
        self,
        values: Floats,
        kind: Interval = Interval.PERCENTILE,
        *,
        n_cases: int,
        n_clusters: int,
        within: tuple[float, float] = (-np.inf, np.inf),
        at_split_share: float | None = None,
    ) -> Number:
        """Mean over draws with its interval.

        Parameters
        ----------
        values : float array [R, B + 1]
            A metric in each draw on the rows of `weights`; NaN where undefined.
        kind : Interval
            Of the metric, or `Interval.PERCENTILE` of a difference; not `Interval.GAFFKE`.
        n_cases, n_clusters : int
            Cases of all draws together that the metric is taken of, and clusters of the
            scarcest kind it needs: they determine how much may differ unseen.
        within : (low, high)
            Bounds of the metric.
        at_split_share : float, optional
            The mean with as many outliers as the test split holds.
        """
        defined = ~np.isnan(values[:, 0])
        if not defined.any():
            return Number()
        value = float(np.clip(values[defined, 0].mean(), *within))
        drawn = self._draws * ~np.isnan(values[:, 1:].T)
        total = drawn.sum(axis=1)
        sums = (drawn * np.nan_to_num(values[:, 1:].T)).sum(axis=1)
        means = sums[total > 0] / total[total > 0]
        bounds = interval(kind, value, means, n_cases=n_cases, n_clusters=n_clusters)
        if bounds is None:
            return Number(value=value, at_split_share=at_split_share)
        return Number(
            value=value,
            low=max(bounds[0], within[0]),
            high=min(bounds[1], within[1]),
            at_split_share=at_split_share,
        )
