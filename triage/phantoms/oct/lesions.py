"""Parameters of lesions: mounds on the fundus, cysts in the retina, membranes before it.

Positions are mm from the fovea: `x` towards the nose, `y` away from the first B-scan's side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
"""float32 [S, W], in mm."""


@dataclass(frozen=True)
class Bump:
    """A mound with an elliptic outline.

    Its height at the relative distance q from its centre is ``height * (1 - q**2) ** power``.

    Parameters
    ----------
    x, y, radius_x, radius_y : float
        mm.
    height : float
        mm, or a share for maps that are no heights.
    power : float
        0.5 is a cap with a steep edge, 1 a parabola, 2 runs out smoothly.
    """

    x: float
    y: float
    radius_x: float
    radius_y: float
    height: float = 1.0
    power: float = 1.0


@dataclass(frozen=True)
class Cyst:
    """An ellipsoid of fluid within the retina.

    Parameters
    ----------
    x, y, radius_x, radius_y, radius_z : float
        mm.
    depth : float
        Place of its centre between the inner (0) and the outer (1) surface of the retina.
    """

    x: float
    y: float
    radius_x: float
    radius_y: float
    radius_z: float
    depth: float


@dataclass(frozen=True)
class Hyaloid:
    """The vitreous's rear membrane, detached but where it is held.

    Parameters
    ----------
    height : float
        mm above the retina far from where it is attached.
    radius : float
        mm over which it rises from the point of attachment.
    attached : bool
        Whether it is held at the fovea.
    """

    height: float
    radius: float
    attached: bool


@dataclass(frozen=True)
class Hole:
    """A macular hole.

    Parameters
    ----------
    radius : float
        mm.
    floor : float
        Share of the outer nuclear layer that is left at its bottom; 0 for a full hole.
    edge : float
        mm over which its wall rises.
    """

    radius: float
    floor: float
    edge: float


@dataclass(frozen=True)
class Lesions:
    """All lesions added to a healthy macula; two sets are combined by `+`.

    Parameters
    ----------
    drusen, serous_ped, fibrovascular_ped : tuple of Bump
        Heights between Bruch's membrane and the pigment epithelium.
    hyperreflective, subretinal_fluid : tuple of Bump
        Heights between pigment epithelium and retina.
    cysts : tuple of Cyst
        Intraretinal fluid.
    swelling : tuple of Bump
        Height added to the retina.
    membrane : tuple of Bump
        Where an epiretinal membrane lies.
    folds : float
        mm by which the membrane wrinkles the retina.
    atrophy : tuple of Bump
        Where pigment epithelium and outer retina are lost.
    outer_loss : tuple of Bump
        Share of the outer retina lost under an intact pigment epithelium.
    inner_bright : tuple of Bump
        Share by which the inner retina is brighter and hides what lies behind.
    preretinal_blood : tuple of Bump
        Height of blood between retina and hyaloid.
    hyaloid : tuple of Hyaloid
    hole : tuple of Hole
    dome : tuple of Bump
        Height by which the choroid raises all before it.
    bowl : float
        mm by which the eye's wall is deeper at the centre than 3 mm away.
    thin : float
        Share of retinal thickness lost everywhere.
    waves : float
        mm by which a detached retina undulates.
    schisis : tuple of Bump
        Height of a split within the retina, crossed by columns of tissue.
    ring_loss : float
        mm from the fovea beyond which the outer retina is lost; 0 for none.
    """

    drusen: tuple[Bump, ...] = ()
    serous_ped: tuple[Bump, ...] = ()
    fibrovascular_ped: tuple[Bump, ...] = ()
    hyperreflective: tuple[Bump, ...] = ()
    subretinal_fluid: tuple[Bump, ...] = ()
    cysts: tuple[Cyst, ...] = ()
    swelling: tuple[Bump, ...] = ()
    membrane: tuple[Bump, ...] = ()
    folds: float = 0.0
    atrophy: tuple[Bump, ...] = ()
    outer_loss: tuple[Bump, ...] = ()
    inner_bright: tuple[Bump, ...] = ()
    preretinal_blood: tuple[Bump, ...] = ()
    hyaloid: tuple[Hyaloid, ...] = ()
    hole: tuple[Hole, ...] = ()
    dome: tuple[Bump, ...] = ()
    bowl: float = 0.0
    thin: float = 0.0
    waves: float = 0.0
    schisis: tuple[Bump, ...] = ()
    ring_loss: float = 0.0

    def __add__(self, other: Lesions) -> Lesions:
        """Both together: lists are joined, single numbers added."""
        return Lesions(
            **{
                each.name: getattr(self, each.name) + getattr(other, each.name)
                for each in fields(self)
            }
        )


def height_map(bumps: Sequence[Bump], u: Field, v: Field, least: tuple[float, float]) -> Field:
    """Return the highest of the bumps at each place, 0 where there is none, in mm.

    Parameters
    ----------
    bumps : sequence of Bump
    u, v : float32 array [S, W]
        Place of each A-scan, mm from the fovea.
    least : tuple of float
        Smallest radius in x and y, so that nothing falls between two A-scans or B-scans.
    """
    highest = np.zeros_like(u)
    for bump in bumps:
        radius_x, radius_y = max(bump.radius_x, least[0]), max(bump.radius_y, least[1])
        inside = 1 - ((u - bump.x) / radius_x) ** 2 - ((v - bump.y) / radius_y) ** 2
        np.maximum(inside, 0, out=inside)
        if bump.power != 1:
            inside **= np.float32(bump.power)
        np.maximum(highest, bump.height * inside, out=highest)
    return highest
