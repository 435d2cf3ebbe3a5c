"""Limits from resamples of patients: bias-corrected and accelerated, or mirrored."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from triage.auditing.intervals.result import Bounds
from triage.auditing.measured import Measured

BCA, BASIC = "BCa bootstrap", "basic bootstrap"
_MOST_BIAS = 0.75
FloatArray = NDArray[np.float64]


def bootstrap_limits(measured: Measured, confidence: float) -> tuple[str, Bounds | None]:
    """Return the name and the limits of the bootstrap interval of a metric.

    Efron 1987, "Better bootstrap confidence intervals": quantiles of the resamples at levels that
    are corrected for the share of resamples below the value (ties count half) and for the skewness
    of the patients' influences. Where that share is so far from one half that sampling biases the
    metric, as it does the calibration error, the quantiles are mirrored at the value instead
    (Davison & Hinkley 1997, eq. 5.6).
    """
    assert measured.replicates is not None
    drawn = np.sort(measured.replicates[np.isfinite(measured.replicates)])
    if len(drawn) == 0:
        return BCA, None
    tails = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    below = np.mean(drawn < measured.value) + np.mean(drawn == measured.value) / 2
    bias = special.ndtri(below)
    if abs(bias) > _MOST_BIAS:
        low, high = 2 * measured.value - np.quantile(drawn, tails[::-1])
        return BASIC, Bounds(
            max(float(low), measured.bounds[0]), min(float(high), measured.bounds[1])
        )
    levels = _levels(bias, _acceleration(measured.influence), special.ndtri(tails))
    low, high = np.quantile(drawn, levels)
    return BCA, Bounds(float(low), float(high))


def _acceleration(influence: FloatArray) -> float:
    """Return a sixth of the skewness of the sum of the influences (Efron 1987, eq. 6.6)."""
    squares = influence @ influence
    return float((influence**3).sum() / (6 * squares**1.5)) if squares > 0 else 0.0


def _levels(bias: float, acceleration: float, normal: FloatArray) -> FloatArray:
    """Return the corrected levels of the two quantiles."""
    moved = bias + normal
    levels: FloatArray = special.ndtr(bias + moved / (1 - acceleration * moved))
    return levels
