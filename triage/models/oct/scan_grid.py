"""Resampling of B-scans to the networks' grid, and the neighbours that are input channels."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

CHUNK = 16
_MOST_SAMPLES = 2**24  # of B-scans resized at a time, as float32


def to_grid(bscans: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
    """Resize every B-scan as a whole, without cropping.

    Parameters
    ----------
    bscans : uint8 array [S, H, W]
    rows, columns : int

    Returns
    -------
    uint8 array [S, rows, columns]
        Area-averaged where it shrinks: what a coarser detector would have seen.
    """
    if bscans.shape[1:] == (rows, columns):
        return bscans
    out = np.empty((len(bscans), rows, columns), dtype=np.uint8)
    _, height, width = bscans.shape
    step = max(1, min(CHUNK, _MOST_SAMPLES // (height * width)))
    for start in range(0, len(bscans), step):
        part = torch.from_numpy(bscans[start : start + step].astype(np.float32))[:, None]
        resized = functional.interpolate(
            part, (rows, columns), mode="bilinear", antialias=True, align_corners=False
        )
        out[start : start + step] = resized[:, 0].round().clamp(0, 255).byte().numpy()
    return out


def labels_to_grid(labels: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
    """Resize label maps [..., H, W] by nearest neighbours; classes are never mixed."""
    height, width = labels.shape[-2:]
    if (height, width) == (rows, columns):
        return labels
    row = ((np.arange(rows) + 0.5) * height / rows).astype(np.intp)
    column = ((np.arange(columns) + 0.5) * width / columns).astype(np.intp)
    nearest: NDArray[np.uint8] = labels[..., row[:, None], column]
    return nearest


def with_context(bscans: Tensor, index: Tensor, context: int) -> Tensor:
    """Gather B-scans with their neighbours; the end B-scans replace missing neighbours.

    Parameters
    ----------
    bscans : uint8 Tensor [S, H, W]
    index : int Tensor [B]
        Central B-scans.
    context : int
        Odd.

    Returns
    -------
    float32 Tensor [B, context, H, W]
        Values in [-1, 1].
    """
    offsets = torch.arange(context) - context // 2
    places = (index[:, None] + offsets).clamp(0, len(bscans) - 1)
    return bscans[places].float() / 127.5 - 1.0
