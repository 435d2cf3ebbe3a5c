"""A temperature that grows with the distance from the training data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from triage.uncertainty.calibration.calibrator import (
    DISTANCE,
    Calibrator,
    CalibratorInfo,
    Floats,
    State,
    Truth,
)
from triage.uncertainty.calibration.temperature_scaling import BOUNDS, fit_temperature

STEEPEST = 10.0
"""Largest growth of the temperature over one standard deviation, as a multiple of itself."""


@dataclass
class DensityAwareTemperature(Calibrator):
    """T(d) = T0 * (1 + slope * max(0, (d - mean) / deviation)), slope >= 0.

    Our simplification of Tomani et al. 2023, who learn a sample's temperature from nearest
    neighbour distances in many layers: one distance, any out-of-distribution score of the
    embedding, standardised by the validation inliers. T0 and the slope minimise the negative
    log-likelihood of validation inliers. The temperature never falls as the distance grows,
    and is T0 up to the mean.
    """

    info: ClassVar = CalibratorInfo(
        key="density_aware",
        title="Density-aware temperature",
        source="our simplification of Tomani et al. 2023",
        parameters="one temperature and its growth with distance",
        needs=(DISTANCE,),
        keeps_ranking=True,
    )
    arrays: ClassVar = ("temperature", "slope", "mean", "deviation")

    def temperature(self, distance: Floats) -> Floats:
        """Temperature of cases at these distances, float [N]."""
        return _temperature(distance, self.learned())

    def _fit(self, given: Floats, truth: Truth, distance: Floats) -> State:
        deviation = distance.std()
        scale = {
            "mean": np.array([distance.mean()]),
            "deviation": np.array([deviation if deviation > 0 else 1.0]),
        }
        beyond = _beyond(distance, scale)
        logits = np.log(given)
        rows = np.arange(len(truth))
        low, high = np.log(BOUNDS)

        def loss(parameters: Floats) -> tuple[float, Floats]:
            log_base, slope = parameters
            growth = 1 + slope * beyond
            scaled = logits / (np.exp(log_base) * growth)[:, None]
            likelihood = log_softmax(scaled, axis=1)[rows, truth]
            # the derivative of a case's loss by the logarithm of its temperature
            by_log = scaled[rows, truth] - (softmax(scaled, axis=1) * scaled).sum(axis=1)
            gradient = np.array([by_log.mean(), (by_log * beyond / growth).mean()])
            return float(-likelihood.mean()), gradient

        base = np.clip(np.log(fit_temperature(given, given.shape[1], truth)), low, high)
        found = min(
            (
                minimize(
                    loss,
                    np.array([base, slope]),
                    jac=True,
                    method="L-BFGS-B",
                    bounds=[(low, high), (0.0, STEEPEST)],
                )
                for slope in (0.0, 1.0)
            ),
            key=lambda result: float(result.fun),
        )
        return {
            "temperature": np.array([np.exp(found.x[0])]),
            "slope": np.array([found.x[1]]),
            **scale,
        }

    def _calibrate(self, given: Floats, distance: Floats, state: State) -> Floats:
        calibrated: Floats = softmax(np.log(given) / _temperature(distance, state)[:, None], axis=1)
        return calibrated


def _beyond(distance: Floats, scale: State) -> Floats:
    """Standard deviations above the mean; 0 below it."""
    beyond: Floats = np.maximum(0.0, (distance - scale["mean"]) / scale["deviation"])
    return beyond


def _temperature(distance: Floats, state: State) -> Floats:
    grown: Floats = state["temperature"] * (1 + state["slope"] * _beyond(distance, state))
    return grown
