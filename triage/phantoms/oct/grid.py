"""Voxel positions of a volume, and smooth random fields over them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from triage.phantoms.oct.artefacts import Artefacts
from triage.phantoms.oct.devices import PhantomDevice, Size
from triage.phantoms.oct.lesions import Field


@dataclass(frozen=True, eq=False)
class Grid:
    """Positions of the A-scans of one scan.

    Parameters
    ----------
    size : tuple of int
        B-scans, rows, columns.
    spacing : tuple of float
        mm between B-scans, rows, columns.
    x, y : float32 array [S, W]
        mm from the middle of the field along and across the B-scans, as the eye lay.
    u, v : float32 array [S, W]
        mm from the fovea, `u` positive towards the nose.
    shift : float32 array [S, 1]
        mm of depth by which the eye moved between B-scans.
    """

    size: Size
    spacing: tuple[float, float, float]
    x: Field
    y: Field
    u: Field
    v: Field
    shift: Field

    @property
    def least(self) -> tuple[float, float]:
        """Radii (x, y) in mm below which a lesion could fall between A-scans or B-scans."""
        return 0.75 * self.spacing[2], 0.75 * self.spacing[0]


def grid_of(
    rng: np.random.Generator,
    size: Size,
    device: PhantomDevice,
    artefacts: Artefacts,
    nasal: int,
) -> Grid:
    """Place a grid over a device's field, moved by the eye's movement.

    Parameters
    ----------
    rng : Generator
    size : tuple of int
    device : PhantomDevice
    artefacts : Artefacts
    nasal : int
        1 where the nose is at the last column (right eyes), -1 where at the first.
    """
    count, _, width = size
    bscan, depth, column = (
        extent / number for extent, number in zip(device.field, size, strict=True)
    )
    moved_x = artefacts.motion_x * rng.standard_normal((count, 1))
    moved_z = artefacts.motion_z * rng.standard_normal((count, 1))
    x = (np.arange(width) - (width - 1) / 2)[None, :] * column + moved_x
    y = (np.arange(count) - (count - 1) / 2)[:, None] * bscan + np.zeros((1, width))
    u, v = nasal * (x - artefacts.fovea_x), y - artefacts.fovea_y
    maps = (each.astype(np.float32) for each in (x, y, u, v, moved_z))
    return Grid(size, (bscan, depth, column), *maps)


def smooth_field(
    rng: np.random.Generator, shape: tuple[int, ...], cells: tuple[float, ...]
) -> NDArray[np.float32]:
    """Return a random field of about unit variance that changes over the given lengths.

    Parameters
    ----------
    rng : Generator
    shape : tuple of int
    cells : tuple of float
        Samples along each axis over which the field changes; 1 for independent samples.
    """
    knots = [
        int(np.ceil(length / cell)) + 1 if cell > 1 else length
        for length, cell in zip(shape, cells, strict=True)
    ]
    field = rng.standard_normal(knots, dtype=np.float32)
    for axis, (length, count) in enumerate(zip(shape, knots, strict=True)):
        if length != count:
            weights = _interpolation(length, count)
            # matmul works on the last axis but one
            moved = np.moveaxis(field, axis, -2) if axis < field.ndim - 1 else field[..., None]
            moved = weights @ moved
            field = np.moveaxis(moved, -2, axis) if axis < field.ndim - 1 else moved[..., 0]
    return np.ascontiguousarray(field)


@lru_cache(maxsize=64)
def _interpolation(length: int, knots: int) -> NDArray[np.float32]:
    """Matrix [length, knots] that interpolates smoothly and keeps unit variance."""
    place = np.linspace(0, knots - 1, length)
    left = np.minimum(place.astype(int), knots - 2)
    share = place - left
    share = share * share * (3 - 2 * share)
    matrix = np.zeros((length, knots), np.float32)
    rows = np.arange(length)
    norm = np.sqrt(share**2 + (1 - share) ** 2)
    matrix[rows, left] = (1 - share) / norm
    matrix[rows, left + 1] = share / norm
    return matrix
