"""Registry of calibrators."""

from __future__ import annotations

from triage.registry import Registry, yes_or_no
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

CALIBRATORS: Registry[type[Calibrator]] = Registry(
    "calibrator",
    _TABLE,
    columns={
        "learns, of K conditions": lambda kind: kind.info.parameters,
        "keeps the ranking": lambda kind: yes_or_no(kind.info.keeps_ranking),
    },
)
"""Every calibrator."""
