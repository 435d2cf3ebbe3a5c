"""Surfaces of a planned volume: the stack of tissues under every A-scan, in mm of depth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.special import expit

from triage.phantoms.oct.grid import Grid, smooth_field
from triage.phantoms.oct.lesions import Field, Lesions, height_map
from triage.phantoms.oct.plan import VolumePlan
from triage.phantoms.oct.retina import INNER, OUTER, SEGMENTS, layer_thicknesses
from triage.vocabulary.tissues import Tissue

_MEMBRANE, _HYALOID, _RPE = 0.022, 0.018, 0.034
_ROWS_OF_MEMBRANE, _ROWS_OF_HYALOID, _ROWS_OF_RPE = 2.0, 1.6, 2.0
_DETACHMENTS = (Tissue.DRUSENOID_PED, Tissue.SEROUS_PED, Tissue.FIBROVASCULAR_PED)


@dataclass(frozen=True, eq=False)
class Geometry:
    """Surfaces in mm from the first row's centre, and maps over the A-scans.

    Parameters
    ----------
    top : dict of float32 array [S, W]
        Upper surface of each part of the stack, from the hyaloid down to the sclera.
    detachment : uint8 array [S, W]
        `Tissue` under the pigment epithelium where it is detached.
    split : bool array [S, W]
        Where the retina's split holds fluid and no column of tissue.
    blood : float32 array [S, W]
        Height of preretinal blood in mm.
    atrophy, bright : float32 array [S, W]
        Shares, 0 to 1: loss of pigment epithelium; brightness of an infarcted inner retina.
    shadow : float32 array [S, W]
        Share of light that retinal vessels take from what lies behind them.
    """

    top: dict[str, Field]
    detachment: NDArray[np.uint8]
    split: NDArray[np.bool_]
    blood: Field
    atrophy: Field
    bright: Field
    shadow: Field


def geometry_of(plan: VolumePlan, grid: Grid) -> Geometry:
    """Build the geometry of a planned volume on a grid."""
    lesions, rng = plan.lesions, plan.stream(2)
    u, v, least, row = grid.u, grid.v, grid.least, grid.spacing[1]
    rough = smooth_field(rng, u.shape, _cells(grid, 0.5))

    blood = height_map(lesions.preretinal_blood, u, v, least)
    bright = height_map(lesions.inner_bright, u, v, least)
    atrophy = np.zeros_like(u)
    if lesions.atrophy:
        patch = height_map(lesions.atrophy, u, v, least)
        atrophy = ((patch > 0) & (patch + 0.1 * rough > 0.25)).astype(np.float32)
    detachment, raised = _detachments(lesions, grid, rough, atrophy)
    layers, split, opening = _retina(plan, grid, _soften(atrophy, grid, 0.12))
    material = height_map(lesions.hyperreflective, u, v, least) * (1 + 0.1 * rough)
    fluid = _subretinal(lesions, grid) * opening
    membrane = height_map(lesions.membrane, u, v, least) + 0.15 * rough > 0.1
    membrane = membrane & (opening > 0.5) if lesions.membrane else np.zeros(u.shape, bool)

    top: dict[str, Field] = {}
    top["bruch"] = _wall(plan, grid)
    top["sclera"] = top["bruch"] + plan.eye.choroid * (1 - lesions.thin) * (1 + 0.06 * rough)
    top["sclera"] += height_map(lesions.dome, u, v, least)
    top["detachment"] = top["bruch"] - raised
    rpe = max(_RPE, _ROWS_OF_RPE * row)
    top["rpe"] = top["detachment"] - rpe * (1 - atrophy)
    top["hyperreflective"] = top["rpe"] - np.where(material > 0.5 * row, material, 0)
    top["subretinal_fluid"] = top["hyperreflective"] - np.where(fluid > 0.5 * row, fluid, 0)
    _drape(layers, top["bruch"] - top["subretinal_fluid"], grid)
    above = top["subretinal_fluid"]
    for name in reversed(layers):
        above = top[name] = above - layers[name]
    thick = max(_MEMBRANE, _ROWS_OF_MEMBRANE * row)
    top["membrane"] = top["nfl"] - thick * membrane
    hyaloid, lower = _hyaloid(lesions, grid, top, blood)
    top["subhyaloid"] = lower
    top["hyaloid"] = hyaloid

    depth = _placement(plan, grid, top)
    placed = {name: (each + depth).astype(np.float32) for name, each in top.items()}
    shadow = _vessels(plan, grid)
    return Geometry(placed, detachment, split, blood, atrophy, bright, shadow)


def _cells(grid: Grid, length: float) -> tuple[float, float]:
    """Samples of a map that span a length in mm."""
    return length / grid.spacing[0], length / grid.spacing[2]


def _soften(values: Field, grid: Grid, length: float) -> Field:
    """Smooth a map by a Gaussian of this standard deviation in mm."""
    softened: Field = gaussian_filter(values, _cells(grid, length), mode="nearest", truncate=3)
    return softened


def _drape(layers: dict[str, Field], raised: Field, grid: Grid) -> None:
    """Thin the outer nuclear layer over narrow mounds, in place.

    The inner surface then follows what lifts the retina smoothly.
    """
    narrow = raised - _soften(raised, grid, 0.25)
    thickness = layers["onl"]
    layers["onl"] = thickness - np.clip(narrow, -0.5 * thickness, 0.75 * thickness)


def _wall(plan: VolumePlan, grid: Grid) -> Field:
    """Bruch's membrane: tilt, curvature, bowl, dome, and the eye's movement."""
    r2 = grid.u**2 + grid.v**2
    wall = -(plan.eye.curvature + plan.lesions.bowl) / 9 * r2
    wall += plan.artefacts.tilt_x * grid.x + plan.artefacts.tilt_y * grid.y + grid.shift
    wall -= height_map(plan.lesions.dome, grid.u, grid.v, grid.least)
    return np.asarray(wall, np.float32)


def _detachments(
    lesions: Lesions, grid: Grid, rough: Field, atrophy: Field
) -> tuple[NDArray[np.uint8], Field]:
    """What lies under the pigment epithelium, and its height."""
    heights = np.stack(
        [
            height_map(lesions.drusen, grid.u, grid.v, grid.least),
            height_map(lesions.serous_ped, grid.u, grid.v, grid.least),
            height_map(lesions.fibrovascular_ped, grid.u, grid.v, grid.least) * (1 + 0.12 * rough),
        ]
    )
    kind = np.array(_DETACHMENTS, np.uint8)[heights.argmax(0)]
    raised = heights.max(0) * (1 - atrophy)
    return kind, np.where(raised > 0.5 * grid.spacing[1], raised, 0).astype(np.float32)


def _subretinal(lesions: Lesions, grid: Grid) -> Field:
    fluid = height_map(lesions.subretinal_fluid, grid.u, grid.v, grid.least)
    if lesions.waves:
        wave = np.sin(5.5 * grid.u + 2.0 * np.sin(1.7 * grid.v))
        fluid = np.maximum(fluid + lesions.waves * wave * np.minimum(fluid / 0.1, 1), 0)
    return fluid


def _retina(
    plan: VolumePlan, grid: Grid, atrophy: Field
) -> tuple[dict[str, Field], NDArray[np.bool_], Field]:
    """Thickness of the retina's layers, where it is split, and how open a hole leaves it."""
    lesions, u, v = plan.lesions, grid.u, grid.v
    radius: Field = np.hypot(u, v)
    scale = plan.eye.thickness * (1 - lesions.thin)
    layers = layer_thicknesses(u, v, plan.eye.pit, scale)
    swelling = height_map(lesions.swelling, u, v, grid.least)
    layers["inl"] = layers["inl"] + 0.4 * swelling
    layers["onl"] = layers["onl"] + 0.6 * swelling
    if lesions.folds:
        lies = np.clip(2 * height_map(lesions.membrane, u, v, grid.least), None, 1)
        wrinkles = np.maximum(np.sin(2 * np.pi * (u + 0.3 * v) / 0.5), 0).astype(np.float32)
        layers["nfl"] = layers["nfl"] + lesions.folds * lies * wrinkles

    lost: Field = height_map(lesions.outer_loss, u, v, grid.least)
    if lesions.ring_loss:
        lost = np.maximum(lost, expit((radius - lesions.ring_loss) / 0.08))
    kept = (1 - atrophy) * (1 - lost)
    for name in SEGMENTS:
        layers[name] = layers[name] * kept
    layers["onl"] = layers["onl"] * (0.25 + 0.75 * kept)

    opening: Field = np.ones_like(u)
    for hole in lesions.hole:
        wall: Field = np.clip((radius - hole.radius) / hole.edge, 0, 1)
        wall = wall * wall * (3 - 2 * wall)
        full = hole.floor == 0
        for name in layers:
            left = hole.floor if name == "onl" else float(name in SEGMENTS and not full)
            layers[name] = layers[name] * (left + (1 - left) * wall)
        if full:
            opening = opening * wall
    height = height_map(lesions.schisis, u, v, grid.least)
    pillars = (np.sin(2 * np.pi * u / 0.55) > 0.8) & (height > 0)
    ordered = {name: layers[name] for name in INNER}
    ordered["split"] = height
    ordered |= {name: layers[name] for name in OUTER}
    return ordered, (height > grid.spacing[1]) & ~pillars, opening


