"""Vector scaling (Guo et al. 2017): a scale and a bias for each condition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from triage.errors import UsageError
from triage.uncertainty.calibration.calibrator import (
    Calibrator,
    CalibratorInfo,
    Floats,
    State,
    Truth,
)
from triage.uncertainty.calibration.softmax_regression import (
    SPREAD,
    apply_softmax_regression,
    as_temperature,
    fit_softmax_regression,
)


@dataclass
class VectorScaling(Calibrator):
    """softmax(w * log p + b), elementwise.

    Our addition: a normal prior around the best temperature, without bias, that weighs as much
    as one case, so that few cases of a condition change little.

    Parameters
    ----------
    spread : float
        Standard deviation of that prior.

    Raises
    ------
    UsageError
        If it is not positive.
    """

    spread: float = SPREAD

    info: ClassVar = CalibratorInfo(
        key="vector",
        title="Vector scaling",
        source="Guo et al. 2017; a weak prior is ours",
        parameters="a scale and a bias for each condition",
        by_condition=True,
    )
    arrays: ClassVar = ("weights",)

    def __post_init__(self) -> None:
        """Check the prior."""
        if not self.spread > 0:
            raise UsageError("the spread of the prior must be positive", where=self.info.key)

    def _fit(self, given: Floats, truth: Truth, distance: Floats) -> State:
        k = given.shape[1]
        free = np.hstack([np.eye(k, dtype=np.bool_), np.ones((k, 1), dtype=np.bool_)])
        penalty = free / (2 * self.spread**2 * len(given))
        start = as_temperature(given, truth)
        return {"weights": fit_softmax_regression(given, truth, start, free, penalty)}

    def _calibrate(self, given: Floats, distance: Floats, state: State) -> Floats:
        return apply_softmax_regression(given, state["weights"])
