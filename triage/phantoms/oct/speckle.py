"""Grey values from brightness: blur, choroidal vessels, speckle, and the device's tone curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.phantoms.oct.devices import PhantomDevice
from triage.phantoms.oct.grid import Grid, smooth_field
from triage.phantoms.oct.paint import Levels, Painted
from triage.vocabulary.tissues import Tissue

_VESSEL_MM = (0.045, 0.14)
"""Depth and width over which the choroid's brightness changes."""


def texture_choroid(painted: Painted, grid: Grid, rng: np.random.Generator) -> None:
    """Draw the choroid's vessels, in place."""
    cells = (
        1.0,
        max(_VESSEL_MM[0] / grid.spacing[1], 1.0),
        max(_VESSEL_MM[1] / grid.spacing[2], 1.0),
    )
    texture = smooth_field(rng, painted.level.shape, cells)
    np.clip(texture, -1.4, 2, out=texture)
    texture *= 0.3 * (painted.tissue == Tissue.CHOROID)
    texture += 1
    np.multiply(painted.level, texture, out=painted.level)


def develop(
    level: Levels, device: PhantomDevice, signal: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Convert brightness to the B-scans of a device.

    Parameters
    ----------
    level : float32 array [S, H, W]
        Changed in place.
    device : PhantomDevice
    signal : float
        Strength, 1 for a clear eye.
    rng : Generator

    Returns
    -------
    uint8 array [S, H, W]
    """
    height = level.shape[1]
    down = np.linspace(0, 1, height, dtype=np.float32)[None, :, None]
    level = _neighbours(level, 1, device.blur[0] / (1 - 2 * device.blur[0]))
    level = _neighbours(level, 2, device.blur[1] / (1 - 2 * device.blur[1]))
    level *= signal * (1 - device.roll_off * down)
    speckle = _grain(level.shape, device.grain, rng)
    # The same field seen from its other end is as good as a second one, and free.
    other = speckle[::-1, ::-1, ::-1]
    floor = device.floor * (1.6 - 0.6 * signal) * (1 - 0.95 * down)
    if device.tone == "root":
        grey = level * (1 + np.float32(device.speckle) * speckle)
        grey += floor * np.maximum(other + 0.6, 0)
    else:
        np.maximum(level, 0, out=level)
        np.power(level, np.float32(device.gamma), out=level)
        grey = device.black + (device.white - device.black) * level
        grey += np.float32(device.speckle) * speckle
        grey += floor * other
    grey *= 255 * device.white if device.tone == "root" else 255
    np.clip(grey, 0, 255, out=grey)
    return grey.astype(np.uint8)


def _grain(shape: tuple[int, ...], grain: tuple[float, float], rng: np.random.Generator) -> Levels:
    """Unit normal noise whose neighbours in rows and columns are correlated."""
    noise = rng.standard_normal(shape, dtype=np.float32)
    for axis, weight in zip((1, 2), grain, strict=True):
        noise = _neighbours(noise, axis, weight, norm=np.sqrt(1 + 2 * weight**2))
    return noise


def _neighbours(values: Levels, axis: int, weight: float, norm: float | None = None) -> Levels:
    """Add each sample's two neighbours by a weight and divide by a norm (default: the sum)."""
    scale = 1 / (norm or 1 + 2 * weight)
    moved = values * np.float32(scale)
    side = np.float32(weight * scale)
    index = [slice(None)] * 3
    lower, upper = list(index), list(index)
    lower[axis], upper[axis] = slice(None, -1), slice(1, None)
    moved[tuple(upper)] += side * values[tuple(lower)]
    moved[tuple(lower)] += side * values[tuple(upper)]
    first, last = list(index), list(index)
    first[axis], last[axis] = slice(0, 1), slice(-1, None)
    moved[tuple(first)] += side * values[tuple(first)]
    moved[tuple(last)] += side * values[tuple(last)]
    return moved
