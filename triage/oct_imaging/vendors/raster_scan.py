"""B-scans as lines on the retina: check for a raster, and spacing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.errors import ImageRejected
from triage.oct_imaging.vendors.source import unsupported

# Lines of one raster are parallel; a star's are turned against each other by 180 degrees / S.
_MAX_TURN = np.deg2rad(2.0)
_FARTHEST = 1e6  # mm or degrees: beyond, a number is damage


def star_scan() -> ImageRejected:
    """Return the refusal of a radial or cross scan, whose B-scans are not parallel."""
    return unsupported(
        "The B-scans cross each other (a star or cross scan), so they are no volume.",
        "Export a raster (volume) scan of the eye.",
    )


def raster_lines(lines: NDArray[np.floating]) -> NDArray[np.floating] | None:
    """Check that lines are those of a raster.

    Parameters
    ----------
    lines : float array [S, 2, 2]
        Start and end of each B-scan as (x, y), in any unit.

    Returns
    -------
    float array [S, 2, 2] or None
        The lines; None if one of them has no length or an end that is not a number.

    Raises
    ------
    ImageRejected
        With `RejectReason.UNSUPPORTED_ENCODING` if they are turned against each other.
    """
    along = _directions(lines)
    if along is None:
        return None
    turn = np.abs(along[:, 0] * along[0, 1] - along[:, 1] * along[0, 0])
    if turn.max() > np.sin(_MAX_TURN):
        raise star_scan()
    return lines


def line_spacing(lines: NDArray[np.floating]) -> float | None:
    """Distance between neighbouring B-scans by their positions.

    Parameters
    ----------
    lines : float array [S, 2, 2]
        Start and end of each B-scan as (x, y).

    Returns
    -------
    float or None
        In the unit of the lines; None for fewer than two lines, for lines without length, and
        where the gaps differ by more than a tenth and two thousandths (files round to one).
    """
    along = _directions(lines)
    if along is None or len(lines) < 2:
        return None
    across = np.array([-along[0, 1], along[0, 0]])
    gaps = np.diff(np.sort(lines.mean(axis=1) @ across))
    if np.abs(gaps - gaps.mean()).max() > 0.1 * gaps.mean() + 0.002:
        return None
    return float(gaps.mean())


def _directions(lines: NDArray[np.floating]) -> NDArray[np.float64] | None:
    """Unit vectors along the lines [S, 2]; None if one has no length or an invalid end."""
    # written so that NaN fails
    if not (np.abs(lines) < _FARTHEST).all():
        return None
    along = np.asarray(lines[:, 1] - lines[:, 0], np.float64)
    length = np.hypot(along[:, 0], along[:, 1])
    if not (length > 1 / _FARTHEST).all():
        return None
    return np.asarray(along / length[:, None])
