"""Bounded means (costs, rates) averaged over role draws, with 95 % intervals that are no points.

The number is the mean over R draws of the mean over the cases of a draw. Divided by the total
weight of its draw, every case of every draw counts in one weighted mean over all clusters; a
cluster that several draws test brings all its cases along.

- *Cases*: Gaffke's interval of that weighted mean (`triage.evaluation.bounded_mean`). It has
  width even if all values seen are equal, by one unseen cluster as large as the largest.
- *Draws*: the means of the single draws vary by s; the mean of R of them has the half-width
  h = t s / sqrt(R). The degrees of freedom of Student's t are Satterthwaite's (1946) for the sum
  of both variances: R - 1 where draws vary more than clusters, near normal where they do not.
- Both distances from the value are squared, added and rooted, on either side apart: Zou & Donner
  2008, eq. 3 ("square-and-add", after Newcombe 1998), for a sum of independent errors.

The variation of single cases within draws counts in both parts, as in the pigeonhole bootstrap:
the interval errs on the wide side. Simulated coverage is in
tests/benchmark/rows/test_mean_over_draws.py. Limits: a single draw has no second part; two
draws do not determine how much draws vary (92 % coverage with 50 clusters and rates of draws
between half and one and a half times the mean, 73 % with rates at either end only; five draws 98 %
and 93 to 95 %); and what no draw has tested is in no interval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from triage.benchmark.results import Number
from triage.evaluation.bounded_mean import CONFIDENCE, draw_means, mean_interval
from triage.evaluation.metrics.weighted import CaseValues

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
_UPPER = (1 + CONFIDENCE) / 2


def difference_of(a: CaseValues, b: CaseValues) -> CaseValues:
    """Values of a minus those of b, of the same N cases of which the same count."""
    values = np.asarray(a.values, dtype=np.float64) - np.asarray(b.values, dtype=np.float64)
    return CaseValues(values, a.where, low=a.low - b.high, high=a.high - b.low)


def mean_numbers(
    parts: Mapping[str, Sequence[CaseValues]],
    clusters: Sequence[Codes],
    *,
    weights: Sequence[Floats] | None = None,
    seed: int = 0,
) -> dict[str, Number]:
    """Mean over draws of each kind of value, with its interval.

    Parameters
    ----------
    parts : mapping of str to sequence of CaseValues, length R
        By key, the values of the cases of each draw.
    clusters : sequence of int64 array [N], length R
    weights : sequence of float array [N], length R, optional
        How much each case counts at the stated prevalence, NaN in draws where that is
        undefined; the mean of the other draws with equal weights of cases is then given as
        `at_split_share`.
    seed : int
        Of the random weights of clusters.

    Returns
    -------
    dict of Number
        Undefined where no draw has cases that count.
    """
    plain = [np.ones(len(codes)) for codes in clusters]
    used = plain if weights is None else weights
    found, pooled, shares, means = {}, [], [], []
    for key, draws in parts.items():
        share, mean = _shares(draws, used)
        found[key] = Number()
        if np.isfinite(mean).any():
            pooled.append((key, _pooled(draws)))
            shares.append(share)
            means.append(mean[np.isfinite(mean)])
    if not pooled:
        return found
    names = np.concatenate(list(clusters)).astype(np.str_)
    drawn = draw_means([part for _, part in pooled], names, weights=shares, seed=seed)
    for row, (key, part) in enumerate(pooled):
        value = float(np.clip(means[row].mean(), part.low, part.high))
        bounds = mean_interval(value, drawn.least[row], drawn.most[row])
        counted = part.where & (shares[row] > 0)
        found[key] = _number(value, bounds, means[row], len(np.unique(names[counted])), part)
        if weights is not None:
            _, restated = _shares(parts[key], weights)
            _, as_found = _shares(parts[key], plain)
            own = float(as_found[np.isfinite(restated)].mean())
            found[key] = found[key].model_copy(update={"at_split_share": own})
    return found


def _shares(draws: Sequence[CaseValues], weights: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Share of each case in its draw's mean, and the means of draws [R]."""
    shares, means = [], []
    for part, weight in zip(draws, weights, strict=True):
        counted = np.where(part.where, weight, 0.0)
        total = counted.sum()
        defined = bool(np.isfinite(total)) and total > 0
        share = counted / total if defined else np.zeros(len(counted))
        values = np.where(part.where, np.asarray(part.values, dtype=np.float64), 0.0)
        shares.append(share)
        mean = float((counted * values).sum() / total) if defined else np.nan
        means.append(np.clip(mean, part.low, part.high))  # rounding may carry it past
    return np.concatenate(shares), np.array(means)


def _pooled(draws: Sequence[CaseValues]) -> CaseValues:
    return CaseValues(
        np.concatenate([np.asarray(part.values, dtype=np.float64) for part in draws]),
        np.concatenate([part.where for part in draws]),
        low=min(part.low for part in draws),
        high=max(part.high for part in draws),
    )


def _number(
    value: float,
    bounds: tuple[float, float] | None,
    means: Floats,
    n_clusters: int,
    part: CaseValues,
) -> Number:
    if bounds is None:
        return Number(value=value)
    below, above = value - bounds[0], bounds[1] - value
    between = _half_width(means, below + above, n_clusters)
    return Number(
        value=value,
        low=max(value - float(np.hypot(below, between)), part.low),
        high=min(value + float(np.hypot(above, between)), part.high),
    )


def _half_width(means: Floats, width: float, n_clusters: int) -> float:
    """Half-width of the mean of the draws' means [R], in addition to the clusters' part."""
    if len(means) < 2:
        return 0.0
    of_draws = float(means.var(ddof=1)) / len(means)
    of_clusters = (width / 2 / stats.norm.ppf(_UPPER)) ** 2
    freedom = (of_draws + of_clusters) ** 2 / (
        of_draws**2 / (len(means) - 1) + of_clusters**2 / max(n_clusters - 1, 1)
    )
    return float(stats.t.ppf(_UPPER, freedom) * np.sqrt(of_draws))
