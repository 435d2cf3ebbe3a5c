"""Paired comparison of two systems on the same cases, with intervals.

Both are measured on the same cluster resamples, so the difficulty of the cases cancels out of the
difference. Used to compare a challenger (b) with the champion (a).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from triage.errors import UsageError
from triage.evaluation.bootstrap import cluster_weights
from triage.evaluation.bootstrap_intervals import quantiles, widened
from triage.evaluation.bounded_mean import MeanDraws, draw_means, draw_metrics, mean_interval
from triage.evaluation.estimates import evidence
from triage.evaluation.evaluate import estimate, support
from triage.evaluation.metrics import METRICS, Interval, Metric, Need, find_metric
from triage.evaluation.metrics.classification import correct
from triage.evaluation.metrics.weighted import CaseValues, FloatArray
from triage.evaluation.outcomes import Outcomes
from triage.evaluation.results import Estimate, Evidence


class Difference(BaseModel):
    """A metric of b minus that of a, with its 95 % interval; None where undefined.

    `at_split_share` is the difference with as many outliers as the cases hold, where `value` is
    given at the stated prevalence; None of metrics that do not depend on it.
    """

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
    at_split_share: float | None = None


def paired_difference(
    a: Outcomes,
    b: Outcomes,
    metrics: Sequence[str] | None = None,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Difference]:
    """Difference b - a of each metric, at the stated prevalence, with its interval.

    Of bounded means (costs, rates) the interval is Gaffke's, of the difference on each case
    (`triage.evaluation.bounded_mean`): it stays as wide as what may differ unseen, whatever
    was seen. Of other metrics it is the percentile interval over shared cluster resamples;
    if all of those are equal it is widened by the most that may differ unseen, with no
    exception in C clusters the upper Clopper-Pearson bound of 0 in C.

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
        both = [[m.measure(b, weights) - m.measure(a, weights)] for m in chosen]
        chunks.append(np.concatenate(both))
    drawn = np.concatenate(chunks, axis=1)
    means = [draw_metrics(chosen, outcomes, seed) for outcomes in (a, b)]
    found = {}
    for metric, row in zip(chosen, drawn, strict=True):
        pair = [each[metric.key] for each in means if metric.key in each]
        found[metric.key] = _difference(metric, a, b, row, pair)
    return found


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
    flips = CaseValues(correct(a) & ~correct(b), ~a.is_outlier)

    def rate(outcomes: Outcomes, weights: FloatArray) -> FloatArray:
        return flips.mean(weights)

    metric = Metric(
        key="negative_flip_rate",
        title="Negative flips",
        unit="proportion",
        larger_is_better=False,
        needs=(Need.INLIERS,),
        interval=Interval.GAFFKE,
        definition="Share of inliers right before and wrong now.",
        source="Yan et al. 2021",
        compute=rate,
    )
    resamples = cluster_weights(a.cluster, n_resamples=n_resamples, seed=seed)
    drawn = draw_means([flips], a.cluster, seed=seed)
    return estimate(
        metric,
        a,
        np.concatenate([rate(a, weights) for weights in resamples]),
        MeanDraws(drawn.least[0], drawn.most[0]),
    )


def _difference(
    metric: Metric, a: Outcomes, b: Outcomes, resamples: FloatArray, means: list[MeanDraws]
) -> Difference:
    ones = np.ones((1, len(a)))
    before, after = (float(metric.measure(outcomes, ones)[0]) for outcomes in (a, b))
    value = after - before
    found = [float(metric.compute(outcomes, ones)[0]) for outcomes in (a, b)]
    n_cases, n_clusters = (
        min(pair) for pair in zip(support(metric, a), support(metric, b), strict=True)
    )
    undefined = int(np.isnan(resamples).sum())
    low = high = None
    if means:
        first, second = means
        bounds = mean_interval(value, second.least - first.most, second.most - first.least)
        low, high = bounds or (None, None)
    elif math.isfinite(value) and n_clusters > 1:
        low, high = widened(*quantiles(resamples[np.isfinite(resamples)]), n_clusters)
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
        at_split_share=_finite(found[1] - found[0]) if metric.restated(a) else None,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _check_same_cases(a: Outcomes, b: Outcomes) -> None:
    same = (
        a.classes == b.classes
        and np.array_equal(a.truth, b.truth)
        and np.array_equal(a.cluster, b.cluster)
        and np.array_equal(a.true_urgency, b.true_urgency)
        and a.outlier_prevalence == b.outlier_prevalence
        and a.largest_cost == b.largest_cost
    )
    if not same:
        raise UsageError(
            "the two systems were not measured on the same cases in the same order",
            hint="Score both on the same frozen test split.",
        )
