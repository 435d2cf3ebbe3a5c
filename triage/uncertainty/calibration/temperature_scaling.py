"""Temperature scaling of the ensemble's inlier probabilities (Guo et al. 2017).

Fitted after ensembling, on validation inliers: the averaged probabilities, restricted to
the inlier conditions, are raised to 1/T and renormalised. The ranking never changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from triage.errors import UsageError
from triage.uncertainty.calibration.calibrator import (
    ABOVE_ONE,
    Calibrator,
    CalibratorInfo,
    Floats,
    State,
    Truth,
    proportions,
)

BOUNDS = (0.05, 20.0)
"""Between which the temperature is looked for."""


def inlier_logits(probabilities: NDArray[np.float64], n_inliers: int) -> NDArray[np.float64]:
    """Return log probabilities of the inlier classes given an inlier, float [N, K].

    They are normalised before they are kept above `FLOOR`: a case that is almost surely an
    outlier keeps the proportions between the inlier classes.

    Parameters
    ----------
    probabilities : float array [N, C]
        Inlier classes first; rows need not sum to one.
    n_inliers : int
        Number of inlier classes K, 1 to C.

    Raises
    ------
    UsageError
        If a value is not between 0 and 1, or there are not as many classes.
    """
    if probabilities.ndim != 2 or not 1 <= n_inliers <= probabilities.shape[1]:
        raise UsageError(
            f"{n_inliers} inlier classes of probabilities of shape {probabilities.shape}",
            where="temperature",
        )
    # written so that NaN fails
    if not ((probabilities >= 0) & (probabilities <= 1 + ABOVE_ONE)).all():
        raise UsageError("probabilities hold values outside [0, 1]", where="temperature")
    logits: NDArray[np.float64] = np.log(proportions(probabilities[:, :n_inliers]))
    return logits


def apply_temperature(
    probabilities: NDArray[np.float64], n_inliers: int, temperature: float
) -> NDArray[np.float64]:
    """Return calibrated probabilities given that the case is an inlier, float [N, K]."""
    calibrated: NDArray[np.float64] = softmax(
        inlier_logits(probabilities, n_inliers) / temperature, axis=1
    )
    return calibrated


def fit_temperature(
    probabilities: NDArray[np.float64], n_inliers: int, truth: NDArray[np.int64]
) -> float:
    """Find the temperature that minimises the negative log-likelihood.

    Parameters
    ----------
    probabilities : float array [N, C]
        Ensemble probabilities of validation inliers.
    n_inliers : int
        Number of inlier classes K.
    truth : int array [N]
        True inlier class of each case.

    Returns
    -------
    float
        T in [0.05, 20].

    Raises
    ------
    UsageError
        If there is no case, a case is not an inlier, or there is another number of labels.
    """
    if truth.shape != (len(probabilities),) or not np.issubdtype(truth.dtype, np.integer):
        raise UsageError(
            f"labels of shape {truth.shape} and type {truth.dtype} for {len(probabilities)} cases",
            where="temperature",
        )
    if len(truth) == 0 or truth.min() < 0 or truth.max() >= n_inliers:
        raise UsageError("temperature scaling needs validation cases of inlier conditions only")
    logits = inlier_logits(probabilities, n_inliers)
    rows = np.arange(len(truth))

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(logits / np.exp(log_temperature), axis=1)
        return float(-scaled[rows, truth].mean())

    low, high = np.log(BOUNDS)
    found = minimize_scalar(loss, bounds=(low, high), method="bounded")
    return float(np.exp(found.x))


@dataclass
class TemperatureScaling(Calibrator):
    """p to the power 1/T, renormalised: one temperature for all cases."""

    info: ClassVar = CalibratorInfo(
        key="temperature",
        title="Temperature scaling",
        source="Guo et al. 2017",
        parameters="one temperature",
        keeps_ranking=True,
    )
    arrays: ClassVar = ("temperature",)

    def _fit(self, given: Floats, truth: Truth, distance: Floats) -> State:
        return {"temperature": np.array([fit_temperature(given, given.shape[1], truth)])}

    def _calibrate(self, given: Floats, distance: Floats, state: State) -> Floats:
        return apply_temperature(given, given.shape[1], float(state["temperature"][0]))
