"""Lighting of a picture: colour temperature, exposure, gradients, shading and highlights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from triage.phantoms.skin.fields import FloatMap, grid


@dataclass(frozen=True)
class Light:
    """Lighting of one view.

    Parameters
    ----------
    warmth : float
        -1 cold to 1 warm.
    exposure : float
        In stops.
    slope_x, slope_y : float
        Relative change of brightness across the picture.
    azimuth : float
        Direction from which the light comes, radians.
    """

    warmth: float
    exposure: float
    slope_x: float
    slope_y: float
    azimuth: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Light:
        """Draw lighting as varied as in hand-held photographs."""
        return cls(
            warmth=float(np.clip(rng.normal(0, 0.45), -1, 1)),
            exposure=float(rng.normal(0, 0.22)),
            slope_x=float(rng.normal(0, 0.16)),
            slope_y=float(rng.normal(0, 0.16)),
            azimuth=float(rng.uniform(0, 2 * np.pi)),
        )


def illuminate(colour: FloatMap, height: FloatMap, gloss: FloatMap, light: Light) -> FloatMap:
    """Apply lighting to a scene.

    Parameters
    ----------
    colour : ndarray, float32 [size, size, 3]
        Reflectance, linear RGB.
    height : ndarray, float32 [size, size]
        Relief in image widths.
    gloss : ndarray, float32 [size, size]
        Strength of the highlight, 0 to 1.
    light : Light

    Returns
    -------
    ndarray, float32 [size, size, 3]
        Linear RGB, not yet clipped.
    """
    size = height.shape[0]
    x, y = grid(size)
    down, across = np.gradient(height * np.float32(size))
    facing = -(across * np.cos(light.azimuth) + down * np.sin(light.azimuth))
    shading = np.clip(1 + 0.55 * np.tanh(1.3 * facing), 0.3, 1.6)
    steepness = across**2 + down**2
    highlight = np.exp(-((facing - 0.45) ** 2 + 0.5 * (steepness - facing**2)) / 0.035) * gloss
    level = 2**light.exposure * np.maximum(1 + light.slope_x * x + light.slope_y * y, 0.2)
    tint = np.array([1 + 0.13 * light.warmth, 1, 1 - 0.17 * light.warmth], np.float32)
    lit = colour * (shading * level)[..., None] + (0.55 * highlight * level)[..., None]
    return np.asarray(lit * tint, np.float32)
