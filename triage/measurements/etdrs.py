"""The ETDRS grid: nine fields around the fovea, and the mean of a map in each.

Circles of 1, 3 and 6 mm diameter, the two rings cut into quadrants at 45 degrees: Early
Treatment Diabetic Retinopathy Study Research Group 1991, report no. 10. Columns are taken to run
from left to right as the examiner sees the fundus, so nasal is right in a right eye. Without a
known eye the fields are called left and right, not guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from triage.measurements.macula import Point, radius

DIAMETERS = (1.0, 3.0, 6.0)
"""Of the circles, in mm."""
CENTRE = "central subfield"
MIN_COVERED = 0.5
"""A field of which less was measured has no mean (our default)."""

Eye = Literal["R", "L"]


@dataclass(frozen=True)
class Grid:
    """Columns of each field, and how large the whole field is.

    Parameters
    ----------
    fields : dict of bool array [S, W]
        By name, such as `inner nasal`.
    area : dict of float
        Of the whole field in mm2, also where the scan does not reach.
    column_area : float
        mm2 that one column covers.
    """

    fields: dict[str, NDArray[np.bool_]]
    area: dict[str, float]
    column_area: float

    @property
    def circle(self) -> NDArray[np.bool_]:
        """Columns within 6 mm, bool [S, W]."""
        covered: NDArray[np.bool_] = np.logical_or.reduce(list(self.fields.values()))
        return covered


def etdrs_grid(
    shape: tuple[int, ...],
    bscan: float,
    column: float,
    centre: Point,
    laterality: Eye | None,
    superior_first: bool = True,
) -> Grid:
    """Place the grid over an en-face map.

    Parameters
    ----------
    shape : (..., S, W)
    bscan, column : float
        mm between B-scans and between columns.
    centre : (B-scan, column)
        Of the fovea, as indices.
    laterality : 'R', 'L' or None
    superior_first : bool
        Whether the first B-scan is the uppermost; see `triage.measurements.localizer`. Some
        scanners, Spectralis among them, begin below.
    """
    distance = radius(shape, bscan, column, centre)
    below = (np.arange(shape[-2])[:, None] - centre[0]) * bscan
    if not superior_first:
        below = -below
    right = (np.arange(shape[-1])[None, :] - centre[1]) * column
    vertical = np.abs(below) > np.abs(right)
    sides = {None: ("left", "right"), "R": ("temporal", "nasal"), "L": ("nasal", "temporal")}
    quadrants = {
        "superior": vertical & (below < 0),
        "inferior": vertical & (below >= 0),
        sides[laterality][0]: ~vertical & (right < 0),
        sides[laterality][1]: ~vertical & (right >= 0),
    }
    inner, middle, outer = (diameter / 2 for diameter in DIAMETERS)
    fields = {CENTRE: distance <= inner}
    area = {CENTRE: np.pi * inner**2}
    for ring, low, high in (("inner", inner, middle), ("outer", middle, outer)):
        within = (distance > low) & (distance <= high)
        for name, quadrant in quadrants.items():
            fields[f"{ring} {name}"] = within & quadrant
            area[f"{ring} {name}"] = np.pi * (high**2 - low**2) / 4
    return Grid(fields, area, bscan * column)


def field_mean(
    values: NDArray[np.float32], where: NDArray[np.bool_], area: float, column_area: float
) -> tuple[float | None, float]:
    """Mean of a map over the measured columns of a field, and the share measured.

    Columns cover equal areas, so the plain mean is the area-weighted one.

    Parameters
    ----------
    values : float32 array [S, W]
        NaN where unknown.
    where : bool array [S, W]
        Columns of the field.
    area, column_area : float
        mm2 of the whole field and of a column.

    Returns
    -------
    (mean, covered)
        None where less than half the field was measured; covered is at most 1.
    """
    measured = values[where & np.isfinite(values)]
    covered = min(len(measured) * column_area / area, 1.0)
    if covered < MIN_COVERED or len(measured) == 0:
        return None, covered
    return float(measured.mean(dtype=np.float64)), covered
