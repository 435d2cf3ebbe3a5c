"""A value, its resamples and its support, put together as an `Estimate`."""

from __future__ import annotations

import math

import numpy as np

from triage.evaluation.evaluate import evidence
from triage.evaluation.intervals import interval
from triage.evaluation.metrics.registry import Interval
from triage.evaluation.metrics.weighted import FloatArray
from triage.evaluation.results import Estimate


def estimate_of(
    metric: str,
    unit: str,
    value: float,
    resamples: FloatArray,
    kind: Interval,
    *,
    n_cases: int,
    n_clusters: int,
) -> Estimate:
    """Give a number its interval and say whether there is evidence enough.

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
    """
    bounds = interval(kind, value, resamples, n_cases=n_cases, n_clusters=n_clusters)
    low, high = bounds if bounds else (None, None)
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
    )
