"""Platt scaling that learns from a stream, outcome by outcome, and calibeating on top.

Gupta & Ramdas 2023; what follows is our reading of the paper.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit

from triage.errors import UsageError

Floats = NDArray[np.float64]
_EDGE = 1e-6


@dataclass
class OnlinePlatt:
    """Forecasts of one yes-or-no event from a score, corrected after each outcome.

    The forecast is expit(slope * logit(score) + intercept), starting at slope 1 and
    intercept 0; the two follow the outcomes by the online Newton step (Hazan et al. 2007), whose
    regret against the best fixed pair grows as the logarithm of the number of cases. On top,
    *calibeating* by tracking (Foster & Hart 2023): within bins of equal width of the forecast,
    the mean of the outcomes so far.

    Parameters
    ----------
    gamma, diameter : float
        Of the Newton step: the matrix starts at the identity / (gamma * diameter)^2, and steps
        are 1 / gamma long.
    radius : float
        The pair stays within this distance of 0.
    bins : int
    """

    gamma: float = 0.1
    diameter: float = 1.0
    radius: float = 100.0
    bins: int = 10
    weights: Floats = field(init=False, repr=False, compare=False)
    """Slope and intercept, [2]."""
    curvature: Floats = field(init=False, repr=False, compare=False)
    """Sum of the outer products of gradients, [2, 2]."""
    counts: Floats = field(init=False, repr=False, compare=False)
    """Outcomes seen in each bin of the forecast, [bins]."""
    hits: Floats = field(init=False, repr=False, compare=False)
    """How many of them were yes, [bins]."""

    def __post_init__(self) -> None:
        """Start from the score as it is."""
        if min(self.gamma, self.diameter, self.radius) <= 0 or self.bins < 1:
            raise UsageError("settings of online Platt scaling must be positive")
        self.weights = np.array([1.0, 0.0])
        self.curvature = np.eye(2) / (self.gamma * self.diameter) ** 2
        self.counts, self.hits = np.zeros(self.bins), np.zeros(self.bins)

    def predict(self, score: ArrayLike) -> Floats:
        """Forecasts of scores in [0, 1], any shape.

        Raises
        ------
        UsageError
            If a score is not between 0 and 1.
        """
        forecast: Floats = expit(self.weights[0] * _evidence(score) + self.weights[1])
        return forecast

    def calibeat(self, score: ArrayLike) -> Floats:
        """Mean outcome so far in the forecasts' bins; the forecast itself in an empty one."""
        forecast = self.predict(score)
        place = self._bin(forecast)
        seen = self.counts[place]
        tracked: Floats = np.where(
            seen > 0, self.hits[place] / np.where(seen > 0, seen, 1), forecast
        )
        return tracked

    def update(self, score: float, outcome: bool, weight: float = 1.0) -> None:
        """Learn from the outcome of a case.

        Parameters
        ----------
        score : float
            In [0, 1].
        outcome : bool
        weight : float
            How many cases it stands for, such as 1 over the probability that its outcome became
            known.

        Raises
        ------
        UsageError
            If the score is not between 0 and 1, or the weight is not positive.
        """
        if not 0 < weight < np.inf:
            raise UsageError(f"an outcome of weight {weight:g} cannot be learned from")
        forecast = float(self.predict(score))
        place = self._bin(np.float64(forecast))
        self.counts[place] += weight
        self.hits[place] += weight * outcome
        gradient = weight * (forecast - outcome) * np.array([float(_evidence(score)), 1.0])
        self.curvature = self.curvature + np.outer(gradient, gradient)
        step = np.linalg.solve(self.curvature, gradient) / self.gamma
        self.weights = _nearest_within(self.weights - step, self.curvature, self.radius)

    def stream(
        self, scores: ArrayLike, outcomes: ArrayLike, weights: ArrayLike | None = None
    ) -> tuple[Floats, Floats]:
        """Go through cases in order: each is forecast before its outcome is seen.

        Parameters
        ----------
        scores : float array [N]
            In [0, 1].
        outcomes : bool array [N]
        weights : float array [N], optional
            Of `update`; 1 by default.

        Returns
        -------
        forecasts, calibeated : float arrays [N]

        Raises
        ------
        UsageError
            If a score is not between 0 and 1, or there are not as many outcomes or weights.
        """
        given, seen = np.asarray(scores, dtype=np.float64), np.asarray(outcomes, dtype=np.bool_)
        if given.ndim != 1 or given.shape != seen.shape:
            raise UsageError(f"{seen.shape} outcomes for scores of shape {given.shape}")
        _evidence(given)
        weight = np.ones(len(given)) if weights is None else np.asarray(weights, dtype=np.float64)
        if weight.shape != given.shape:
            raise UsageError(f"{weight.shape} weights for scores of shape {given.shape}")
        forecasts, calibeated = np.empty(len(given)), np.empty(len(given))
        for index, (score, outcome) in enumerate(zip(given, seen, strict=True)):
            forecasts[index] = self.predict(score)
            calibeated[index] = self.calibeat(score)
            self.update(float(score), bool(outcome), float(weight[index]))
        return forecasts, calibeated

    def _bin(self, forecast: ArrayLike) -> NDArray[np.int64]:
        place = (np.asarray(forecast) * self.bins).astype(np.int64)
        return np.minimum(place, self.bins - 1)


def _evidence(score: ArrayLike) -> Floats:
    """Logit of scores, kept within 13.8 of 0."""
    given = np.asarray(score, dtype=np.float64)
    if not ((given >= 0) & (given <= 1)).all():
        raise UsageError("online Platt scaling needs scores between 0 and 1")
    evidence: Floats = logit(np.clip(given, _EDGE, 1 - _EDGE))
    return evidence


def _nearest_within(point: Floats, curvature: Floats, radius: float) -> Floats:
    """The nearest point to `point` within the radius, by the distance that `curvature` makes."""
    if np.linalg.norm(point) <= radius:
        return point
    stretch, axes = np.linalg.eigh(curvature)
    along = axes.T @ point

    def pulled(force: float) -> Floats:
        shrunk: Floats = stretch * along / (stretch + force)
        return shrunk

    most = stretch[-1] * np.linalg.norm(point) / radius
    force = brentq(lambda value: np.linalg.norm(pulled(value)) - radius, 0.0, most)
    nearest: Floats = axes @ pulled(force)
    return nearest
