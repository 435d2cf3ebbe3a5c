"""Signal quality of each B-scan, and whether a scan can be graded at all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.ndimage import uniform_filter1d

from triage.measurements.columns import column_counts
from triage.measurements.thickness import clipped_columns
from triage.vocabulary.tissues import Tissue

GREY_FLOOR = 40.0
"""Grey levels of contrast that are worth half, whatever the noise (our default)."""
_CELLS_DOWN, _CELLS_ACROSS = 16, 8
_ONE_SD_ABOVE = 0.8413


class GradingLimits(BaseModel):
    """Limits beyond which a scan cannot be graded; shares from 0 to 1, all our default.

    Parameters
    ----------
    signal : float
        A B-scan below this signal quality is lost.
    artefact : float
        A B-scan is lost when an artefact takes this share of its columns; clipping counts
        where it reaches the retina.
    no_retina : float
        And when this share of its columns shows no retina.
    lost_bscans : float
        A scan that lost this share of its B-scans is ungradable.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    signal: float = Field(default=0.42, ge=0, le=1)
    artefact: float = Field(default=0.5, ge=0, le=1)
    no_retina: float = Field(default=0.7, ge=0, le=1)
    lost_bscans: float = Field(default=0.5, gt=0, le=1)


def bscan_signal(bscans: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Signal quality of each B-scan, 0 to 1 (our own definition).

    c / (c + n + 40): c is how much brighter, in grey levels, the brightest band of rows is than
    the background (the darkest quarter of the rows), and n the standard deviation of the
    background's noise. Both are the median of strips an eighth of the B-scan wide, so that
    neither a shadow nor a blank wedge decides. It grades contrast, not whether what is seen is
    a retina. With the default limit, 59 of 60 ungradable phantoms of both devices were called
    so and none of 290 others (true tissue maps, seeds not used to choose the numbers).

    Parameters
    ----------
    bscans : uint8 array [S, H, W]

    Returns
    -------
    float32 array [S]
    """
    return np.array([_signal(bscan) for bscan in bscans], dtype=np.float32)


def _signal(bscan: NDArray[np.uint8]) -> float:
    height, width = bscan.shape
    strips = np.array_split(bscan, min(_CELLS_ACROSS, width), axis=1)
    profiles = np.stack([strip.mean(axis=1, dtype=np.float32) for strip in strips], axis=1)
    rows = max(1, height // _CELLS_DOWN)
    smooth = uniform_filter1d(profiles, rows, axis=0)
    background = np.quantile(smooth, 0.25, axis=0)
    dark = (smooth <= background).T
    noise = float(np.median([_noise(one[where]) for one, where in zip(strips, dark, strict=True)]))
    # the brightest of many averages of noise alone is some standard errors above the background
    chance = 3.0 * noise / np.sqrt(rows * width / len(strips))
    contrast = max(float(np.median(smooth.max(axis=0) - background)) - chance, 0.0)
    return float(contrast / (contrast + noise + GREY_FLOOR))


def _noise(background: NDArray[np.uint8]) -> float:
    """Standard deviation by quantiles: from the median up, for half may be cut off at black."""
    ordered = np.sort(background, axis=None)  # of bytes; ten times as fast as np.quantile
    last = len(ordered) - 1
    middle, above = np.interp([0.5 * last, _ONE_SD_ABOVE * last], np.arange(last + 1), ordered)
    return float(above - middle)


def ungradable(
    signal: NDArray[np.float32],
    tissue: NDArray[np.uint8],
    limits: GradingLimits | None = None,
) -> str:
    """Return the reason, in one sentence, why a scan cannot be graded; '' if there is none.

    Parameters
    ----------
    signal : float32 array [S]
        Of `bscan_signal`.
    tissue : uint8 array [S, H, W]
        The tissue map of the same B-scans.
    limits : GradingLimits, optional
    """
    limits = limits or GradingLimits()
    counts = column_counts(tissue)
    height = tissue.shape[1]
    lost = {
        "have too little signal": signal < limits.signal,
        "were lost to a blink": _share(counts[:, Tissue.BLINK_ARTEFACT] > height / 2)
        >= limits.artefact,
        "are clipped": _share(clipped_columns(counts)) >= limits.artefact,
        "are overlaid by a mirror artefact": _share(counts[:, Tissue.MIRROR_ARTEFACT] > 0)
        >= limits.artefact,
        "show no retina": _share(counts[:, Tissue.NEUROSENSORY_RETINA] == 0) >= limits.no_retina,
    }
    n_lost = int(np.logical_or.reduce(list(lost.values())).sum())
    if n_lost < limits.lost_bscans * len(signal):
        return ""
    worst = sorted(
        ((int(where.sum()), what) for what, where in lost.items() if where.any()), reverse=True
    )
    listed = ", ".join(f"{count} {what}" for count, what in worst)
    return f"{n_lost} of {len(signal)} B-scans cannot be judged: {listed}."


def _share(columns: NDArray[np.bool_]) -> NDArray[np.float64]:
    share: NDArray[np.float64] = columns.mean(axis=-1)
    return share
