"""Two systems on the same cases: what changed, and how sure that is.

Both are measured on the same cluster resamples, so what is hard for both cancels out
of the difference. Used to judge a challenger (b) against the champion (a).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from triage.errors import UsageError
from triage.evaluation.bootstrap import cluster_weights
from triage.evaluation.estimates import evidence
from triage.evaluation.evaluate import estimate, support
from triage.evaluation.intervals import clopper_pearson, quantiles
from triage.evaluation.metrics import METRICS, Interval, Metric, Need, find_metric
from triage.evaluation.metrics.classification import correct
from triage.evaluation.metrics.weighted import FloatArray, weighted_mean
from triage.evaluation.outcomes import Outcomes
from triage.evaluation.results import Estimate, Evidence


class Difference(BaseModel):
    """A metric of b minus that of a, with its 95 % interval; None where undefined."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: str
    unit: str
    larger_is_better: bool | None
    a: float | None
    b: float | None
    value: float | None
    low: float | None
    high: float | None
    n_cases: int
    n_clusters: int
    undefined_resamples: int
    evidence: Evidence


def paired_difference(
    a: Outcomes,
    b: Outcomes,
    metrics: Sequence[str] | None = None,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Difference]:
    """Difference b - a of each metric, with percentile intervals over shared cluster resamples.

    Where every resample of a metric between 0 and 1 shows the very same difference, the
    interval is widened by the most that may differ unseen: with no exception in C
    clusters, the upper Clopper-Pearson bound of 0 in C.

    Parameters
    ----------
    a, b : Outcomes of the same N cases in the same order
    metrics : sequence of str, optional
        Keys of the table of metrics; all of them by default.
    n_resamples, seed : int
        As for `evaluate`.

    Raises
    ------
    UsageError
        If the cases differ, a metric is unknown, or there are no cases.
    """
    chosen = [find_metric(key) for key in (METRICS if metrics is None else metrics)]
    _check_same_cases(a, b)
    chunks = []
    for weights in cluster_weights(a.cluster, n_resamples=n_resamples, seed=seed):
        both = [[m.compute(b, weights) - m.compute(a, weights)] for m in chosen]
        chunks.append(np.concatenate(both))
    drawn = np.concatenate(chunks, axis=1)
    return {m.key: _difference(m, a, b, row) for m, row in zip(chosen, drawn, strict=True)}


def negative_flips(a: Outcomes, b: Outcomes, *, n_resamples: int = 1000, seed: int = 0) -> Estimate:
    """Share of inliers that a classified rightly and b wrongly, with its interval.

    Yan et al. 2021 (positive-congruent training), eq. 1.

    Parameters
    ----------
    a, b : Outcomes of the same N cases in the same order
    n_resamples, seed : int
        As for `evaluate`.

    Raises
    ------
    UsageError
        If the cases differ or there are none.
    """
    _check_same_cases(a, b)
    flipped = correct(a) & ~correct(b)

    def rate(outcomes: Outcomes, weights: FloatArray) -> FloatArray:
        return weighted_mean(flipped, ~outcomes.is_outlier, weights)

    metric = Metric(
        key="negative_flip_rate",
        title="Negative flips",
        unit="proportion",
        larger_is_better=False,
        needs=(Need.INLIERS,),
        interval=Interval.KORN_GRAUBARD,
        definition="Share of inliers right before and wrong now.",
        source="Yan et al. 2021",
        compute=rate,
    )
    resamples = cluster_weights(a.cluster, n_resamples=n_resamples, seed=seed)
    return estimate(metric, a, np.concatenate([rate(a, weights) for weights in resamples]))


def _difference(metric: Metric, a: Outcomes, b: Outcomes, resamples: FloatArray) -> Difference:
    ones = np.ones((1, len(a)))
    before, after = (float(metric.compute(outcomes, ones)[0]) for outcomes in (a, b))
    value = after - before
    n_cases, n_clusters = (
        min(pair) for pair in zip(support(metric, a), support(metric, b), strict=True)
    )
    undefined = int(np.isnan(resamples).sum())
    low = high = None
    if math.isfinite(value) and n_clusters > 1:
        low, high = quantiles(resamples[np.isfinite(resamples)])
        if metric.interval is Interval.KORN_GRAUBARD and low == high:
            unseen = clopper_pearson(0, n_clusters)[1]
            low, high = max(low - unseen, -1.0), min(high + unseen, 1.0)
    return Difference(
        metric=metric.key,
        unit=metric.unit,
        larger_is_better=metric.larger_is_better,
        a=_finite(before),
        b=_finite(after),
        value=_finite(value),
        low=low,
        high=high,
        n_cases=n_cases,
        n_clusters=n_clusters,
        undefined_resamples=undefined,
        evidence=evidence(n_clusters, undefined / len(resamples)),
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _check_same_cases(a: Outcomes, b: Outcomes) -> None:
    same = (
        a.classes == b.classes
        and np.array_equal(a.truth, b.truth)
        and np.array_equal(a.cluster, b.cluster)
        and np.array_equal(a.true_urgency, b.true_urgency)
    )
    if not same:
        raise UsageError(
            "the two systems were not measured on the same cases in the same order",
            mend="Score both on the same frozen test split.",
        )
