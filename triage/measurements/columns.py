"""Number of voxels of each tissue in every column of a tissue map."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from triage.errors import UsageError
from triage.vocabulary.tissues import Tissue

Counts = NDArray[np.uint16]
_ROWS_AT_ONCE = 255
"""A run of rows this long is counted in uint8, eight times faster than in wider integers."""


def column_counts(tissue: NDArray[np.uint8]) -> Counts:
    """Count the voxels of each tissue in every column.

    Parameters
    ----------
    tissue : uint8 array [..., S, H, W]
        One tissue map or several; values of `Tissue`.

    Returns
    -------
    uint16 array [..., S, 15, W]
        The depth axis replaced by the tissues: `counts[..., Tissue.RPE, :]`.

    Raises
    ------
    UsageError
        If the map is of another type or holds other values.
    """
    if tissue.dtype != np.uint8 or tissue.ndim < 3 or 0 in tissue.shape:
        raise UsageError(
            f"a tissue map is uint8 [S, H, W], not {tissue.dtype} {list(tissue.shape)}"
        )
    height = tissue.shape[-2]
    counts = np.zeros((*tissue.shape[:-2], len(Tissue), tissue.shape[-1]), dtype=np.uint16)
    for start in range(0, height, _ROWS_AT_ONCE):
        run = tissue[..., start : start + _ROWS_AT_ONCE, :]
        for value in Tissue:
            there = (run == value).view(np.uint8)
            counts[..., value, :] += np.add.reduce(there, axis=-2, dtype=np.uint8)
    if not (counts.sum(axis=-2, dtype=np.uint32) == height).all():
        raise UsageError(f"a tissue map holds values above {max(Tissue)}")
    return counts


def voxels(counts: Counts, tissues: Collection[Tissue]) -> NDArray[np.int64]:
    """Number of voxels of some tissues together in every column.

    Parameters
    ----------
    counts : uint16 array [..., S, 15, W]
    tissues : collection of Tissue

    Returns
    -------
    int array [..., S, W]
    """
    together: NDArray[np.int64] = counts[..., list(tissues), :].sum(axis=-2, dtype=np.int64)
    return together
