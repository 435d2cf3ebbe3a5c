"""Stored samples of any type to the 8 bits a person is shown."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

PERCENTILES = (0.1, 99.9)
_SAMPLES = 500_000
_LARGEST = 1e30  # beyond lie the markers that scanners write where there was no signal


def to_bytes(bscans: NDArray[Any]) -> NDArray[np.uint8]:
    """Scale a volume to 8 bits, one B-scan at a time.

    Parameters
    ----------
    bscans : integer or real array [S, H, W]
        Linear in what is shown.

    Returns
    -------
    uint8 array [S, H, W]
        uint8 comes back as it is. All else is scaled linearly so that the percentiles 0.1 and
        99.9 of the volume become 0 and 255; a few hot samples do not darken a scan. Samples that
        are no number are 0.
    """
    if bscans.dtype == np.uint8:
        return bscans
    low, high = _range(bscans)
    shown = np.zeros(bscans.shape, np.uint8)
    if not high > low:
        return shown
    for frame, target in zip(bscans, shown, strict=True):
        # double precision: the difference of two floats may overflow their own type
        scaled = (frame.astype(np.float64) - low) * (255 / (high - low))
        valid = np.isfinite(scaled) & (np.abs(frame) < _LARGEST)
        target[valid] = np.rint(np.clip(scaled[valid], 0, 255)).astype(np.uint8)
    return shown


def _range(bscans: NDArray[Any]) -> tuple[float, float]:
    """Percentiles over an even subset of the samples; the extremes where they coincide."""
    step = max(1, bscans.size // _SAMPLES)
    # odd, so that the subset does not stay in the same columns
    sample = bscans.reshape(-1)[:: step + (step > 1 and step % 2 == 0)].astype(np.float64)
    sample = sample[np.isfinite(sample) & (np.abs(sample) < _LARGEST)]
    if not sample.size:
        return 0.0, 0.0
    low, high = np.percentile(sample, PERCENTILES)
    return (float(low), float(high)) if high > low else (float(sample.min()), float(sample.max()))
