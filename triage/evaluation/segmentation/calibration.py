"""Calibration error of voxel probabilities, from sums of constant size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.errors import UsageError
from triage.evaluation.metrics.bins import N_BINS, equal_width_bin
from triage.evaluation.metrics.weighted import FloatArray, ratio

_SLICE = 2**18
"""Voxels looked at together; bounds the memory besides the volume itself."""


class VoxelCalibration:
    """Expected calibration error of each class, updated volume by volume.

    The sum over 15 equal-width bins of n_b / n * |share_b - probability_b|, of each class's
    probability against whether a voxel is of the class (Kull et al. 2019, classwise). Most
    voxels are far from most classes and trivially right, so the error is also given over the
    *relevant* voxels only: those that are of the class, or most probably so.

    Parameters
    ----------
    n_classes : int
        K.
    """

    def __init__(self, n_classes: int) -> None:
        self.n_classes = n_classes
        # voxels, sum of probability, voxels of the class; all voxels, then the relevant ones
        self._sums = np.zeros((2, 3, n_classes, N_BINS))

    def add(self, probabilities: NDArray[np.floating], truth: NDArray[np.uint8]) -> None:
        """Add one volume.

        Parameters
        ----------
        probabilities : float array [K, S, H, W]
        truth : uint8 array [S, H, W]

        Raises
        ------
        UsageError
            If the shapes do not belong together or a probability is no number from 0 to 1.
        """
        if probabilities.shape != (self.n_classes, *truth.shape):
            raise UsageError(
                f"probabilities of shape {probabilities.shape} for a map of {truth.shape} "
                f"and {self.n_classes} classes"
            )
        # written so that NaN fails
        if not (probabilities.min() >= 0 and probabilities.max() <= 1 + 1e-4):
            raise UsageError("probabilities lie outside 0 to 1")
        flat, labels = probabilities.reshape(self.n_classes, -1), truth.ravel()
        for start in range(0, len(labels), _SLICE):
            part = slice(start, start + _SLICE)
            self._add_slice(flat[:, part].astype(np.float64), labels[part])

    def error(self, *, relevant: bool = False) -> FloatArray:
        """Expected calibration error of each class, float [K]; NaN for one without voxels."""
        number, probability, hits = self._sums[int(relevant)]
        return ratio(np.abs(hits - probability).sum(axis=1), number.sum(axis=1))

    def _add_slice(self, probabilities: FloatArray, truth: NDArray[np.uint8]) -> None:
        likely = probabilities.argmax(axis=0)
        for label, values in enumerate(probabilities):
            of_class = truth == label
            bins = equal_width_bin(values)
            for which, where in enumerate((slice(None), of_class | (likely == label))):
                here = bins[where]
                for row, weights in enumerate((None, values[where], of_class[where])):
                    self._sums[which, row, label] += np.bincount(here, weights, minlength=N_BINS)
