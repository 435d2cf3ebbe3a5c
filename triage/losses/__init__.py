"""Losses of the heads, one file each: logits in, the loss of each case out."""

from triage.losses.cross_entropy import Criterion, cross_entropy, smoothed, uniform_cross_entropy
from triage.losses.hod import COARSE_WEIGHT, hod_loss, log_outlier_mass
from triage.losses.outlier_exposure import outlier_exposure_loss
from triage.losses.registry import CRITERIA, CriterionInfo

__all__ = [
    "COARSE_WEIGHT",
    "CRITERIA",
    "Criterion",
    "CriterionInfo",
    "cross_entropy",
    "hod_loss",
    "log_outlier_mass",
    "outlier_exposure_loss",
    "smoothed",
    "uniform_cross_entropy",
]
