"""Calibration of the ensemble's averaged probabilities, one method a file.

A calibrator is fitted on the validation inliers and maps the ensemble's averaged
probabilities, over the inlier conditions, to calibrated ones. `CALIBRATORS` is the registry;
`OnlinePlatt` calibrates a stream of single events.
"""

from triage.uncertainty.calibration.calibrator import Calibrator, CalibratorInfo
from triage.uncertainty.calibration.platt_stream import OnlinePlatt
from triage.uncertainty.calibration.registry import CALIBRATORS

__all__ = [
    "CALIBRATORS",
    "Calibrator",
    "CalibratorInfo",
    "OnlinePlatt",
]
