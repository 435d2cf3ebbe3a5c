"""Evaluate a system: every metric, overall and per subgroup, with intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from triage.errors import UsageError
from triage.evaluation.bootstrap import cluster_weights
from triage.evaluation.bootstrap_intervals import CONFIDENCE
from triage.evaluation.bounded_mean import MeanDraws, draw_metrics, mean_interval
from triage.evaluation.curves import confusion, reliability, risk_coverage
from triage.evaluation.estimates import MIN_CLUSTERS, estimate_of
from triage.evaluation.metrics import METRICS, Metric
from triage.evaluation.metrics.weighted import FloatArray
from triage.evaluation.outcomes import Outcomes
from triage.evaluation.results import Estimate, Evaluation, Level, level_order


@dataclass(frozen=True)
class _Scope:
    """A set of cases to evaluate: everything, or one level of a subgroup axis."""

    axis: str
    level: str
    where: NDArray[np.int64]
    outcomes: Outcomes


def evaluate(outcomes: Outcomes, *, n_resamples: int = 1000, seed: int = 0) -> Evaluation:
    """Measure everything in the table of metrics, overall and per subgroup.

    One set of cluster resamples of all cases serves every metric and every subgroup.

    Parameters
    ----------
    outcomes : Outcomes of N cases
    n_resamples : int
        Bootstrap resamples of clusters.
    seed : int
        The same seed and outcomes give the same numbers.

    Raises
    ------
    UsageError
        If there are no cases or fewer than two resamples.

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
    scopes = [_Scope("", "", np.arange(len(outcomes)), outcomes), *_levels(outcomes)]
    metrics = list(METRICS.values())
    resamples = cluster_weights(outcomes.cluster, n_resamples=n_resamples, seed=seed)
    drawn = _resampled(scopes, metrics, resamples)
    tables = []
    for scope, rows in zip(scopes, drawn, strict=True):
        means = draw_metrics(metrics, scope.outcomes, seed)
        tables.append(
            {
                metric.key: estimate(metric, scope.outcomes, row, means.get(metric.key))
                for metric, row in zip(metrics, rows, strict=True)
            }
        )
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
        overall=tables[0],
        subgroups=[_level(s, t) for s, t in zip(scopes[1:], tables[1:], strict=True)],
        confusion=confusion(outcomes),
        reliability=reliability(outcomes),
        risk_coverage=risk_coverage(outcomes, again),
        outlier_prevalence=outcomes.outlier_prevalence,
    )


def estimate(
    metric: Metric, outcomes: Outcomes, resamples: FloatArray, means: MeanDraws | None = None
) -> Estimate:
    """Put a metric's value, interval, sample size and evidence together.

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
    """Count the cases a metric is taken of, and the clusters of the scarcest kind it needs.

    At a stated prevalence, inliers and outliers are both needed.
    """
    masks = [mask for need in metric.needs for mask in need.masks(outcomes)]
    union = np.logical_or.reduce(masks)
    if metric.restated(outcomes):
        masks += [outcomes.is_outlier, ~outcomes.is_outlier]
    return int(union.sum()), min(len(np.unique(outcomes.cluster[mask])) for mask in masks)


def _resampled(
    scopes: Sequence[_Scope], metrics: Sequence[Metric], resamples: Iterable[FloatArray]
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
    return np.concatenate(chunks, axis=2)


def _levels(outcomes: Outcomes) -> list[_Scope]:
    """One scope per level of each subgroup axis, "unknown" last."""
    scopes = []
    for axis in outcomes.subgroups.columns:
        column = outcomes.subgroups[axis].to_numpy()
        for level in sorted(set(column), key=level_order):
            where = np.flatnonzero(column == level)
            scopes.append(_Scope(axis, level, where, _select(outcomes, where)))
    return scopes


def _select(outcomes: Outcomes, where: NDArray[np.int64]) -> Outcomes:
    return replace(
        outcomes,
        truth=outcomes.truth[where],
        probabilities=outcomes.probabilities[where],
        ood_score=outcomes.ood_score[where],
        abstained=outcomes.abstained[where],
        cost=outcomes.cost[where],
        true_urgency=outcomes.true_urgency[where],
        queue_urgency=outcomes.queue_urgency[where],
        cluster=outcomes.cluster[where],
        subgroups=outcomes.subgroups.iloc[where],
    )


def _level(scope: _Scope, metrics: dict[str, Estimate]) -> Level:
    outlier, abstained = scope.outcomes.is_outlier, scope.outcomes.abstained
    return Level(
        axis=scope.axis,
        level=scope.level,
        n_cases=len(outlier),
        n_clusters=len(np.unique(scope.outcomes.cluster)),
        inliers=int((~outlier).sum()),
        inliers_abstained=int((~outlier & abstained).sum()),
        outliers=int(outlier.sum()),
        outliers_abstained=int((outlier & abstained).sum()),
        metrics=metrics,
    )
