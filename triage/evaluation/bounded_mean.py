"""95 % intervals of means of bounded values over clusters, of any number of clusters.

The interval is Gaffke's (Gaffke 2005; the same bound is in Learned-Miller & Thomas 2019,
arXiv:1905.06208). Each of C clusters gets a weight, an independent draw from the unit exponential
distribution, and so does one unseen cluster whose values are all the largest possible; the upper
limit is the 97.5 % quantile of the mean so weighted, over many draws. The lower limit is that of
an unseen cluster whose values are all the least possible.

- Of values 0 and 1, one a cluster, it is the exact interval of Clopper & Pearson. With many
  clusters it becomes the quantile interval of the Bayesian bootstrap (Rubin 1981).
- The unseen cluster keeps it from shrinking to a point if all values seen are equal: what
  happens to no more than a few in a hundred patients may have happened to none of these.
- That it covers the mean of every bounded distribution is a conjecture that simulations
  support; it is proved for two values. Ours are in tests/evaluation/test_bounded_mean.py.

Clusters of unequal size (our own step): for a supposed mean m each cluster counts with the sum of
(value - m) over its cases, which has mean zero where m is right, whatever the sizes. These sums
are bounded by the largest cluster, so the unseen one is as large as the largest.

Draws can be subtracted, for two systems on the same cases. Where there is one mean,
`triage.evaluation.exponential_sums` gives the same quantiles without draws; audits use it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from triage.evaluation.metrics.metric import Metric
from triage.evaluation.metrics.weighted import CaseValues, FloatArray, ratio
from triage.evaluation.outcomes import Outcomes
from triage.evaluation.prevalence import at_prevalence

CONFIDENCE = 0.95
_TAIL = (1 - CONFIDENCE) / 2
N_DRAWS = 4000
_CHUNK_ELEMENTS = 2**21


class MeanDraws(NamedTuple):
    """Means under random weights, with the unseen cluster at either bound; float [M, N_DRAWS]."""

    least: FloatArray
    most: FloatArray


def draw_means(
    parts: Sequence[CaseValues],
    cluster: NDArray[np.str_],
    *,
    weights: Sequence[FloatArray] | None = None,
    seed: int = 0,
) -> MeanDraws:
    """Draw weighted means of M kinds of value over the same N cases.

    Parameters
    ----------
    parts : sequence of CaseValues, length M
    cluster : array [N]
        Cluster of each case.
    weights : sequence of float array [N], length M, optional
        Weight of each case; equal by default.
    seed : int
        The same seed and clusters give the same weights, so that two systems on the same
        cases can be subtracted draw by draw.

    Returns
    -------
    MeanDraws
        NaN where no case counts.
    """
    names, member = np.unique(cluster, return_inverse=True)
    given = [np.ones(len(member))] * len(parts) if weights is None else weights
    sums, sizes = np.empty((2, len(names), len(parts)))
    for column, (part, weight) in enumerate(zip(parts, given, strict=True)):
        counted = np.where(part.where, weight, 0.0)
        values = np.where(part.where, np.asarray(part.values, dtype=np.float64), 0.0)
        sums[:, column] = np.bincount(member, counted * values, minlength=len(names))
        sizes[:, column] = np.bincount(member, counted, minlength=len(names))
    low, high = (np.array([getattr(part, name) for part in parts]) for name in ("low", "high"))
    largest = sizes.max(axis=0)
    generator = np.random.default_rng(seed)
    step = max(1, _CHUNK_ELEMENTS // (len(names) + 1))
    least, most = [], []
    for start in range(0, N_DRAWS, step):
        shape = (min(step, N_DRAWS - start), len(names) + 1)
        drawn = generator.standard_exponential(shape)
        unseen = drawn[:, -1:] * largest
        total, size = drawn[:, :-1] @ sums, drawn[:, :-1] @ sizes + unseen
        least.append(ratio(total + unseen * low, size))
        most.append(ratio(total + unseen * high, size))
    return MeanDraws(np.concatenate(least).T, np.concatenate(most).T)


def mean_interval(value: float, least: FloatArray, most: FloatArray) -> tuple[float, float] | None:
    """95 % interval of a bounded mean from its draws; None where it is undefined.

    Parameters
    ----------
    value : float
        The mean on all cases.
    least, most : float array [N_DRAWS]
        A row of `MeanDraws`; of a difference b - a, b's least less a's most, and b's most less
        a's least.
    """
    if not (np.isfinite(value) and np.isfinite(least).all() and np.isfinite(most).all()):
        return None
    low, high = float(np.quantile(least, _TAIL)), float(np.quantile(most, 1 - _TAIL))
    return min(low, value), max(high, value)


def draw_metrics(metrics: Sequence[Metric], outcomes: Outcomes, seed: int) -> dict[str, MeanDraws]:
    """Draw every metric that is a bounded mean, by its key; each is float [N_DRAWS]."""
    chosen = [metric for metric in metrics if metric.case_values is not None]
    plain = np.ones((1, len(outcomes)))
    parts, weights = [], []
    for metric in chosen:
        assert metric.case_values is not None
        parts.append(metric.case_values(outcomes))
        stated = outcomes.outlier_prevalence
        if metric.of_all_cases and stated is not None:
            weights.append(at_prevalence(plain, outcomes.is_outlier, stated)[0])
        else:
            weights.append(plain[0])
    if not chosen:
        return {}
    drawn = draw_means(parts, outcomes.cluster, weights=weights, seed=seed)
    return {
        metric.key: MeanDraws(drawn.least[row], drawn.most[row])
        for row, metric in enumerate(chosen)
    }
