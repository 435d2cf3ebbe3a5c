"""A lesion's maps in its own frame: outline, pigment, relief, clods and core."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.phantoms.skin.fields import FloatMap, grid, smooth_field, smoothstep
from triage.phantoms.skin.parameters import LesionParameters
from triage.phantoms.skin.tissue import Tissue

_REACH = 0.44
"""No part of a lesion lies further than this from its centre, in image widths."""


def lesion_tissue(parameters: LesionParameters, rng: np.random.Generator, size: int) -> Tissue:
    """Draw the maps of one lesion, centred, long axis along x.

    Parameters
    ----------
    parameters : LesionParameters
    rng : numpy.random.Generator
        Draws the outline's waves, the mottling and the places of bodies and clods.
    size : int
        Side in pixels of a frame one image width wide.
    """
    p = parameters
    x, y = grid(size)
    from_middle = np.hypot(x, y)
    stretch = np.float32(np.sqrt(p.elongation))
    x, y = x / stretch, y * stretch
    waves = p.irregularity * (smooth_field(rng, size, 6) + 0.35 * smooth_field(rng, size, 16))

    centres, radii = _bodies(p, rng)
    depth = _nearest_depth(x, y, centres, radii) + waves
    depth = np.minimum(depth, (_REACH - from_middle) / p.radius)
    coverage = smoothstep(depth / p.edge + 0.5)
    amount = coverage * (1 - p.ring * smoothstep((depth - 0.3) / 0.3))
    inner = np.clip(depth, 0, 1)

    mottle = 1 + p.mottle * (0.65 * smooth_field(rng, size, 9) + 0.6 * smooth_field(rng, size, 26))
    mottled = amount * np.clip(mottle, 0.1, 2.2)
    bumps = smooth_field(rng, size, 24)
    clods, clod_relief = _clods(p, rng, x, y, centres, radii)
    clods = clods * coverage
    core = smoothstep((p.core - np.hypot(x, y) / p.radius + 0.9 * waves) / 0.30 + 0.5)
    core = core * coverage * (p.core > 0)
    crust = p.core_crust * core
    vessels = np.exp(-((smooth_field(rng, size, 8) / 0.13) ** 2))
    vessels = vessels * (smooth_field(rng, size, 5) > 0) * coverage
    flakes = np.clip(0.25 + 0.5 * smooth_field(rng, size, 36) + 0.4 * bumps, 0, 1)
    deep = 1 + p.mottle * (np.clip(0.6 + 0.8 * smooth_field(rng, size, 5), 0, 1.6) - 1)
    relief = p.dome * inner * (2 - inner) + p.rough * bumps * coverage - p.core_depth * core
    return Tissue(
        coverage=coverage,
        melanin=p.melanin * mottled + p.clod_melanin * clods + 0.55 * crust,
        blood=p.blood * mottled + p.clod_blood * clods + p.vessels * vessels + 0.7 * crust,
        blue=p.blue * amount * deep + 0.25 * crust,
        bleach=p.bleach * coverage,
        keratin=np.clip(p.scale * flakes * amount * (1 - core) + p.core_keratin * core, 0, 1),
        pus=np.clip(p.clod_pus * clods, 0, 1),
        height=p.radius * relief + p.clod_dome * clod_relief * coverage,
        gloss=p.gloss * coverage,
    )


def _bodies(p: LesionParameters, rng: np.random.Generator) -> tuple[FloatMap, FloatMap]:
    """Return the centres [n, 2] and radii [n] of the lesion's bodies."""
    count = max(1, round(p.bodies))
    if count == 1:
        return np.zeros((1, 2), np.float32), np.array([p.radius], np.float32)
    radii = p.radius * rng.uniform(0.13, 0.30, count)
    return _strewn(rng, p.radius - radii), radii.astype(np.float32)


def _strewn(rng: np.random.Generator, reach: NDArray[np.float64] | FloatMap) -> FloatMap:
    """Return one place in a disc about the origin for each reach, evenly spread."""
    distance = reach * np.sqrt(rng.uniform(size=reach.shape))
    angle = rng.uniform(0, 2 * np.pi, reach.shape)
    place = np.stack([distance * np.cos(angle), distance * np.sin(angle)], axis=1)
    return place.astype(np.float32)


def _nearest_depth(x: FloatMap, y: FloatMap, centres: FloatMap, radii: FloatMap) -> FloatMap:
    """Return the depth inside the nearest disc: 1 at its centre, 0 at its edge, below 0 outside."""
    distance = np.hypot(x - centres[:, 0, None, None], y - centres[:, 1, None, None])
    return np.asarray((1 - distance / radii[:, None, None]).max(axis=0), np.float32)


def _clods(
    p: LesionParameters,
    rng: np.random.Generator,
    x: FloatMap,
    y: FloatMap,
    centres: FloatMap,
    radii: FloatMap,
) -> tuple[FloatMap, FloatMap]:
    """Return where the clods are (0 to 1) and their unit relief in image widths."""
    count = round(p.clods)
    if count == 0:
        return np.zeros_like(x), np.zeros_like(x)
    sizes = (p.radius * p.clod_size * rng.uniform(0.6, 1.3, count)).astype(np.float32)
    if len(radii) > 1:
        host = np.arange(count) % len(radii)
        places = centres[host] + _strewn(rng, 0.25 * radii[host])
    else:
        places = _strewn(rng, np.full(count, 0.85 * p.radius))
    depth = _nearest_depth(x, y, places, sizes)
    inner = np.clip(depth, 0, 1)
    relief = inner * (2 - inner) * sizes.mean()
    return smoothstep(depth / np.float32(0.35) + np.float32(0.3)), np.asarray(relief, np.float32)
