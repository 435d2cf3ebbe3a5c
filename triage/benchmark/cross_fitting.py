"""Calibrators and prediction sets judged on validation cases that they were not fitted on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from triage.benchmark.draw_record import Floats
from triage.benchmark.validation_draw import ValidationDraw
from triage.uncertainty.calibration import CALIBRATORS
from triage.uncertainty.calibration.calibrator import FLOOR, given_known
from triage.uncertainty.conformal import CONFORMAL

FOLDS = 5


def log_loss(draw: ValidationDraw, arm: str, calibrator: str) -> Floats:
    """Log loss of each validation inlier, its calibrator fitted on the other folds; [N].

    NaN for outliers. Cases of one cluster are in one fold.
    """
    shares = given_known(draw.probabilities[arm], draw.n_inliers)
    found = np.full(len(shares), np.nan)
    for fitted_on, judged in _folds(draw):
        learned = CALIBRATORS[calibrator]().fit(shares[fitted_on], draw.truth[fitted_on])
        p = learned.calibrate(shares[judged])[np.arange(len(judged)), draw.truth[judged]]
        found[judged] = -np.log(np.maximum(p, FLOOR))
    return found


def sets_of(draw: ValidationDraw, arm: str, method: str, alpha: float) -> tuple[Floats, Floats]:
    """Size of each inlier's set, and whether it holds the truth, fitted on the other folds.

    Returns
    -------
    size, held : float array [N]
        NaN for outliers.
    """
    shares = given_known(draw.probabilities[arm], draw.n_inliers)
    size, held = np.full(len(shares), np.nan), np.full(len(shares), np.nan)
    for fitted_on, judged in _folds(draw):
        fitted = CONFORMAL[method](alpha=alpha).fit(shares[fitted_on], draw.truth[fitted_on])
        sets = fitted.sets(shares[judged])
        size[judged] = sets.sum(axis=1)
        held[judged] = sets[np.arange(len(judged)), draw.truth[judged]]
    return size, held


def _folds(draw: ValidationDraw) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Inliers to fit on and to judge, for each fold that has both."""
    # Codes are hashes, so their remainders spread evenly and are the same in every draw.
    fold = draw.clusters % FOLDS
    for number in range(FOLDS):
        fitted_on = np.flatnonzero(draw.known & (fold != number))
        judged = np.flatnonzero(draw.known & (fold == number))
        if len(fitted_on) and len(judged):
            yield fitted_on, judged