def _hyaloid(
    lesions: Lesions, grid: Grid, top: dict[str, Field], blood: Field
) -> tuple[Field, Field]:
    """Upper and lower surface of the hyaloid; together on the retina where it is not seen."""
    retina = top["membrane"]
    thick = max(_HYALOID, _ROWS_OF_HYALOID * grid.spacing[1])
    lower, seen = retina, np.zeros(retina.shape, bool)
    for each in lesions.hyaloid:
        rise = 1 - np.exp(-(grid.u**2 + grid.v**2) / each.radius**2)
        lower = retina - each.height * rise
        if not each.attached:
            lower = np.minimum(top["bruch"] - 0.33 - each.height, retina - 0.04)
        seen = retina - lower > thick
    bleeding = blood > 0.5 * grid.spacing[1]
    lower = np.where(bleeding, retina - blood, lower)
    seen = seen | bleeding
    lower = np.where(seen, lower, retina)
    return lower - thick * seen, lower


def _placement(plan: VolumePlan, grid: Grid, top: dict[str, Field]) -> float:
    """Depth in mm by which the stack is lowered so that it lies within the rows."""
    artefacts, window = plan.artefacts, plan.device.field[1]
    highest = float(top["membrane"].min())
    if artefacts.mirror:
        return -artefacts.mirror - highest
    if plan.lesions.preretinal_blood or any(each.attached for each in plan.lesions.hyaloid):
        # What the hyaloid does is the finding: it must be seen.
        highest = float(top["hyaloid"].min())
    room = window - (float(top["bruch"].max()) + 0.1 - highest)
    return max(artefacts.height * room, 0.03 * window) - highest


def _vessels(plan: VolumePlan, grid: Grid) -> Field:
    """Shadow of the retinal vessels: arcs above and below the fovea, none through it."""
    rng = plan.stream(3)
    shadow = np.zeros_like(grid.u)
    for number in range(plan.artefacts.vessels):
        side = 1 if number % 2 else -1
        away, bend = rng.uniform(0.7, 2.8), rng.uniform(-0.12, 0.12)
        course = side * (away + bend * (grid.u - 1) ** 2) + rng.uniform(-0.4, 0.4) * grid.u
        width = rng.uniform(0.05, 0.09)
        near = np.exp(-(((grid.v - course) / max(width, grid.least[1])) ** 2))
        # A vessel crosses the B-scans of its stretch in a few columns each.
        across = np.sin(
            grid.u * rng.uniform(1.5, 3.0) + grid.v * rng.uniform(2, 5) + rng.uniform(0, 6)
        )
        near *= np.abs(across) < 0.16
        np.maximum(shadow, rng.uniform(0.5, 0.9) * near, out=shadow)
    return shadow
