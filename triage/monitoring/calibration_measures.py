"""Measures of the calibration of forecasts of one event, for many weightings of cases at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

Floats = NDArray[np.float64]
Measure = Callable[[Floats, Floats, Floats], Floats]
"""Forecasts [N], outcomes as 0 and 1 [N], weights [B, N] to values [B]; NaN where undefined."""
N_BINS = 10
_EDGE, _STEPS, _TOLERANCE, _STEEP = 1e-6, 50, 1e-10, 1e3


def in_the_large(forecast: Floats, outcome: Floats, weights: Floats) -> Floats:
    """Observed rate minus mean forecast."""
    return _mean(outcome - forecast, weights)


def brier(forecast: Floats, outcome: Floats, weights: Floats) -> Floats:
    """Mean squared difference of forecast and outcome (Brier 1950)."""
    return _mean((outcome - forecast) ** 2, weights)


def calibration_error(forecast: Floats, outcome: Floats, weights: Floats) -> Floats:
    """Mean of the distances of rate and mean forecast over ten bins of equal width.

    The expected calibration error of Guo et al. 2017, of one event. It is never 0 in few cases:
    `expected_if_calibrated` is what calibrated forecasts would have.
    """
    place = np.minimum((forecast * N_BINS).astype(np.int64), N_BINS - 1)
    member = (place[:, None] == np.arange(N_BINS)).astype(np.float64)
    gaps = weights @ (member * (outcome - forecast)[:, None])
    return _ratio(np.abs(gaps).sum(axis=1), weights.sum(axis=1))


def slope(forecast: Floats, outcome: Floats, weights: Floats) -> Floats:
    """Slope of the logistic regression of the outcome on the logit of the forecast (Cox 1958)."""
    return logistic_line(forecast, outcome, weights)[:, 1]


def intercept(forecast: Floats, outcome: Floats, weights: Floats) -> Floats:
    """Intercept of the same regression."""
    return logistic_line(forecast, outcome, weights)[:, 0]


def logistic_line(forecast: Floats, outcome: Floats, weights: Floats) -> Floats:
    """Intercept and slope, float [B, 2], by Newton's method; NaN where there is no finite fit."""
    x = logit(np.clip(forecast, _EDGE, 1 - _EDGE))
    design = np.stack([np.ones_like(x), x])
    line = np.zeros((len(weights), 2))
    left = np.arange(len(weights))
    for _ in range(_STEPS):
        weight = weights[left]
        p = expit(line[left] @ design)
        gradient = (weight * (outcome - p)) @ design.T
        bend = weight * p * (1 - p)
        h00, h01, h11 = bend.sum(axis=1), bend @ x, bend @ (x * x)
        with np.errstate(divide="ignore", invalid="ignore"):
            determinant = h00 * h11 - h01**2
            determinant = np.where(determinant > 1e-12 * h00 * h11, determinant, np.nan)
            step = np.stack(
                [h11 * gradient[:, 0] - h01 * gradient[:, 1],
                 h00 * gradient[:, 1] - h01 * gradient[:, 0]], axis=1,
            ) / determinant[:, None]  # fmt: skip
        line[left] += step
        lost = ~(np.abs(line[left]).max(axis=1) < _STEEP)
        line[left[lost]] = np.nan
        left = left[~lost & (np.abs(step).max(axis=1) > _TOLERANCE)]
        if not len(left):
            break
    line[left] = np.nan
    return line


def expected_if_calibrated(
    forecast: Floats, weight: Floats, n_draws: int, generator: np.random.Generator
) -> float:
    """Mean calibration error of outcomes drawn from the forecasts themselves."""
    drawn = (generator.random((n_draws, len(forecast))) < forecast).astype(np.float64)
    one = weight[None]
    return float(np.mean([calibration_error(forecast, outcome, one)[0] for outcome in drawn]))


def _mean(values: Floats, weights: Floats) -> Floats:
    return _ratio(weights @ values, weights.sum(axis=1))


def _ratio(above: Floats, below: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = above / below
    return found
