"""Brightness of each tissue: the stack of parts that `paint` renders.

Brightness is the grey of a root-scaled scan of a clear eye (0 to 1). The layers' values follow a
healthy volume's mean depth profile.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from triage.phantoms.oct.geometry import Geometry
from triage.phantoms.oct.grid import Grid, smooth_field
from triage.phantoms.oct.lesions import Field
from triage.phantoms.oct.retina import INNER
from triage.vocabulary.tissues import Tissue

_VITREOUS, _HYALOID, _MEMBRANE, _BLOOD = 0.0, 0.36, 0.88, 0.78
CYST = np.float32(0.03)
_FLUID = 0.02
_LAYERS = {
    "nfl": 0.84,
    "gcl": 0.56,
    "ipl": 0.61,
    "inl": 0.44,
    "opl": 0.56,
    "onl": 0.28,
    "myoid": 0.35,
    "ez": 0.80,
    "os": 0.58,
}
_MATERIAL, _RPE = 0.66, 0.90
_DETACHMENT = {
    Tissue.DRUSENOID_PED: 0.47,
    Tissue.SEROUS_PED: 0.06,
    Tissue.FIBROVASCULAR_PED: 0.38,
}
_CHOROID = (0.48, 0.36, 0.26, 0.18)
_SCLERA = (0.12, 0.06, 0.03, 0.01, 0.0)
_SCLERA_STEP = 0.06


class Part(NamedTuple):
    """A part of the stack: its upper surface's name, its tissue and its brightness."""

    name: str
    tissue: NDArray[np.uint8]
    level: NDArray[np.float32]


def stack_of(
    geometry: Geometry, grid: Grid, rows: dict[str, Field], rng: np.random.Generator
) -> list[Part]:
    """Return the parts from the vitreous down.

    Surfaces that exist for brightness alone, within the choroid, are added to `rows`.

    Parameters
    ----------
    geometry : Geometry
    grid : Grid
    rows : dict of float32 array [S, W]
        Surfaces in rows.
    rng : Generator
        For the unevenness of the layers.
    """
    cells = 1.0, max(0.4 / grid.spacing[2], 1.0)
    uneven = 1 + 0.06 * smooth_field(rng, grid.u.shape, cells)
    behind = 1 - 0.65 * geometry.shadow
    blocked = 1 - 0.75 * np.minimum(geometry.blood / 0.12, 1)
    material = rows["rpe"] - rows["hyperreflective"]
    dense = 1 - 0.5 * np.minimum(material * grid.spacing[1] / 0.1, 1)
    raised = (rows["bruch"] - rows["detachment"]) * grid.spacing[1]
    window = 1 + 0.55 * geometry.atrophy
    infarct = 1 - 0.4 * geometry.bright

    def part(name: str, tissue: Tissue | NDArray[np.uint8], level: Field | float) -> Part:
        return Part(name, np.asarray(tissue, np.uint8), np.asarray(level, np.float32))

    bleeding = np.where(geometry.blood > 0, _BLOOD, _VITREOUS)
    stack = [
        part("vitreous", Tissue.VITREOUS, _VITREOUS),
        part("hyaloid", Tissue.POSTERIOR_HYALOID, _HYALOID),
        part("subhyaloid", Tissue.VITREOUS, bleeding),
        part("membrane", Tissue.EPIRETINAL_MEMBRANE, _MEMBRANE),
    ]
    retina = uneven * blocked
    for name, level in _LAYERS.items():
        inner = name in INNER
        light = 1 + geometry.bright * (0.82 / level - 1) if inner else behind * infarct
        stack.append(part(name, Tissue.NEUROSENSORY_RETINA, level * retina * light))
        if name == INNER[-1]:
            tissue = np.where(geometry.split, Tissue.INTRARETINAL_FLUID, Tissue.NEUROSENSORY_RETINA)
            stack.append(part("split", tissue, np.where(geometry.split, CYST, level)))
    light = retina * behind * infarct
    stack.append(part("subretinal_fluid", Tissue.SUBRETINAL_FLUID, _FLUID))
    stack.append(part("hyperreflective", Tissue.SUBRETINAL_HYPERREFLECTIVE, _MATERIAL * light))
    stack.append(part("rpe", Tissue.RPE, _RPE * light * (0.3 + 0.7 * dense)))
    below = np.zeros_like(light)
    for kind, level in _DETACHMENT.items():
        below[geometry.detachment == kind] = level
    stack.append(part("detachment", geometry.detachment, below * light))

    light = light * dense * window * np.maximum(1 - 1.6 * raised, 0.55)
    thick = rows["sclera"] - rows["bruch"]
    # The names of surfaces within the choroid are numbers of mine, never shown.
    for number, level in enumerate(_CHOROID):
        name = "bruch" if number == 0 else f"choroid {number}"
        rows[name] = rows["bruch"] + number / len(_CHOROID) * thick
        stack.append(part(name, Tissue.CHOROID, level * light))
    for number, level in enumerate(_SCLERA):
        name = "sclera" if number == 0 else f"sclera {number}"
        rows[name] = rows["sclera"] + number * _SCLERA_STEP / grid.spacing[1]
        stack.append(part(name, Tissue.CHOROID, level * light * window))
    return stack
