"""Evaluate a system: every metric, overall and per subgroup, with intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from triage.errors import UsageError
from triage.evaluation.bootstrap import cluster_weights
from triage.evaluation.bootstrap_intervals import CONFIDENCE
from triage.evaluation.bounded_mean import MeanDraws, draw_metrics, mean_interval
from triage.evaluation.curves import confusion, reliability, risk_coverage
from triage.evaluation.estimates import MIN_CLUSTERS, estimate_of
from triage.evaluation.metrics import METRICS, Metric, find_metric
from triage.evaluation.metrics.weighted import FloatArray
from triage.evaluation.outcomes import Outcomes
from triage.evaluation.results import Estimate, Evaluation
from triage.evaluation.subgroups import Scope, subgroup_result, subgroup_scopes
from triage.progress import Advance, Progress, counting


def evaluate(
    outcomes: Outcomes,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
    metrics: Sequence[str] | None = None,
    progress: Progress = lambda *_: None,
) -> Evaluation:
    """Compute every registered metric, overall and per subgroup.

    One set of cluster resamples of all cases serves every metric and every subgroup.

    Parameters
    ----------
    outcomes : Outcomes of N cases
    n_resamples : int
        Bootstrap resamples of clusters.
    seed : int
        The same seed and outcomes give the same numbers.
    metrics : sequence of str, optional
        Keys of the metrics to measure; all by default. Those left out change no number of the
        others.
    progress : callable
        Called with a stage, how much of it is done, and its total.

    Raises
    ------
    UsageError
        If there are no cases, fewer than two resamples, or no such metric.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> outcomes = Outcomes(
    ...     classes=("naevus", "melanoma"), truth=np.array([0, 1, -1]),
    ...     probabilities=np.array([[0.9, 0.1], [0.7, 0.3], [0.5, 0.5]]),
    ...     ood_score=np.array([0.1, 0.2, 0.8]), abstained=np.array([False, False, True]),
    ...     cost=np.array([0.0, 5.0, 0.0]), true_urgency=np.array([3, 0, 1]),
    ...     queue_urgency=np.array([3, 3, 1]), cluster=np.array(["a", "b", "c"]),
    ...     subgroups=pd.DataFrame({"sex": ["f", "m", "unknown"]}))
    >>> found = evaluate(outcomes, n_resamples=50).overall["accuracy"]
    >>> found.value, found.evidence
    (0.5, 'not enough')
    """
    if len(outcomes) == 0:
        raise UsageError("there are no cases to evaluate")
    chosen = list(METRICS.values()) if metrics is None else [find_metric(key) for key in metrics]
    measured = measure_scopes(
        outcomes, chosen, n_resamples=n_resamples, seed=seed, progress=progress
    )
    (_, overall), *parts = measured
    again = cluster_weights(outcomes.cluster, n_resamples=n_resamples, seed=seed)
    return Evaluation(
        n_cases=len(outcomes),
        n_inliers=int((~outcomes.is_outlier).sum()),
        n_outliers=int(outcomes.is_outlier.sum()),
        n_clusters=len(np.unique(outcomes.cluster)),
        n_resamples=n_resamples,
        seed=seed,
        confidence=CONFIDENCE,
        min_clusters=MIN_CLUSTERS,
        classes=list(outcomes.classes),
        overall=overall,
        subgroups=[subgroup_result(scope, table) for scope, table in parts],
        confusion=confusion(outcomes),
        reliability=reliability(outcomes),
        risk_coverage=risk_coverage(outcomes, again),
        outlier_prevalence=outcomes.outlier_prevalence,
    )


def measure_scopes(
    outcomes: Outcomes,
    metrics: Sequence[Metric],
    *,
    n_resamples: int,
    seed: int,
    progress: Progress = lambda *_: None,
) -> list[tuple[Scope, dict[str, Estimate]]]:
    """Metrics of all cases, then of each level of each subgroup axis; see `evaluate`."""
    scopes = [Scope("", "", np.arange(len(outcomes)), outcomes), *subgroup_scopes(outcomes)]
    resamples = cluster_weights(outcomes.cluster, n_resamples=n_resamples, seed=seed)
    resampled = counting(progress, "measuring resamples", n_resamples)
    drawn = _resampled(scopes, metrics, resamples, resampled)
    finished = counting(progress, "making intervals", len(scopes))
    found = []
    for scope, rows in zip(scopes, drawn, strict=True):
        means = draw_metrics(metrics, scope.outcomes, seed)
        table = {
            metric.key: estimate(metric, scope.outcomes, row, means.get(metric.key))
            for metric, row in zip(metrics, rows, strict=True)
        }
        found.append((scope, table))
        finished(1)
    return found


def estimate(
    metric: Metric, outcomes: Outcomes, resamples: FloatArray, means: MeanDraws | None = None
) -> Estimate:
    """Compute a metric's value, interval, sample size and evidence.

    Parameters
    ----------
    metric : Metric
    outcomes : Outcomes of N cases
    resamples : float array [B]
        The metric on each resample; NaN where undefined.
    means : MeanDraws, optional
        Of a metric that is a bounded mean: what its interval is made from.
    """
    once = np.ones((1, len(outcomes)))
    value = float(metric.measure(outcomes, once)[0])
    as_found = float(metric.compute(outcomes, once)[0]) if metric.restated(outcomes) else math.nan
    n_cases, n_clusters = support(metric, outcomes)
    return estimate_of(
        metric.key,
        metric.unit,
        value,
        resamples,
        metric.interval,
        n_cases=n_cases,
        n_clusters=n_clusters,
        bounds=None if means is None else mean_interval(value, *means),
        at_split_share=as_found if math.isfinite(as_found) else None,
    )


def support(metric: Metric, outcomes: Outcomes) -> tuple[int, int]:
    """Count the cases of a metric, and the clusters of the scarcest kind it needs.

    At a stated prevalence, inliers and outliers are both needed.
    """
    masks = [mask for need in metric.needs for mask in need.masks(outcomes)]
    union = np.logical_or.reduce(masks)
    if metric.restated(outcomes):
        masks += [outcomes.is_outlier, ~outcomes.is_outlier]
    return int(union.sum()), min(len(np.unique(outcomes.cluster[mask])) for mask in masks)


def _resampled(
    scopes: Sequence[Scope],
    metrics: Sequence[Metric],
    resamples: Iterable[FloatArray],
    advance: Advance,
) -> NDArray[np.float64]:
    """Every metric on every scope and resample, [scopes, metrics, B]."""
    chunks = []
    for weights in resamples:
        chunk = np.empty((len(scopes), len(metrics), len(weights)))
        for i, scope in enumerate(scopes):
            here = weights[:, scope.where] if scope.axis else weights
            for j, metric in enumerate(metrics):
                chunk[i, j] = metric.measure(scope.outcomes, here)
        chunks.append(chunk)
        advance(len(weights))
    return np.concatenate(chunks, axis=2)
