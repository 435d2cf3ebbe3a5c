"""Registered metrics averaged over role draws, each with its kind of interval."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from triage.benchmark.resampling import CrossedResamples
from triage.benchmark.results import Number
from triage.benchmark.rows.mean_over_draws import difference_of, mean_numbers
from triage.evaluation.metrics import METRICS, Interval, Metric
from triage.evaluation.metrics.weighted import CaseValues
from triage.evaluation.outcomes import Outcomes
from triage.evaluation.prevalence import at_prevalence

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
DECIDED = (
    "clinical_cost",
    "abstention_rate",
    "urgent_at_observation_rate",
    "abstained_under_triage_rate",
)
"""Metrics that need a threshold."""
AT_PREVALENCE = ("ood_aupr", "aurc", *DECIDED)
"""Metrics that depend on how many outliers there are: taken at the spec's prevalence."""


@dataclass(frozen=True)
class DrawOutcomes:
    """One set of every draw with the results of one method.

    Parameters
    ----------
    outcomes : sequence of Outcomes, length R
    clusters : sequence of int64 array, length R
        Codes of the clusters of the same cases.
    """

    outcomes: Sequence[Outcomes]
    clusters: Sequence[Codes]


class Support(NamedTuple):
    """Cases of all draws together, and distinct clusters of the scarcest kind of case."""

    n_cases: int
    n_clusters: int


def support(draws: Iterable[tuple[Codes, Sequence[NDArray[np.bool_]]]]) -> Support:
    """Count cases and clusters over draws.

    Parameters
    ----------
    draws : iterable of (int64 array [N], sequence of bool array [N])
        Clusters of the cases of a draw, and which cases are of each kind that must be there;
        the same kinds in every draw.
    """
    found = list(draws)
    n_cases = sum(int(np.logical_or.reduce(list(masks)).sum()) for _, masks in found)
    kinds = zip(*([codes[mask] for mask in masks] for codes, masks in found), strict=True)
    return Support(n_cases, min(len(np.unique(np.concatenate(kind))) for kind in kinds))


def metric_support(metric: Metric, tested: DrawOutcomes, *, restated: bool = False) -> Support:
    """Count the cases of a metric; at a stated prevalence it needs both kinds."""
    masks = []
    for outcomes in tested.outcomes:
        needed = [mask for need in metric.needs for mask in need.masks(outcomes)]
        if restated:
            needed += [outcomes.is_outlier, ~outcomes.is_outlier]
        masks.append(needed)
    # A draw may lack a condition: the kinds that all draws have are counted.
    common = min(len(needed) for needed in masks)
    return support(
        (codes, needed[:common]) for codes, needed in zip(tested.clusters, masks, strict=True)
    )


def resampled(
    keys: Sequence[str],
    tested: DrawOutcomes,
    resamples: CrossedResamples,
    prevalence: float | None = None,
) -> dict[str, Floats]:
    """Metrics in every draw and resample, [R, B + 1] by key; NaN where undefined.

    Parameters
    ----------
    keys : sequence of str
    tested : DrawOutcomes
    resamples : CrossedResamples
    prevalence : float, optional
        Share of outliers for the metrics of `AT_PREVALENCE`; as found without it.
    """
    values: dict[str, list[Floats]] = {key: [] for key in keys}
    for outcomes, codes in zip(tested.outcomes, tested.clusters, strict=True):
        weights = resamples.weights(codes)
        restated = None
        if prevalence is not None and set(keys) & set(AT_PREVALENCE):
            restated = at_prevalence(weights, outcomes.is_outlier, prevalence)
        for key, found in values.items():
            given = weights if restated is None or key not in AT_PREVALENCE else restated
            found.append(METRICS[key].compute(outcomes, given))
    return {key: np.stack(found) for key, found in values.items()}


def metric_numbers(
    keys: Sequence[str],
    tested: DrawOutcomes,
    resamples: CrossedResamples,
    prevalence: float | None = None,
) -> dict[str, Number]:
    """Metrics averaged over draws, with their intervals; parameters as `resampled`.

    Bounded means of cases have the interval of `mean_numbers`, all others the one that the
    table of metrics names, from the crossed resamples.
    """
    means = [key for key in keys if METRICS[key].case_values is not None]
    rest = [key for key in keys if key not in means]
    found = _means(means, tested, resamples.seed, prevalence)
    for key, values in resampled(rest, tested, resamples, prevalence).items():
        metric = METRICS[key]
        restated = prevalence is not None and key in AT_PREVALENCE
        found[key] = resamples.number(
            values,
            metric.interval,
            **metric_support(metric, tested, restated=restated)._asdict(),
            within=(0.0, 1.0 if metric.unit in ("proportion", "area") else np.inf),
            at_split_share=_as_found(metric, tested) if restated else None,
        )
    return {key: found[key] for key in keys}


def metric_differences(
    keys: Sequence[str], a: DrawOutcomes, b: DrawOutcomes, resamples: CrossedResamples
) -> dict[str, Number]:
    """Metrics of a minus those of b on the same cases, paired, none of `AT_PREVALENCE`."""
    found = {}
    means = {key: METRICS[key] for key in keys if METRICS[key].case_values is not None}
    parts = {
        key: [
            difference_of(_values(metric, one), _values(metric, other))
            for one, other in zip(a.outcomes, b.outcomes, strict=True)
        ]
        for key, metric in means.items()
    }
    found = mean_numbers(parts, a.clusters, seed=resamples.seed)
    rest = [key for key in keys if key not in means]
    first, second = resampled(rest, a, resamples), resampled(rest, b, resamples)
    for key in rest:
        found[key] = resamples.number(
            first[key] - second[key], **metric_support(METRICS[key], a)._asdict()
        )
    return {key: found[key] for key in keys}


def prevalence_weights(is_outlier: Sequence[NDArray[np.bool_]], prevalence: float) -> list[Floats]:
    """Weights of each draw's cases at a prevalence, NaN if a draw lacks one kind."""
    return [at_prevalence(np.ones((1, len(one))), one, prevalence)[0] for one in is_outlier]


def _means(
    keys: Sequence[str], tested: DrawOutcomes, seed: int, prevalence: float | None
) -> dict[str, Number]:
    restated = [key for key in keys if prevalence is not None and key in AT_PREVALENCE]
    found: dict[str, Number] = {}
    for chosen in (restated, [key for key in keys if key not in restated]):
        parts = {
            key: [_values(METRICS[key], outcomes) for outcomes in tested.outcomes] for key in chosen
        }
        weights = None
        if chosen is restated and prevalence is not None:
            outlier = [outcomes.is_outlier for outcomes in tested.outcomes]
            weights = prevalence_weights(outlier, prevalence)
        found |= mean_numbers(parts, tested.clusters, weights=weights, seed=seed)
    return found


def _values(metric: Metric, outcomes: Outcomes) -> CaseValues:
    assert metric.case_values is not None
    assert metric.interval is Interval.GAFFKE
    return metric.case_values(outcomes)


def _as_found(metric: Metric, tested: DrawOutcomes) -> float | None:
    """Metric at the share of outliers of each draw, mean over draws with both kinds."""
    found = [
        metric.compute(one, np.ones((1, len(one))))[0]
        for one in tested.outcomes
        if 0 < one.is_outlier.sum() < len(one)
    ]
    return float(np.mean(found)) if found else None
