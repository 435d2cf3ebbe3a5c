"""From an out-of-distribution score to a probability: Platt scaling at a stated prevalence.

A logistic curve in the logit of the score is fitted on validation inliers and validation
outliers, weighted so that outliers have the prevalence expected where the system is used.
The ranking of the score never changes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.optimize import minimize
from scipy.special import expit, logit

from triage.errors import UsageError

_EDGE = 1e-9
_RIDGE = 1e-3


def prevalence_weights(is_outlier: NDArray[np.bool_], prevalence: float) -> NDArray[np.float64]:
    """Weight cases so that outliers make up `prevalence` of the total weight, which is one.

    Raises
    ------
    UsageError
        If inliers or outliers are absent.
    """
    n_out, n_in = int(is_outlier.sum()), int((~is_outlier).sum())
    if not n_out or not n_in:
        raise UsageError("both inliers and outliers are needed to weight by prevalence")
    return np.where(is_outlier, prevalence / n_out, (1.0 - prevalence) / n_in)


class OutlierProbability(BaseModel):
    """p_outlier = expit(slope * logit(score) + intercept), slope > 0.

    Parameters
    ----------
    slope, intercept : float
        Fitted by `fit_outlier_probability`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    slope: float = Field(gt=0)
    intercept: float

    def __call__(self, score: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map scores in [0, 1], [N], to probabilities [N]; a larger score never has a lower one."""
        probability: NDArray[np.float64] = expit(self.slope * _safe_logit(score) + self.intercept)
        return probability


def fit_outlier_probability(
    score: NDArray[np.float64], is_outlier: NDArray[np.bool_], prevalence: float
) -> OutlierProbability:
    """Fit the logistic curve by weighted maximum likelihood (Platt 1999).

    Parameters
    ----------
    score : float array [N]
        Scores in [0, 1] of validation cases.
    is_outlier : bool array [N]
    prevalence : float
        Share of outliers expected in use.

    Returns
    -------
    OutlierProbability
        Its weighted mean over the cases is the prevalence.

    Raises
    ------
    UsageError
        If inliers or outliers are absent.

    Notes
    -----
    The slope is kept positive by fitting its logarithm, with a slight pull towards 1, so
    that a useless score cannot turn the ranking round.
    """
    x = _safe_logit(score)
    weights = prevalence_weights(is_outlier, prevalence)
    sign = np.where(is_outlier, 1.0, -1.0)

    def loss(parameters: NDArray[np.float64]) -> float:
        margin = sign * (np.exp(parameters[0]) * x + parameters[1])
        return float(weights @ np.logaddexp(0.0, -margin) + _RIDGE * parameters[0] ** 2)

    found = minimize(loss, np.zeros(2), method="Nelder-Mead", options={"maxiter": 2000})
    return OutlierProbability(slope=float(np.exp(found.x[0])), intercept=float(found.x[1]))


def _safe_logit(score: NDArray[np.float64]) -> NDArray[np.float64]:
    clipped: NDArray[np.float64] = logit(np.clip(score, _EDGE, 1.0 - _EDGE))
    return clipped
