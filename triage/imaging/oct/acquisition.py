"""How a volume was taken, told by its pixels and its scale: what differs between devices.

A handful of numbers that know grain, contrast, tone and sampling, and little of the disease. They
say whether a scan is of the kind a system was trained on, whatever its header claims.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from triage.imaging.oct.volume import OctVolume

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
MOST_BSCANS = 12
"""B-scans looked at, evenly spaced: neighbours say the same."""
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
    pixels = volume.bscans[chosen].astype(np.float32) / 255
    window = (1, _WINDOW, _WINDOW)
    mean = uniform_filter(pixels, window)
    residual = pixels - mean
    deviation = np.sqrt(np.maximum(uniform_filter(residual**2, window), 0))
    contrast = deviation / np.maximum(mean, 1 / 255)
    dark = mean <= np.median(mean)
    grain = [_correlation(residual, axis, lag) for axis in (1, 2) for lag in (1, 2)]
    spacing = volume.spacing
    sampling = [
        np.log(step) if step is not None else 0.0
        for step in (spacing.bscan, spacing.depth, spacing.column)
    ]
    return np.array(
        [
            *np.quantile(pixels, QUANTILES),
            float(np.median(contrast[dark])),
            float(np.median(contrast[~dark])) if not dark.all() else 0.0,
            *grain,
            *sampling,
        ],
        dtype=np.float64,
    )


def _correlation(residual: NDArray[np.float32], axis: int, lag: int) -> float:
    """Correlation of an image with itself moved by some pixels; 0 where it is flat."""
    length = residual.shape[axis]
    if length <= lag:
        return 0.0
    ahead = residual.take(range(lag, length), axis)
    behind = residual.take(range(length - lag), axis)
    power = float((residual**2).mean())
    return float((ahead * behind).mean()) / power if power > 0 else 0.0
