"""Position of the fovea, and the distance of every column from it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

SEARCH_RADIUS = 1.0
"""mm around the middle of the scan within which the fovea is looked for (our default)."""
SMOOTHING = 0.15
"""mm, standard deviation of the Gaussian that smooths the thickness map first (our default)."""
MIN_SUPPORT = 0.2
"""Share of measured columns that a smoothed place needs."""

Point = tuple[float, float]


def fovea(
    thickness: NDArray[np.float32], bscan: float, column: float, bare: NDArray[np.bool_]
) -> Point | None:
    """Find the fovea as the thinnest place near the middle of the scan.

    Columns that could not be measured are filled from their neighbours (normalised
    convolution, Knutsson & Westin 1993). Oedema can move the thinnest place, and atrophy
    beside the centre draws it away: where the fovea is known, give it instead.

    Parameters
    ----------
    thickness : float32 array [S, W]
        In um, NaN where unknown.
    bscan, column : float
        mm between B-scans and between columns.
    bare : bool array [S, W]
        Columns of a full-thickness hole, which count as no thickness at all.

    Returns
    -------
    (B-scan, column) as indices, or None where nothing near the middle was measured.
    """
    known = np.isfinite(thickness) | bare
    values = np.where(known & ~bare, np.nan_to_num(thickness), 0.0).astype(np.float64)
    sigma = (SMOOTHING / bscan, SMOOTHING / column)
    support = gaussian_filter(known.astype(np.float64), sigma, mode="constant")
    smooth = np.full(thickness.shape, np.inf)
    blurred = gaussian_filter(values, sigma, mode="constant")
    distance = radius(thickness.shape, bscan, column, middle(thickness.shape))
    usable = (distance <= SEARCH_RADIUS) & (support > MIN_SUPPORT)
    if not usable.any():
        return None
    np.divide(blurred, support, out=smooth, where=usable)
    # a micrometre a millimetre, so that of equal places the one nearest the middle is taken
    row, col = np.unravel_index(int((smooth + distance).argmin()), smooth.shape)
    return float(row), float(col)


def middle(shape: tuple[int, ...]) -> Point:
    """Middle of an en-face grid of some shape [S, W], as indices."""
    return (shape[-2] - 1) / 2, (shape[-1] - 1) / 2


def radius(
    shape: tuple[int, ...], bscan: float, column: float, centre: Point
) -> NDArray[np.float64]:
    """Distance of every column from a centre in mm, float [S, W].

    Parameters
    ----------
    shape : (..., S, W)
    bscan, column : float
        mm between B-scans and between columns.
    centre : (B-scan, column)
        As indices, need not be whole.
    """
    across = (np.arange(shape[-2])[:, None] - centre[0]) * bscan
    along = (np.arange(shape[-1])[None, :] - centre[1]) * column
    distance: NDArray[np.float64] = np.hypot(across, along)
    return distance
