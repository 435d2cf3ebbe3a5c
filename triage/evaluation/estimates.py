"""`Estimate` objects from a value, its resamples and its support."""

from __future__ import annotations

import math

import numpy as np

from triage.evaluation.bootstrap_intervals import interval
from triage.evaluation.metrics.metric import Interval
from triage.evaluation.metrics.weighted import FloatArray
from triage.evaluation.results import Estimate, Evidence

MIN_CLUSTERS = 10
"""Fewer clusters of a kind that a metric needs are not enough evidence (our own threshold)."""
MAX_UNDEFINED = 0.05
"""Nor is an interval that had to leave out more than this share of the resamples."""


def estimate_of(
    metric: str,
    unit: str,
    value: float,
    resamples: FloatArray,
    kind: Interval,
    *,
    n_cases: int,
    n_clusters: int,
    bounds: tuple[float, float] | None = None,
    at_split_share: float | None = None,
) -> Estimate:
    """Compute the interval of a number and whether there is enough evidence.

    Parameters
    ----------
    metric, unit : str
    value : float
        On all cases; NaN where undefined.
    resamples : float array [B]
        On each resample of clusters; NaN where undefined.
    kind : Interval
    n_cases, n_clusters : int
        Cases it is taken of, and clusters of the scarcest kind it needs.
    bounds : (low, high), optional
        The interval, where it is not made from the resamples: of the kind Gaffke.
    at_split_share : float, optional
        The number with as many outliers as the cases hold, where the value is given at a
        stated prevalence.
    """
    if bounds is None:
        bounds = interval(kind, value, resamples, n_cases=n_cases, n_clusters=n_clusters)
    low, high = _possible(unit, *bounds) if bounds else (None, None)
    undefined = int(np.isnan(resamples).sum())
    return Estimate(
        metric=metric,
        unit=unit,
        value=value if math.isfinite(value) else None,
        low=low,
        high=high,
        n_cases=n_cases,
        n_clusters=n_clusters,
        interval=kind.value,
        undefined_resamples=undefined,
        evidence=evidence(n_clusters, undefined / len(resamples)),
        at_split_share=at_split_share,
    )


def _possible(unit: str, low: float, high: float) -> tuple[float, float]:
    """Clip an interval to the range of the unit; only "risk" may be negative."""
    if unit == "risk":
        return low, high
    return max(low, 0.0), min(high, 1.0) if unit in ("proportion", "area") else high


def evidence(n_clusters: int, undefined_share: float) -> Evidence:
    """Return whether clusters and undefined resamples are enough evidence."""
    enough = n_clusters >= MIN_CLUSTERS and undefined_share <= MAX_UNDEFINED
    return "enough" if enough else "not enough"
