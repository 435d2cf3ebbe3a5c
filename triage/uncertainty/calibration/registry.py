"""The table of calibrators."""

from __future__ import annotations

from triage.errors import unknown_name
from triage.uncertainty.calibration.calibrator import Calibrator
from triage.uncertainty.calibration.density_aware import DensityAwareTemperature
from triage.uncertainty.calibration.dirichlet import DirichletCalibration
from triage.uncertainty.calibration.histogram import HistogramBinning
from triage.uncertainty.calibration.identity import NoCalibration
from triage.uncertainty.calibration.isotonic import IsotonicCalibration
from triage.uncertainty.calibration.online_platt import OnlinePlattScaling
from triage.uncertainty.calibration.temperature_scaling import TemperatureScaling
from triage.uncertainty.calibration.vector import VectorScaling

_TABLE: tuple[type[Calibrator], ...] = (
    NoCalibration,
    TemperatureScaling,
    VectorScaling,
    DirichletCalibration,
    IsotonicCalibration,
    HistogramBinning,
    DensityAwareTemperature,
    OnlinePlattScaling,
)

CALIBRATORS: dict[str, type[Calibrator]] = {kind.info.key: kind for kind in _TABLE}
"""Every calibrator by its key, in the order of tables."""


def make_calibrator(key: str) -> Calibrator:
    """Make a calibrator with its default settings.

    Raises
    ------
    UsageError
        If there is none of that name; the message has the nearest.
    """
    if key in CALIBRATORS:
        return CALIBRATORS[key]()
    raise unknown_name("calibrator", key, CALIBRATORS)
