"""A tissue map on a grid of fixed physical size: what stage 2 reads, whatever the scanner.

The scale is what makes a referral network independent of the device: a cell is the same size in
millimetres wherever the scan came from. Cells outside the scan hold no tissue at all.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

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
        Shares from 0 to 255.
    """
    window = torch.from_numpy(_window(tissue, spacing, settings.field))
    shares = torch.stack([(window == number).float() for number in range(N_TISSUES)])
    pooled = functional.adaptive_avg_pool3d(shares[None], settings.cells)[0]
    cells: NDArray[np.uint8] = (255 * pooled).round().byte().numpy()
    return cells


def _window(
    tissue: NDArray[np.uint8], spacing: tuple[float, float, float], field: tuple[float, ...]
) -> NDArray[np.uint8]:
    """The part of a map that the field covers, 255 where the field leaves the scan."""
    sizes = [max(1, round(extent / step)) for extent, step in zip(field, spacing, strict=True)]
    middles = (tissue.shape[0] / 2, None, tissue.shape[2] / 2)
    starts = [
        round(level_of(tissue) - ABOVE * size) if middle is None else round(middle - size / 2)
        for middle, size in zip(middles, sizes, strict=True)
    ]
    window = np.full(sizes, 255, dtype=np.uint8)
    source, target = [], []
    for start, size, length in zip(starts, sizes, tissue.shape, strict=True):
        low, high = max(start, 0), min(start + size, length)
        source.append(slice(low, max(low, high)))
        target.append(slice(low - start, max(low, high) - start))
    window[tuple(target)] = tissue[tuple(source)]
    return window


def level_of(tissue: NDArray[np.uint8]) -> float:
    """Median row of the pigment epithelium; of the lower edge of the retina where there is none."""
    for found in (tissue == Tissue.RPE, tissue == Tissue.NEUROSENSORY_RETINA):
        rows = np.flatnonzero(found.any(axis=(0, 2)))
        if len(rows):
            per_row = found.sum(axis=(0, 2))
            return float(np.searchsorted(np.cumsum(per_row), per_row.sum() / 2))
    return ABOVE * float(tissue.shape[1])
