"""Smooth random fields on a square grid, and sampling of maps under a similarity."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

FloatMap = NDArray[np.float32]

_SPLINE_POWER = 151 / 315
"""Mean over a cell of the sum of squared cubic B-spline weights."""


@lru_cache(maxsize=64)
def _spline_basis(size: int, cells: int) -> FloatMap:
    """Return the uniform cubic B-spline basis at pixel centres, float32 [size, cells + 3]."""
    position = (np.arange(size) + 0.5) / size * cells
    cell = np.floor(position).astype(int)
    t = position - cell
    weights = np.stack(
        [
            (1 - t) ** 3,
            3 * t**3 - 6 * t**2 + 4,
            -3 * t**3 + 3 * t**2 + 3 * t + 1,
            t**3,
        ],
        axis=1,
    )
    basis = np.zeros((size, cells + 3), np.float32)
    np.put_along_axis(basis, cell[:, None] + np.arange(4), (weights / 6).astype(np.float32), 1)
    return basis


def smooth_field(rng: np.random.Generator, size: int, cells: int) -> FloatMap:
    """Draw a smooth field of about unit variance: a cubic B-spline over random knots.

    Parameters
    ----------
    rng : numpy.random.Generator
    size : int
        Side in pixels.
    cells : int
        Knot intervals along a side; a feature is about ``size / cells`` pixels wide.

    Returns
    -------
    ndarray, float32 [size, size]
    """
    cells = min(cells, size)
    knots = rng.standard_normal((cells + 3, cells + 3), dtype=np.float32)
    basis = _spline_basis(size, cells)
    field = basis @ knots @ basis.T / np.float32(_SPLINE_POWER)
    return np.asarray(field, np.float32)


@lru_cache(maxsize=8)
def grid(size: int) -> tuple[FloatMap, FloatMap]:
    """Return x and y of the pixel centres in image widths, -0.5 to 0.5, float32 [size, size]."""
    axis = ((np.arange(size) + 0.5) / size - 0.5).astype(np.float32)
    x, y = np.meshgrid(axis, axis)
    x.setflags(write=False)
    y.setflags(write=False)
    return x, y


def smoothstep(value: NDArray[np.floating]) -> FloatMap:
    """Return the cubic step that is 0 below 0, 1 above 1 and smooth between."""
    t = np.clip(value, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def sample(maps: FloatMap, x: FloatMap, y: FloatMap) -> FloatMap:
    """Sample maps at given places, bilinearly; beyond the border the border's value holds.

    Parameters
    ----------
    maps : ndarray, float32 [size, size, channels]
    x, y : ndarray, float32 [...]
        Places in widths of the maps, -0.5 to 0.5.

    Returns
    -------
    ndarray, float32 [..., channels]
    """
    size = maps.shape[0]
    column = np.clip((x + np.float32(0.5)) * size - np.float32(0.5), 0, size - 1.001)
    row = np.clip((y + np.float32(0.5)) * size - np.float32(0.5), 0, size - 1.001)
    left = column.astype(np.intp)
    top = row.astype(np.intp)
    across = (column - left)[..., None].astype(np.float32)
    down = (row - top)[..., None].astype(np.float32)
    flat = maps.reshape(size * size, -1)
    corner = top * size + left
    upper = flat[corner] * (1 - across) + flat[corner + 1] * across
    lower = flat[corner + size] * (1 - across) + flat[corner + size + 1] * across
    return np.asarray(upper * (1 - down) + lower * down, np.float32)
