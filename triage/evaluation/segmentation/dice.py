"""Overlap of two maps, for every class together.

Dice 1945: twice what both have over the sum of what each has. A class that neither map has is
undefined (NaN), not perfect; one that only the prediction has is 0 in that volume.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.errors import UsageError
from triage.evaluation.metrics.weighted import FloatArray, ratio

Map = NDArray[np.uint8]
CountArray = NDArray[np.int64]


def voxel_confusion(truth: Map, predicted: Map, n_classes: int) -> CountArray:
    """Voxels of each true class (row) by predicted class (column).

    Parameters
    ----------
    truth, predicted : uint8 array of one shape
    n_classes : int
        K.

    Returns
    -------
    int array [K, K]

    Raises
    ------
    UsageError
        If the shapes differ or a value is no class.
    """
    if truth.shape != predicted.shape or truth.size == 0:
        raise UsageError(f"maps of shape {truth.shape} and {predicted.shape} cannot be compared")
    for name, one in (("true", truth), ("predicted", predicted)):
        if int(one.max()) >= n_classes:
            raise UsageError(f"the {name} map holds {one.max()}, beyond {n_classes} classes")
    # K * K fits into 16 bits for any K up to 256
    pairs = truth.astype(np.uint16) * np.uint16(n_classes) + predicted
    counts = np.bincount(pairs.ravel(), minlength=n_classes**2)
    return counts.astype(np.int64).reshape(n_classes, n_classes)


def dice(confusion: CountArray) -> FloatArray:
    """Dice of every class from a table of voxels.

    Of one volume's table it is that volume's; of the sum of tables it is the pooled Dice.

    Parameters
    ----------
    confusion : int array [..., K, K]

    Returns
    -------
    float array [..., K]
        NaN for a class that neither map has.
    """
    both = np.diagonal(confusion, axis1=-2, axis2=-1)
    either = confusion.sum(axis=-1) + confusion.sum(axis=-2)
    return ratio(2 * both.astype(np.float64), either.astype(np.float64))
