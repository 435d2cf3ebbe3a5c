"""A score on the scale of a standard normal: where a case stands among known inliers."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator
from scipy.stats import norm

from triage.errors import UsageError

KNOTS = 33
"""Quantiles kept: few enough not to follow single inliers."""
UPPER = 0.75
"""Beyond the extremes the scale goes on as a line, as steep as from this quantile to the end."""
LIMIT = 30.0
"""No case stands farther out, in standard deviations: the scale must stay finite."""


class NormalScale(BaseModel):
    """Normal scores: inliers' quantiles are mapped to those of the standard normal.

    Scores of different units and skewness become comparable, and their sums mean something.

    Parameters
    ----------
    scores : tuple of float
        Quantiles of the inliers' scores, increasing.
    normal : tuple of float
        The standard normal's quantiles there, increasing.
    below, above : float
        Slopes outside of them, not negative.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    scores: tuple[float, ...]
    normal: tuple[float, ...]
    below: float
    above: float

    @model_validator(mode="after")
    def _increases(self) -> Self:
        rises = all((np.diff(side) > 0).all() for side in (self.scores, self.normal))
        if not self.scores or len(self.scores) != len(self.normal) or not rises:
            raise ValueError("the quantiles of a scale increase, and each has its partner")
        if min(self.below, self.above) < 0:
            raise ValueError("a scale never falls")
        return self

    @classmethod
    def fit(cls, scores: NDArray[np.float64]) -> Self:
        """Learn the scale of the scores [N] of inliers that the score was not fitted to.

        Raises
        ------
        UsageError
            If there are fewer than two.
        """
        if len(scores) < 2:
            raise UsageError("too few inliers to tell how a score spreads")
        edge = 0.5 / len(scores)
        shares = np.linspace(edge, 1 - edge, KNOTS)
        found, first = np.unique(np.quantile(scores, shares), return_index=True)
        # Where many inliers share one score, it stands in the middle of them.
        last = np.append(first[1:], len(shares)) - 1
        normal = norm.ppf((shares[first] + shares[last]) / 2)
        return cls(
            scores=tuple(found.tolist()),
            normal=tuple(normal.tolist()),
            below=_slope(-found[::-1], -normal[::-1]),
            above=_slope(found, normal),
        )

    def of(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Normal scores of cases, float64 [N] within `LIMIT`; the order is kept within it."""
        knots, normal = np.array(self.scores), np.array(self.normal)
        inside = np.interp(scores, knots, normal)
        over = np.maximum(scores - knots[-1], 0.0) * self.above
        under = np.maximum(knots[0] - scores, 0.0) * self.below
        placed: NDArray[np.float64] = np.clip(inside + over - under, -LIMIT, LIMIT)
        return placed


def _slope(scores: NDArray[np.float64], normal: NDArray[np.float64]) -> float:
    """Rise to the last knot from the upper quartile; of a lone knot, none is known: one."""
    start = min(round(UPPER * (len(scores) - 1)), len(scores) - 2)
    if start < 0:
        return 1.0
    with np.errstate(over="ignore"):
        steep = (normal[-1] - normal[start]) / (scores[-1] - scores[start])
    return float(min(steep, 1e12))
