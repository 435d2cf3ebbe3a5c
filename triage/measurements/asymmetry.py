"""Estimate of the eye from the thickness map: the retina is thicker on the side of the disc.

The nerve fibres of the papillomacular bundle run nasally, so the nasal part of the outer ETDRS ring
is thicker than the temporal one. The estimate is used for a flag only, never as a laterality:
disease can outweigh it, and so can a segmentation that loses the thick nerve fibres beside the
disc. On the three real volumes available (one healthy, two with AMD, measured by a crude edge
detector) it was right with a strength of 0.10 to 0.11; of 290 gradable phantoms, most of them
diseased, it named 254 and was wrong in 4.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from triage.measurements.etdrs import etdrs_grid, field_mean
from triage.measurements.macula import Point, middle

MIN_STRENGTH = 0.05
"""Below this relative difference no eye is returned (our default)."""


def likely_eye(
    thickness: NDArray[np.float32],
    spacing: tuple[float, float, float],
    centre: Point | None = None,
) -> tuple[Literal["R", "L"] | None, float]:
    """Estimate the eye from which side of the outer ring is thicker.

    Parameters
    ----------
    thickness : float32 array [S, W]
        Retinal thickness in um, columns from left to right as the examiner sees the fundus.
    spacing : (bscan, depth, column)
        mm.
    centre : (B-scan, column), optional
        The fovea; the middle of the scan if not given, which thickened retina cannot move.

    Returns
    -------
    (eye, strength)
        Strength is the difference of both sides over their mean, at least 0; eye is None
        where it is below 5 % or half of either side was not measured.
    """
    bscan, _, column = spacing
    place = centre or middle(thickness.shape)
    grid = etdrs_grid(thickness.shape, bscan, column, place, None)
    sides = [
        field_mean(thickness, grid.fields[name], grid.area[name], grid.column_area)[0]
        for name in ("outer left", "outer right")
    ]
    left, right = sides
    if left is None or right is None or left + right == 0:
        return None, 0.0
    strength = 2 * abs(right - left) / (right + left)
    if strength < MIN_STRENGTH:
        return None, strength
    return ("R" if right > left else "L"), strength
