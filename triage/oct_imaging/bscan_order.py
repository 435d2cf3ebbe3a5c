"""Order of B-scans by their positions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_PARALLEL = 0.1  # sine of the largest angle between two lines of one raster
_ROUNDING = 1e-9
_COARSE = 8  # pixels between neighbours, below which rounding to whole ones may look like a gap
_SLACK = 0.1  # of the usual step: eye movements and rounding move neighbours that little


def parallel(positions: NDArray[np.floating]) -> bool:
    """Return whether B-scans form a raster, not a star or a circle.

    Parameters
    ----------
    positions : float array [S, 2, 2]
        Start and end of each as (x, y).
    """
    along = positions[:, 1] - positions[:, 0]
    length = np.linalg.norm(along, axis=1)
    if not np.isfinite(positions).all() or not (length > 0).all():
        return False
    along = along / length[:, None]
    sine = along[:, 0] * along[0, 1] - along[:, 1] * along[0, 0]
    return bool((np.abs(sine) < _PARALLEL).all())


def distances_across(positions: NDArray[np.floating]) -> NDArray[np.float64] | None:
    """Return the positions of B-scans across their raster, None if they are unknown.

    Parameters
    ----------
    positions : float array [S, 2, 2]
        Start and end of each as (x, y), in any unit.

    Returns
    -------
    float array [S] or None
        None for fewer than two B-scans, for no raster, and for B-scans on one line.
    """
    if len(positions) < 2 or not parallel(positions):
        return None
    along = (positions[:, 1] - positions[:, 0])[0]
    middle = positions.mean(axis=1)
    across = (middle @ np.array([-along[1], along[0]])) / np.linalg.norm(along)
    if not np.ptp(across) > _ROUNDING * max(1.0, float(np.abs(across).max())):
        return None
    return np.asarray(across, np.float64)


def leaves_out(positions: NDArray[np.floating]) -> bool:
    """Return whether otherwise evenly spaced B-scans have gaps.

    Parameters
    ----------
    positions : float array [S, 2, 2]
        Start and end of each as (x, y), in any unit.
    """
    across = distances_across(positions)
    if across is None or len(across) < 3:
        return False
    steps = np.diff(np.sort(across))
    usual = float(np.sort(steps)[(len(steps) - 1) // 2])
    if not usual > 0:
        return False
    if usual < _COARSE and (np.abs(across - np.rint(across)) < 1e-6).all():
        return False  # whole pixels: rounding alone makes steps of one and of two
    steps = steps / usual
    whole = np.rint(steps)
    return bool((np.abs(steps - whole) <= _SLACK * whole).all() and (whole > 1).any())


def spatial_order(positions: NDArray[np.floating]) -> NDArray[np.intp] | None:
    """Return the order of B-scans across the raster, None if they are sorted already.

    Parameters
    ----------
    positions : float array [S, 2, 2]
        Start and end of each as (x, y), in any unit.

    Returns
    -------
    int array [S] or None
        Indices in the direction most of the present order runs. None too where the B-scans are
        no raster, or lie on one line: then positions define no order.
    """
    across = distances_across(positions)
    if across is None:
        return None
    steps = np.diff(across)
    usual = float(np.median(np.diff(np.sort(across))))
    if not usual > _ROUNDING * max(1.0, float(np.abs(across).max())):
        return None
    if (steps > -_SLACK * usual).all() or (steps < _SLACK * usual).all():
        return None
    forward = 1.0 if np.count_nonzero(steps > 0) >= len(steps) / 2 else -1.0
    return np.argsort(forward * across, kind="stable")
