"""En-face view of a volume: one pixel per column."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.errors import UsageError

_ANCHORS = np.array(
    [[49, 54, 149], [69, 117, 180], [116, 173, 209], [254, 224, 144], [244, 109, 67], [165, 0, 38]],
    dtype=np.float64,
)
"""Thin to thick, blue to red over pale yellow; distinguishable with red-green blindness."""


def projection(
    bscans: NDArray[np.uint8],
    top: NDArray[np.float32] | None = None,
    bottom: NDArray[np.float32] | None = None,
) -> NDArray[np.uint8]:
    """Mean intensity of every column, over all rows or between two boundaries.

    Parameters
    ----------
    bscans : uint8 array [S, H, W]
    top, bottom : float array [S, W], optional
        First row, and the row after the last; NaN leaves the column black.

    Returns
    -------
    uint8 array [S, W]

    Raises
    ------
    UsageError
        If only one boundary is given, or one of another shape.
    """
    count, height, width = bscans.shape
    if (top is None) != (bottom is None):
        raise UsageError("a slab needs both its boundaries")
    if top is None or bottom is None:
        mean: NDArray[np.float32] = bscans.mean(axis=1, dtype=np.float32)
        return np.rint(mean).astype(np.uint8)
    if top.shape != (count, width) or bottom.shape != (count, width):
        raise UsageError(f"boundaries must have shape {[count, width]}")
    rows = np.arange(height, dtype=np.float32)[:, None]
    image = np.zeros((count, width), dtype=np.uint8)
    for i, bscan in enumerate(bscans):  # one at a time, so that memory stays that of a B-scan
        inside = (rows >= top[i]) & (rows < bottom[i])
        total = (bscan * inside).sum(axis=0, dtype=np.float32)
        image[i] = np.rint(total / np.maximum(inside.sum(axis=0), 1))
    return image


def square_pixels(
    image: NDArray[np.float32] | NDArray[np.uint8],
    bscan: float,
    column: float,
    superior_first: bool = True,
) -> NDArray[np.float32]:
    """Resample an en-face map so that its pixels are as high as wide, superior at the top.

    Parameters
    ----------
    image : array [S, W]
    bscan, column : float
        mm between B-scans and between columns.
    superior_first : bool
        Whether the first B-scan is the uppermost.

    Returns
    -------
    float32 array [h, W]
        Linear between B-scans, from the first to the last; `column` mm a pixel both ways.
    """
    upright = image if superior_first else image[::-1]
    last = len(image) - 1
    places = np.linspace(0.0, last, max(round(last * bscan / column), 0) + 1)
    below = np.minimum(places.astype(np.int64), max(last - 1, 0))
    share = (places - below)[:, None].astype(np.float32)
    first, second = upright[below], upright[np.minimum(below + 1, last)]
    # NaN * 0 is NaN, so a place that is exactly on a B-scan takes only that one
    blended = np.where(share > 0, first * (1 - share) + second * share, first)
    return np.where(share == 1, second, blended).astype(np.float32)


def thickness_overlay(
    image: NDArray[np.uint8],
    thickness: NDArray[np.float32],
    *,
    low: float = 150.0,
    high: float = 500.0,
    opacity: float = 0.5,
) -> NDArray[np.uint8]:
    """Colour a thickness map over an en-face picture of the same grid.

    Parameters
    ----------
    image : uint8 array [h, w]
    thickness : float32 array [h, w]
        In um; where NaN the picture stays grey.
    low, high : float
        um shown in the first and last colour.
    opacity : float
        0 to 1.

    Returns
    -------
    uint8 array [h, w, 3]
        RGB.
    """
    if image.shape != thickness.shape:
        raise UsageError(f"a map of {thickness.shape} cannot lie over a picture of {image.shape}")
    known = np.isfinite(thickness)
    place = np.clip((np.nan_to_num(thickness) - low) / (high - low), 0.0, 1.0)
    ticks = np.linspace(0.0, 1.0, len(_ANCHORS))
    colour = np.stack([np.interp(place, ticks, channel) for channel in _ANCHORS.T], axis=-1)
    share = (opacity * known)[..., None]
    blended = image[..., None] * (1 - share) + colour * share
    return np.rint(blended).astype(np.uint8)
