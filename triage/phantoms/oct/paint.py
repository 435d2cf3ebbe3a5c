"""Voxels from surfaces: the tissue map, and the noise-free brightness of each voxel.

Both are computed from one stack of surfaces, by writing the change at each surface and summing down
the rows. A voxel is of the tissue at its centre; its brightness is the mean over its height, so
that the position of surfaces between two rows is visible.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from triage.phantoms.oct.grid import Grid
from triage.phantoms.oct.lesions import Cyst, Field
from triage.phantoms.oct.reflectivity import CYST, Part
from triage.vocabulary.tissues import Tissue

Voxels = NDArray[np.uint8]
Levels = NDArray[np.float32]


class Painted(NamedTuple):
    """Tissue map uint8 [S, H, W] and brightness float32 [S, H, W], 0 to about 1."""

    tissue: Voxels
    level: Levels


def paint(stack: list[Part], rows: dict[str, Field], height: int) -> Painted:
    """Render a stack of parts, each from its upper surface to the next one's.

    Parameters
    ----------
    stack : list of Part
        From the vitreous down; the first has no upper surface.
    rows : dict of float32 array [S, W]
        Upper surfaces in rows; a voxel's centre is at its row's number.
    height : int
        Rows to paint.
    """
    count, width = rows[stack[1].name].shape
    # Two rows more take what lies below the last one.
    tissue = np.zeros((count, height + 2, width), np.uint8)
    level = np.zeros((count, height + 2, width), np.float32)
    start = (np.arange(count) * (height + 2) * width)[:, None] + np.arange(width)[None, :]
    tissue[:, 0] = stack[0].tissue
    level[:, 0] = stack[0].level
    for above, part in pairwise(stack):
        row = np.clip(rows[part.name], -0.5, height)
        change = np.subtract(part.tissue, above.tissue, dtype=np.uint8, casting="unsafe")
        first = np.ceil(row).astype(np.intp)
        tissue.reshape(-1)[start + first * width] += change
        cut = row + np.float32(0.5)
        first = cut.astype(np.intp)
        share = first + 1 - cut
        step = np.broadcast_to(np.asarray(part.level - above.level, np.float32), row.shape)
        flat, place = level.reshape(-1), start + first * width
        flat[place] += step * share
        flat[place + width] += step * (1 - share)
    for line in range(1, height):
        tissue[:, line] += tissue[:, line - 1]
        level[:, line] += level[:, line - 1]
    return Painted(tissue[:, :height], level[:, :height])


def paint_cysts(
    painted: Painted, cysts: tuple[Cyst, ...], grid: Grid, rows: dict[str, Field]
) -> None:
    """Fill cysts with fluid, where there is retina, in place."""
    inner, outer = rows["nfl"], rows["subretinal_fluid"]
    height = painted.tissue.shape[1]
    for cyst in cysts:
        radius_x, radius_y = max(cyst.radius_x, grid.least[0]), max(cyst.radius_y, grid.least[1])
        inside = 1 - ((grid.u - cyst.x) / radius_x) ** 2 - ((grid.v - cyst.y) / radius_y) ** 2
        scans, columns = np.nonzero(inside > 0)
        if not len(scans):
            continue
        box = slice(scans.min(), scans.max() + 1), slice(columns.min(), columns.max() + 1)
        half = cyst.radius_z / grid.spacing[1] * np.sqrt(np.maximum(inside[box], 0))
        centre = inner[box] + cyst.depth * (outer[box] - inner[box])
        first, last = centre - half, centre + half
        low, high = max(int(first.min()), 0), min(int(last.max()) + 2, height)
        line = np.arange(low, high, dtype=np.float32)[None, :, None]
        part = box[0], slice(low, high), box[1]
        fluid = (line >= first[:, None]) & (line < last[:, None])
        fluid &= painted.tissue[part] == Tissue.NEUROSENSORY_RETINA
        painted.tissue[part][fluid] = Tissue.INTRARETINAL_FLUID
        painted.level[part][fluid] = CYST


def surfaces_of(rows: dict[str, Field]) -> dict[str, Field]:
    """Return surfaces by the names of segmentation: upper edges in rows, float32 [S, W].

    `outer_retina` is the lower edge of the neurosensory retina: above the RPE where fluid or
    material lies between. Where the RPE is lost, `rpe` lies on Bruch's membrane.
    """
    return {
        "ilm": rows["nfl"],
        "nfl_gcl": rows["gcl"],
        "ipl_inl": rows["inl"],
        "inl_opl": rows["opl"],
        "opl_onl": rows["onl"],
        "ez": rows["ez"],
        "outer_retina": rows["subretinal_fluid"],
        "rpe": rows["rpe"],
        "bruch": rows["bruch"],
        "choroid": rows["sclera"],
    }
