"""Volume of a tissue, and the area of RPE loss."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from triage.measurements.columns import Counts, voxels
from triage.measurements.thickness import SUBRETINAL, artefact_free
from triage.vocabulary.tissues import PIGMENT_EPITHELIAL_DETACHMENTS, Tissue

NANOLITRES = 1000.0
"""In one mm3, which is one microlitre."""
MIN_ATROPHY_DIAMETER = 0.25
"""mm; the smallest complete RPE atrophy of Sadda et al. 2018."""


def volume_mm3(
    counts: Counts,
    tissues: Collection[Tissue],
    spacing: tuple[float, float, float],
    where: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Volume of some tissues together.

    Parameters
    ----------
    counts : uint16 array [..., S, 15, W]
    tissues : collection of Tissue
    spacing : (bscan, depth, column)
        mm.
    where : bool array [S, W], optional
        Columns to measure in, such as those within 3 mm of the fovea.

    Returns
    -------
    float array [...]
        In mm3; times `NANOLITRES` in nl.
    """
    there = voxels(counts, tissues)
    if where is not None:
        there = there * where
    volume: NDArray[np.float64] = there.sum(axis=(-2, -1)) * float(np.prod(spacing))
    return volume


def atrophy_area(counts: Counts, bscan: float, column: float) -> NDArray[np.float64]:
    """Area of geographic atrophy: retina and choroid are present without RPE between them.

    Joined patches smaller than a disc of 250 um are left out. A deep shadow looks the same in
    a tissue map.

    Parameters
    ----------
    counts : uint16 array [..., S, 15, W]
    bscan, column : float
        mm between B-scans and between columns.

    Returns
    -------
    float array [...]
        In mm2.
    """
    covered = voxels(counts, (Tissue.RPE, *SUBRETINAL, *PIGMENT_EPITHELIAL_DETACHMENTS))
    seen = (counts[..., Tissue.NEUROSENSORY_RETINA, :] > 0) & (counts[..., Tissue.CHOROID, :] > 0)
    atrophic = artefact_free(counts) & seen & (covered == 0)
    smallest = np.pi / 4 * MIN_ATROPHY_DIAMETER**2 / (bscan * column)
    maps = atrophic.reshape(-1, *atrophic.shape[-2:])
    columns = np.array([_in_patches(one, smallest) for one in maps], dtype=np.float64)
    return columns.reshape(atrophic.shape[:-2]) * (bscan * column)


def _in_patches(there: NDArray[np.bool_], smallest: float) -> int:
    """Columns in joined patches of at least some number of columns."""
    patches, _ = label(there, structure=np.ones((3, 3)))
    sizes = np.bincount(patches.ravel())[1:]
    return int(sizes[sizes >= smallest].sum())
