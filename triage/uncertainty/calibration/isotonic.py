"""Isotonic regression of each condition against the rest (Zadrozny & Elkan 2002)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from triage.uncertainty.calibration.calibrator import CalibratorInfo, Floats
from triage.uncertainty.calibration.one_vs_rest import OneVsRest


@dataclass
class IsotonicCalibration(OneVsRest):
    """The rising curve that fits best, straight between its steps.

    Ours: values are kept 1 / (N + 2) away from 0 and 1, what Laplace's rule of succession
    gives after N cases without exception. Otherwise a condition that was never right below
    some probability would be ruled out there, and one such case makes the log loss infinite.
    """

    info: ClassVar = CalibratorInfo(
        key="isotonic",
        title="Isotonic regression",
        source="Zadrozny & Elkan 2002; the distance from 0 and 1 is ours",
        parameters="a rising curve for each condition",
        by_condition=True,
    )

    def learn(self, p: Floats, hit: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Knots of the curve."""
        from sklearn.isotonic import IsotonicRegression

        edge = 1 / (len(p) + 2)
        curve = IsotonicRegression(y_min=edge, y_max=1 - edge).fit(p, hit.astype(np.float64))
        return curve.X_thresholds_, curve.y_thresholds_

    def read(self, p: Floats, places: Floats, values: Floats) -> Floats:
        """Interpolate between knots; flat beyond the first and the last."""
        found: Floats = np.interp(p, places, values)
        return found
