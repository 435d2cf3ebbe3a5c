"""Slope and intercept of the calibration of top-1 confidence on inliers.

Both are of one logistic regression of "the named condition is the true one" on the logit of its
probability: Cox 1958. A slope of 1 and an intercept of 0 are perfect; a slope below 1 says that
probabilities are too extreme.

The regression is of counts at the distinct logits, or, where a set of cases has more than 512, at
the means of 512 equally wide bins of the logit, which keeps the slope of smooth data to about
three digits (a test measures it).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import expit, logit

from triage.evaluation.metrics.cases import Cases
from triage.evaluation.metrics.sums import Entry, SumForm, Sums, Terms
from triage.evaluation.metrics.weighted import FloatArray

N_LOGITS = 512
LEAST_PROBABILITY = 1e-6
"""Probabilities are kept so far from 0 and 1, so that their logits are finite."""
_DIGITS = 2.0**20
_MAX_STEPS, _TOLERANCE, _STEEP, _SINGULAR = 40, 1e-10, 1e3, 1e-12


def _terms(cases: Cases) -> Terms:
    inlier = cases.is_inlier
    p = np.clip(np.asarray(cases.confidence, dtype=np.float64), LEAST_PROBABILITY, None)
    # Multiples of 2^-20: their sums, and so the centres of bins, do not depend on the order.
    x = np.round(logit(np.minimum(p, 1 - LEAST_PROBABILITY)) * _DIGITS) / _DIGITS
    place, centres = _bins(np.where(inlier, x, x[inlier][0] if inlier.any() else 0.0))
    size = len(centres)
    entries = (Entry(place, inlier), Entry(place + size, inlier & cases.correct))
    return Terms(2 * size, entries, centres)


def _bins(x: FloatArray) -> tuple[np.ndarray, FloatArray]:
    """Return the bin of each logit, and the centre of each bin."""
    if len(x) <= 100 * N_LOGITS:
        values, place = np.unique(x, return_inverse=True)
        if len(values) <= N_LOGITS:
            return place, values
    low, high = x.min(), x.max()
    place = ((x - low) * (N_LOGITS / max(high - low, 1 / _DIGITS))).astype(np.int64)
    place = np.minimum(place, N_LOGITS - 1)
    count = np.bincount(place, minlength=N_LOGITS)
    total = np.bincount(place, x, minlength=N_LOGITS)
    return place, total / np.maximum(count, 1)


@dataclass(frozen=True)
class LogitSums(Sums):
    """Cases at each logit, then right ones."""

    @cached_property
    def fits(self) -> FloatArray:
        """Intercept and slope of each resample, float [B, 2]; NaN where there is no finite fit."""
        assert self.terms.centres is not None
        count, right = np.split(self.values, 2, axis=1)
        start = np.zeros((1, 2))
        start[0, 1] = 1.0
        if len(count) > 1:
            together = _newton(
                self.terms.centres, count.sum(axis=0)[None], right.sum(axis=0)[None], start
            )
            start = together if np.isfinite(together).all() else start
        found = _newton(self.terms.centres, count, right, np.repeat(start, len(count), axis=0))
        lost = np.isnan(found[:, 0])
        if lost.any():  # far from a slope of 1 the first step may overshoot
            flat = np.zeros((int(lost.sum()), 2))
            found[lost] = _newton(self.terms.centres, count[lost], right[lost], flat)
        return found


def _newton(x: FloatArray, count: FloatArray, right: FloatArray, fit: FloatArray) -> FloatArray:
    """Solve the logistic regressions of B resamples by Newton's method, float [B, 2]."""
    fit = fit.copy()
    unfinished = np.arange(len(fit))
    for _ in range(_MAX_STEPS):
        n, r, a = count[unfinished], right[unfinished], fit[unfinished]
        p = expit(a[:, :1] + a[:, 1:] * x)
        residual, w = r - n * p, n * p * (1 - p)
        g0, g1 = residual.sum(axis=1), residual @ x
        h00, h01, h11 = w.sum(axis=1), w @ x, w @ (x * x)
        with np.errstate(divide="ignore", invalid="ignore"):
            # Where all logits are alike there is no slope, and rounding may hide it.
            determinant = h00 * h11 - h01**2
            determinant = np.where(determinant > _SINGULAR * h00 * h11, determinant, np.nan)
            step = np.stack([h11 * g0 - h01 * g1, h00 * g1 - h01 * g0], axis=1)
            step /= determinant[:, None]
        fit[unfinished] = np.where(np.abs(a + step).max(axis=1)[:, None] < _STEEP, a + step, np.nan)
        largest = np.abs(step).max(axis=1)
        unfinished = unfinished[np.isfinite(fit[unfinished, 0]) & ~(largest < _TOLERANCE)]
        if not len(unfinished):
            break
    fit[unfinished] = np.nan
    return fit


def _gradients(sums: LogitSums) -> FloatArray:
    """Derivative of intercept and slope by the sums, [2, P], by the implicit function theorem."""
    x = sums.terms.centres
    assert x is not None
    count = np.split(sums.values[0], 2)[0]
    p = expit(sums.fits[0, 0] + sums.fits[0, 1] * x)
    design = np.stack([np.ones_like(x), x])
    information = (design * (count * p * (1 - p))) @ design.T
    by_right = np.linalg.solve(information, design)
    return np.concatenate([-p * by_right, by_right], axis=1)


CALIBRATION_INTERCEPT = SumForm(
    _terms, LogitSums, lambda sums: sums.fits[:, 0], lambda sums: _gradients(sums)[0]
)
CALIBRATION_SLOPE = SumForm(
    _terms, LogitSums, lambda sums: sums.fits[:, 1], lambda sums: _gradients(sums)[1]
)
