"""Softmax regression on log probabilities, regularised towards its initial weights.

Shared by vector scaling and Dirichlet calibration, which differ in which weights are free and
how strongly each is regularised.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from triage.uncertainty.calibration.calibrator import Floats, Truth
from triage.uncertainty.calibration.temperature_scaling import fit_temperature

SPREAD = 1.0
"""Standard deviation of the normal prior on what the methods themselves leave unpenalised.

It keeps weights finite where conditions can be told apart without error; against N cases it
weighs as much as one of them.
"""


def as_temperature(given: Floats, truth: Truth) -> Floats:
    """Weights and bias [K, K + 1] that do what the best temperature does."""
    k = given.shape[1]
    return np.hstack([np.eye(k) / fit_temperature(given, k, truth), np.zeros((k, 1))])


def fit_softmax_regression(
    given: Floats,
    truth: Truth,
    start: Floats,
    free: NDArray[np.bool_],
    penalty: Floats,
) -> Floats:
    """Minimise the mean negative log-likelihood plus sum(penalty * (weights - start)^2).

    By L-BFGS with the analytic gradient; the problem is convex.

    Parameters
    ----------
    given : float array [N, K]
        Positive probabilities.
    truth : int array [N]
    start : float array [K, K + 1]
        Weights on log probabilities, and last the bias.
    free : bool array [K, K + 1]
        Weights that may move.
    penalty : float array [K, K + 1]

    Returns
    -------
    float array [K, K + 1]
    """
    inputs = _with_one(given)
    rows = np.arange(len(truth))

    def loss(moved: Floats) -> tuple[float, Floats]:
        weights = start.copy()
        weights[free] = moved
        scores = inputs @ weights.T
        error = softmax(scores, axis=1)
        error[rows, truth] -= 1.0
        away = weights - start
        gradient = error.T @ inputs / len(truth) + 2 * penalty * away
        likelihood = log_softmax(scores, axis=1)[rows, truth].mean()
        return float((penalty * away**2).sum() - likelihood), gradient[free]

    found = minimize(
        loss, start[free], jac=True, method="L-BFGS-B", options={"maxiter": 500, "ftol": 1e-10}
    )
    weights = start.copy()
    weights[free] = found.x
    return weights


def apply_softmax_regression(given: Floats, weights: Floats) -> Floats:
    """softmax(W log p + b), float [N, K]."""
    calibrated: Floats = softmax(_with_one(given) @ weights.T, axis=1)
    return calibrated


def _with_one(given: Floats) -> Floats:
    return np.hstack([np.log(given), np.ones((len(given), 1))])
