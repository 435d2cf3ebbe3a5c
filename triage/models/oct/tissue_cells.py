"""Tissue map on a grid of fixed physical size: the input of stage 2 for every scanner.

The fixed scale makes a referral network independent of the device: a cell has the same size in
millimetres for every scanner. Cells outside the scan hold no tissue.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.models.oct.settings import ReferralSettings
from triage.vocabulary.tissues import Tissue

N_TISSUES = len(Tissue)
ABOVE = 0.75
"""Share of the depth field above the level of the pigment epithelium."""


def tissue_cells(
    tissue: NDArray[np.uint8], spacing: tuple[float, float, float], settings: ReferralSettings
) -> NDArray[np.uint8]:
    """Share of each tissue in each cell.

    Parameters
    ----------
    tissue : uint8 array [S, H, W]
        Tissue map.
    spacing : tuple of float
        mm between its B-scans, rows and columns.
    settings : ReferralSettings
        Cells and field.

    Returns
    -------
    uint8 array [15, *cells]
        Shares from 0 to 255, as adaptive average pooling of the field gives them; what of the field
        lies outside the scan counts as no tissue.
    """
    extents = [
        max(1, round(side / step)) for side, step in zip(settings.field, spacing, strict=True)
    ]
    middles = (tissue.shape[0] / 2, None, tissue.shape[2] / 2)
    starts = [
        round(level_of(tissue) - ABOVE * extent) if middle is None else round(middle - extent / 2)
        for middle, extent in zip(middles, extents, strict=True)
    ]
    # The field is never allocated in samples: their number depends on the scale that a file
    # states, and a scan of a few micrometres would require any amount of memory.
    parts = [
        _members(start, extent, length, cells)
        for start, extent, length, cells in zip(
            starts, extents, tissue.shape, settings.cells, strict=True
        )
    ]
    (slices, rows, columns), sides = [held for held, _ in parts], [side for _, side in parts]
    shares = np.empty((N_TISSUES, *settings.cells), dtype=np.float32)
    for number in range(N_TISSUES):
        by_column = (tissue == number).astype(np.float32) @ columns.T
        counts = np.einsum("as,shc,bh->abc", slices, by_column, rows, optimize=True)
        shares[number] = counts
        # One side after the other, as PyTorch's adaptive pooling divides.
        for axis, side in enumerate(sides):
            shares[number] /= side.reshape([-1 if axis == each else 1 for each in range(3)])
    found: NDArray[np.uint8] = np.rint(255 * shares).astype(np.uint8)
    return found


def _members(
    start: int, extent: int, length: int, cells: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Samples of a scan in each cell along one axis, and the number of samples in it.

    The cells divide `extent` samples from `start` on as adaptive average pooling does: cell i
    begins at the whole part of i extent / cells, and ends at (i + 1) extent / cells, rounded up.

    Returns
    -------
    members : float32 array [cells, length]
        1 where the sample lies in the cell, else 0.
    sides : float32 array [cells]
    """
    first = [start + at * extent // cells for at in range(cells)]
    after = [start - (-(at + 1) * extent // cells) for at in range(cells)]
    place = np.arange(length)
    members = [(place >= low) & (place < high) for low, high in zip(first, after, strict=True)]
    sides = [high - low for low, high in zip(first, after, strict=True)]
    return np.array(members, dtype=np.float32), np.array(sides, dtype=np.float32)


def level_of(tissue: NDArray[np.uint8]) -> float:
    """Median row of the pigment epithelium, or of the lower edge of the retina without one."""
    for found in (tissue == Tissue.RPE, tissue == Tissue.NEUROSENSORY_RETINA):
        rows = np.flatnonzero(found.any(axis=(0, 2)))
        if len(rows):
            per_row = found.sum(axis=(0, 2))
            return float(np.searchsorted(np.cumsum(per_row), per_row.sum() / 2))
    return ABOVE * float(tissue.shape[1])
