"""Noise statistics of a scan, for comparison of phantoms with real volumes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, uniform_filter1d

_WINDOW = 9
_QUANTILES = (25, 50, 75, 95, 99)


def noise_statistics(bscans: NDArray[np.uint8]) -> dict[str, float]:
    """Measure speckle, its grain, the tone and the fall of the signal with depth.

    Vitreous and inner retina are found by brightness alone, so that real volumes and phantoms
    are measured in the same way. Speckle in tissue is the remainder of each sample after the mean
    of nine neighbouring columns, relative to that mean: layers run along the columns.

    Parameters
    ----------
    bscans : uint8 array [S, H, W]
        At least 64 rows; black wedges without data do not count as vitreous.

    Returns
    -------
    dict of float
        ``vitreous_mean`` (grey), ``vitreous_contrast`` and ``tissue_contrast`` (standard
        deviation over mean), ``vitreous_lag_row``, ``vitreous_lag_column``, ``tissue_lag_row``,
        ``tissue_lag_column`` (correlation of neighbours), ``deep_mean`` (grey of the last tenth
        of the rows), ``tissue_mean``, and ``quantile_25`` to ``quantile_99`` of all grey.
    """
    grey = bscans.astype(np.float32)
    height = grey.shape[1]
    smooth = gaussian_filter1d(gaussian_filter1d(grey, 2, axis=1), 4, axis=2)
    dark, light = np.percentile(smooth, (5, 98))
    bright = smooth > dark + 0.42 * (light - dark)
    first = np.where(bright.any(1), bright.argmax(1), 0)
    rows = np.arange(height)[None, :, None]
    above = rows < first[:, None] - 0.06 * height
    bright &= (rows >= first[:, None]) & (rows < first[:, None] + 0.12 * height)
    data = uniform_filter1d(uniform_filter1d(grey, _WINDOW, axis=1), _WINDOW, axis=2) > 1
    vitreous = above & data
    mean = uniform_filter1d(grey, _WINDOW, axis=2)
    residual = grey - mean
    tissue_mean = float(grey[bright].mean())
    floor = grey[vitreous]
    vitreous_mean = float(floor.mean()) if floor.size else float("nan")
    centred = grey - vitreous_mean
    statistics = {
        "vitreous_mean": vitreous_mean,
        "vitreous_contrast": float(floor.std()) / vitreous_mean if floor.size else float("nan"),
        "tissue_mean": tissue_mean,
        "tissue_contrast": float((residual[bright] / mean[bright]).std()),
        "vitreous_lag_row": _lag(centred, vitreous, 1),
        "vitreous_lag_column": _lag(centred, vitreous, 2),
        "tissue_lag_row": _lag(residual, bright, 1),
        "tissue_lag_column": _lag(residual, bright, 2),
        "deep_mean": float(grey[:, -height // 10 :].mean()),
    }
    for quantile in _QUANTILES:
        statistics[f"quantile_{quantile}"] = float(np.percentile(grey, quantile))
    return statistics


def _lag(values: NDArray[np.float32], where: NDArray[np.bool_], axis: int) -> float:
    """Correlation of neighbours along an axis, both within a region."""
    before, after = [slice(None)] * 3, [slice(None)] * 3
    before[axis], after[axis] = slice(None, -1), slice(1, None)
    both = where[tuple(before)] & where[tuple(after)]
    one, other = values[tuple(before)][both], values[tuple(after)][both]
    power = np.sqrt((one**2).mean() * (other**2).mean()) if one.size else 0.0
    return float((one * other).mean() / power) if power else float("nan")
