"""The QU-BraTS score: whether uncertain voxels are the wrong ones.

Mehta et al. 2022 (MELBA 2022:026). Voxels above a threshold of uncertainty are filtered out.
Filtering should leave a map that agrees better with the truth (Dice), and take few voxels that
were right: the filtered share of true positives (FTP) and of true negatives (FTN). The score is
(area under Dice + 1 - area under FTP + 1 - area under FTN) / 3, larger is better.

Definitions follow the authors' published program: thresholds from 0 to 100 in steps of 2.5, a
voxel is kept when its uncertainty is at most the threshold, areas by trapezoids. A class missed
altogether has no true positive to filter, so its FTP is 0; nothing left on either side is Dice 1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from triage.errors import UsageError
from triage.evaluation.metrics.weighted import FloatArray

MAX_UNCERTAINTY = 100.0
THRESHOLDS = np.linspace(0.0, MAX_UNCERTAINTY, 41)


class QuBrats(NamedTuple):
    """Of each class, float [K], 0 to 1; NaN for a class that the truth does not have.

    Parameters
    ----------
    score : array
    dice_area, ftp_area, ftn_area : array
        Areas under the three curves.
    """

    score: FloatArray
    dice_area: FloatArray
    ftp_area: FloatArray
    ftn_area: FloatArray


def qubrats(
    truth: NDArray[np.uint8],
    predicted: NDArray[np.uint8],
    uncertainty: NDArray[np.floating],
    n_classes: int,
) -> QuBrats:
    """Score the uncertainty of one volume, class by class.

    Parameters
    ----------
    truth, predicted : uint8 array [S, H, W]
    uncertainty : float array [S, H, W]
        0 (certain) to 100, one map for all classes.
    n_classes : int
        K.

    Raises
    ------
    UsageError
        If the shapes differ or uncertainty lies outside 0 to 100.
    """
    if not truth.shape == predicted.shape == uncertainty.shape:
        raise UsageError(
            f"truth {truth.shape}, prediction {predicted.shape} and uncertainty "
            f"{uncertainty.shape} must be of one shape"
        )
    # written so that NaN fails
    if not (uncertainty.min() >= 0 and uncertainty.max() <= MAX_UNCERTAINTY):
        raise UsageError("uncertainty lies outside 0 to 100")
    # the first threshold at which a voxel is kept
    kept_from = np.searchsorted(THRESHOLDS, uncertainty.ravel())
    labels, answers = truth.ravel(), predicted.ravel()
    steps = len(THRESHOLDS)

    def kept(classes: NDArray[np.uint8], where: NDArray[np.bool_] | slice) -> FloatArray:
        """Voxels of each class kept at each threshold, [K, T]."""
        index = classes[where].astype(np.int64) * steps + kept_from[where]
        counts = np.bincount(index, minlength=n_classes * steps).reshape(n_classes, steps)
        return counts.cumsum(axis=1).astype(np.float64)

    true, answered = kept(labels, slice(None)), kept(answers, slice(None))
    right = kept(labels, labels == answers)
    neither = true.sum(axis=0) - true - answered + right
    sizes = true + answered
    dice = np.divide(2 * right, sizes, out=np.ones_like(sizes), where=sizes > 0)
    areas = [_area(curve) for curve in (dice, _filtered(right), _filtered(neither))]
    absent = true[:, -1] == 0
    dice_area, ftp, ftn = (np.where(absent, np.nan, area) for area in areas)
    return QuBrats((dice_area + (1 - ftp) + (1 - ftn)) / 3, dice_area, ftp, ftn)


def _filtered(kept: FloatArray) -> FloatArray:
    """Share of the voxels that each threshold filters out, [K, T]."""
    total = np.broadcast_to(kept[:, -1:], kept.shape)
    return np.divide(total - kept, total, out=np.zeros_like(kept), where=total > 0)


def _area(curves: FloatArray) -> FloatArray:
    return np.asarray(np.trapezoid(curves, THRESHOLDS, axis=1) / MAX_UNCERTAINTY)
