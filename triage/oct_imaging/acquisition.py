"""Acquisition features of a volume: pixel statistics and scale, which differ between devices.

The features describe grain, contrast, tone and sampling and depend little on disease. They show
whether a scan is of the kind a system was trained on, independently of its header.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from triage.oct_imaging.volume import OctVolume

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
MOST_BSCANS = 12
"""Number of evenly spaced B-scans that are used; neighbours are redundant."""
_MOST_SIDE = 1536  # rows or columns; of a larger B-scan the middle is looked at, for its grain
_WINDOW = 5


def acquisition_features(volume: OctVolume) -> NDArray[np.float64]:
    """Describe how a volume was taken.

    Parameters
    ----------
    volume : OctVolume

    Returns
    -------
    float64 array [F]
        Intensity quantiles (0 to 1); speckle contrast (local deviation over local mean) of the
        darker and of the brighter half; correlation of the local residual with itself one and two
        pixels down and across (the grain's size); logarithm of the sampling in mm, rows and
        columns and B-scans, zero where unknown.
    """
    count = len(volume.bscans)
    chosen = np.unique(np.linspace(0, count - 1, min(count, MOST_BSCANS)).round().astype(int))
    rows, columns = (_middle(side) for side in volume.bscans.shape[1:])
    pixels = volume.bscans[chosen, rows, columns]
    mean, contrast, grain = _texture(pixels)
    dark = mean <= np.median(mean)
    spacing = volume.spacing
    sampling = [
        np.log(step) if step is not None else 0.0
        for step in (spacing.bscan, spacing.depth, spacing.column)
    ]
    return np.array(
        [
            *(np.quantile(pixels, QUANTILES) / 255),
            float(np.median(contrast[dark])),
            float(np.median(contrast[~dark])) if not dark.all() else 0.0,
            *grain,
            *sampling,
        ],
        dtype=np.float64,
    )


def _middle(side: int) -> slice:
    """The middle of an axis, or the whole axis unless it is unusually long."""
    start = max(0, side - _MOST_SIDE) // 2
    return slice(start, min(side, start + _MOST_SIDE))


def _texture(
    pixels: NDArray[np.uint8],
) -> tuple[NDArray[np.float32], NDArray[np.float32], list[float]]:
    """Local mean and contrast of each pixel [S, H, W], and the grain of all B-scans together.

    One B-scan is processed at a time, so that only two arrays of real numbers are held.
    """
    mean = np.empty(pixels.shape, np.float32)
    contrast = np.empty(pixels.shape, np.float32)
    shifts = [(axis, lag) for axis in (0, 1) for lag in (1, 2)]
    products, power = np.zeros(len(shifts)), 0.0
    for index, bscan in enumerate(pixels):
        shown = bscan.astype(np.float32) / 255
        mean[index] = uniform_filter(shown, _WINDOW)
        residual = shown - mean[index]
        deviation = np.sqrt(np.maximum(uniform_filter(residual**2, _WINDOW), 0))
        contrast[index] = deviation / np.maximum(mean[index], 1 / 255)
        products += [_product(residual, axis, lag) for axis, lag in shifts]
        power += float((residual**2).mean())
    grain = products / power if power > 0 else products * 0
    return mean, contrast, grain.tolist()


def _product(residual: NDArray[np.float32], axis: int, lag: int) -> float:
    """Mean product of a B-scan and its copy shifted by some pixels; 0 if it is too small."""
    length = residual.shape[axis]
    if length <= lag:
        return 0.0
    ahead = residual.take(range(lag, length), axis)
    behind = residual.take(range(length - lag), axis)
    return float((ahead * behind).mean())
