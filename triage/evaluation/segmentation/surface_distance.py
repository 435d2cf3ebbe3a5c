"""Distance between the surfaces of two masks.

The surface of a mask is the voxels of it that touch, by a face, a voxel that is not of it or the
edge of the volume. The definitions are those of Heimann et al. 2009 (average symmetric surface
distance) and of the 95 % Hausdorff distance as the larger of both directed 95 % quantiles.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, find_objects
from scipy.spatial import cKDTree

Mask = NDArray[np.bool_]
UM = 1000.0


class SurfaceDistance(NamedTuple):
    """Distances in um; NaN where either mask is empty.

    Parameters
    ----------
    average : float
        Mean over the voxels of both surfaces of the distance to the other surface.
    hausdorff95 : float
        The larger of the 95 % quantiles of the distances from either surface.
    """

    average: float
    hausdorff95: float


def surface_distance(
    truth: Mask, predicted: Mask, spacing: tuple[float, float, float]
) -> SurfaceDistance:
    """Distance between the surfaces of two masks.

    Parameters
    ----------
    truth, predicted : bool array [S, H, W]
    spacing : (bscan, depth, column)
        mm.
    """
    if not (truth.any() and predicted.any()):
        return SurfaceDistance(float("nan"), float("nan"))
    first = _surface(truth) * np.array(spacing)
    second = _surface(predicted) * np.array(spacing)
    to_second, _ = cKDTree(second).query(first)
    to_first, _ = cKDTree(first).query(second)
    average = (to_second.sum() + to_first.sum()) / (len(first) + len(second))
    extreme = max(np.quantile(to_second, 0.95), np.quantile(to_first, 0.95))
    return SurfaceDistance(UM * float(average), UM * float(extreme))


def _surface(mask: Mask) -> NDArray[np.int64]:
    """Indices of the surface's voxels, int [n, 3]."""
    box = find_objects(mask.astype(np.uint8))[0]
    inner = mask[box]
    places = np.argwhere(inner & ~binary_erosion(inner))
    surface: NDArray[np.int64] = places + np.array([part.start for part in box])
    return surface
