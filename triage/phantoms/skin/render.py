"""Rendering of a planned case to pictures and masks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from triage.phantoms.skin.camera import degrade, develop
from triage.phantoms.skin.fields import FloatMap, grid, sample
from triage.phantoms.skin.healthy_skin import skin_tissue
from triage.phantoms.skin.lesion import lesion_tissue
from triage.phantoms.skin.lighting import illuminate
from triage.phantoms.skin.nuisances import add_hair, add_ruler
from triage.phantoms.skin.plan import CasePlan, View
from triage.phantoms.skin.tissue import Tissue, reflectance

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_STREAMS_PER_VIEW = 3


def render_plan(
    plan: CasePlan, size: int, *, lesion: bool = True, nuisances: bool = True
) -> tuple[list[Picture], list[Mask]]:
    """Draw the pictures of a case.

    Parameters
    ----------
    plan : CasePlan
    size : int
        Side in pixels, a multiple of 8.
    lesion : bool
        Without it the same skin is drawn healthy.
    nuisances : bool
        Without them there is no hair, ruler, blur, vignette, noise or compression.

    Returns
    -------
    images : list of ndarray, uint8 [size, size, 3]
    masks : list of ndarray, bool [size, size]
        True where at least half of the lesion's strength is; the same with and without
        nuisances, and also where hair or a ruler hides the lesion.
    """
    tissue = lesion_tissue(plan.lesion, plan.stream(1), size)
    maps, reach = tissue.stack(), _reach(tissue)
    images, masks = [], []
    for number, view in enumerate(plan.views):
        seen = _seen(maps, reach, view)
        masks.append(seen.coverage >= 0.5)
        drawn = seen if lesion else Tissue.none(size)
        images.append(_picture(plan, number, drawn, size, nuisances))
    return images, masks


def _reach(lesion: Tissue) -> float:
    """Return how far from the centre a lesion reaches, with a margin, in image widths."""
    size = len(lesion.coverage)
    distance = np.hypot(*grid(size))[lesion.coverage > 0]
    return float(distance.max(initial=0)) + 2 / size


def _seen(maps: FloatMap, reach: float, view: View) -> Tissue:
    """Transform a lesion, given as the stack of its maps, to one view."""
    x, y = grid(maps.shape[0])
    x, y = (x - view.shift_x) / view.zoom, (y - view.shift_y) / view.zoom
    cos, sin = np.cos(view.rotation), np.sin(view.rotation)
    near = x**2 + y**2 < reach**2
    x, y = x[near], y[near]
    layers = np.zeros_like(maps)
    layers[near] = sample(maps, x * cos + y * sin, y * cos - x * sin)
    seen = Tissue.unstack(layers)
    return replace(seen, height=seen.height * np.float32(view.zoom))


def _picture(plan: CasePlan, number: int, lesion: Tissue, size: int, nuisances: bool) -> Picture:
    """Render one picture: skin, light, objects on the skin, camera."""
    view, patient = plan.views[number], plan.patient
    first = 2 + number * _STREAMS_PER_VIEW
    skin = skin_tissue(
        plan.stream(first),
        size,
        melanin=patient.melanin,
        blood=patient.blood,
        freckles=patient.freckles,
    )
    # Cameras expose for the scene: dark skin comes out brighter than it is, but not fair.
    adaptation = np.float32(np.exp(0.10 * patient.melanin))
    colour = reflectance(skin, lesion) * adaptation
    gloss = np.maximum(lesion.gloss, 0.05)
    scene = illuminate(colour, skin.height + lesion.height, gloss, view.light)
    if nuisances:
        extras = plan.stream(first + 1)
        scene = add_hair(scene, extras, view.hairs)
        scene = add_ruler(scene, extras) if view.ruler else scene
    levels = develop(scene, plan.device)
    if nuisances:
        levels = degrade(levels, plan.stream(first + 2), plan.device, view.exposure)
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)
