"""No calibration: the baseline that every calibrator must beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from triage.uncertainty.calibration.calibrator import (
    Calibrator,
    CalibratorInfo,
    Floats,
    State,
    Truth,
)


@dataclass
class NoCalibration(Calibrator):
    """The ensemble's own probabilities, renormalised over the inlier conditions."""

    info: ClassVar = CalibratorInfo(
        key="none",
        title="No calibration",
        source="the ensemble as it is",
        parameters="none",
        keeps_ranking=True,
    )
    arrays: ClassVar[tuple[str, ...]] = ()

    def _fit(self, given: Floats, truth: Truth, distance: Floats) -> State:
        return {}

    def _calibrate(self, given: Floats, distance: Floats, state: State) -> Floats:
        return given
