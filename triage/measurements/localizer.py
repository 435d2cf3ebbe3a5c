"""Positions of B-scans and columns on the localizer, and the inverse."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from triage.errors import UsageError
from triage.oct_imaging.volume import OctVolume

Lines = NDArray[np.float32]
MAX_RESIDUAL = 2.0
"""Pixels by which lines may miss a regular raster."""


def superior_first(lines: Lines) -> bool | None:
    """Whether the first B-scan lies above the last, taking the localizer as upright.

    Parameters
    ----------
    lines : float32 array [S, 2, 2]
        Start and end of each B-scan as (x, y) in pixels; y grows downwards.

    Returns
    -------
    bool, or None if the lines do not determine it: one B-scan, or upright lines.
    """
    middles = lines.mean(axis=1)
    down = float(middles[-1, 1] - middles[0, 1])
    across = float(abs(middles[-1, 0] - middles[0, 0]))
    return down > 0 if abs(down) > across else None


def begins_above(volume: OctVolume) -> bool:
    """Whether the first B-scan is the uppermost; assumed where the volume does not state it."""
    lines = volume.localizer.lines if volume.localizer else None
    return lines is None or superior_first(lines) is not False


def position(lines: Lines, bscan: int, column: float, width: int) -> tuple[float, float]:
    """Place of a column of a B-scan on the localizer, (x, y) in pixels.

    Parameters
    ----------
    lines : float32 array [S, 2, 2]
    bscan : int
    column : float
        0 to width - 1: the first column lies at the line's start, the last at its end.
    width : int
        Columns of a B-scan.
    """
    start, end = lines[bscan].astype(np.float64)
    x, y = start + (end - start) * (column / max(width - 1, 1))
    return float(x), float(y)


def locate(lines: Lines, width: int, x: float, y: float) -> tuple[int, int] | None:
    """B-scan and column nearest to a place on the localizer, None outside the scan.

    Parameters
    ----------
    lines : float32 array [S, 2, 2]
        Of a raster scan.
    width : int
    x, y : float
        In pixels.

    Raises
    ------
    UsageError
        If the lines are not those of a raster scan.
    """
    bscan, column = _raster(lines, width)[:, :2] @ (x, y) + _raster(lines, width)[:, 2]
    if not (-0.5 <= bscan <= len(lines) - 0.5 and -0.5 <= column <= width - 0.5):
        return None
    return min(max(round(bscan), 0), len(lines) - 1), min(max(round(column), 0), width - 1)


def on_localizer(
    values: NDArray[np.float32], lines: Lines, shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Draw an en-face map over the localizer, by linear interpolation.

    Parameters
    ----------
    values : float32 array [S, W]
        Such as a thickness map; NaN where unknown.
    lines : float32 array [S, 2, 2]
    shape : (h, w)
        Of the localizer.

    Returns
    -------
    float32 array [h, w]
        NaN outside the scan and where unknown.

    Raises
    ------
    UsageError
        If the lines are not those of a raster scan.
    """
    inverse = _raster(lines, values.shape[1])
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float64)
    places = np.tensordot(inverse[:, :2], np.stack([x, y]), axes=1) + inverse[:, 2, None, None]
    drawn = map_coordinates(
        values.astype(np.float32), places, order=1, mode="constant", cval=np.nan
    )
    return np.asarray(drawn, dtype=np.float32)


def _raster(lines: Lines, width: int) -> NDArray[np.float64]:
    """Affine map [2, 3] from (x, y, 1) to (B-scan, column), by least squares over the ends."""
    count = len(lines)
    ends = lines.reshape(-1, 2).astype(np.float64)
    index = np.stack(
        [np.repeat(np.arange(count), 2), np.tile([0.0, width - 1.0], count), np.ones(2 * count)],
        axis=1,
    )
    forward, _, rank, _ = np.linalg.lstsq(index, ends, rcond=None)
    if rank < 3 or np.abs(index @ forward - ends).max() > MAX_RESIDUAL:
        raise UsageError("the B-scans do not lie on a regular raster of parallel lines")
    matrix = np.vstack([forward.T, [0.0, 0.0, 1.0]])
    if abs(np.linalg.det(matrix)) < 1e-12:
        raise UsageError("the B-scans lie on one line of the localizer")
    return np.asarray(np.linalg.inv(matrix)[:2])
