"""Draws of the rare conditions, which no system is taught. Lengths are mm from the fovea."""

from __future__ import annotations

import numpy as np

from triage.phantoms.oct.lesions import Bump, Cyst, Hyaloid, Lesions

Random = np.random.Generator


def detachment(rng: Random) -> Lesions:
    """A bullous detachment of an undulating retina over half the field or more."""
    side = rng.uniform(0, 2 * np.pi)
    x, y = 2.2 * np.cos(side), 2.2 * np.sin(side)
    dome = Bump(float(x), float(y), 3.6, 3.6, rng.uniform(0.38, 0.5), 0.7)
    return Lesions(subretinal_fluid=(dome,), waves=rng.uniform(0.03, 0.06))


def choroidal_tumour(rng: Random) -> Lesions:
    """A dome of the choroid that lifts pigment epithelium and retina, fluid on its slope."""
    x, y = rng.uniform(-1.3, 1.3, size=2)
    width = rng.uniform(1.3, 2.0)
    dome = Bump(float(x), float(y), width, width, rng.uniform(0.3, 0.48), 1.2)
    slope = Bump(float(x) + 0.9 * width, float(y), 0.6, 0.7, rng.uniform(0.04, 0.08))
    return Lesions(dome=(dome,), subretinal_fluid=(slope,))


def staphyloma(rng: Random) -> Lesions:
    """A deep bowl with a thin retina and a thin choroid, as in high myopia."""
    return Lesions(bowl=rng.uniform(0.26, 0.38), thin=rng.uniform(0.2, 0.35))


def schisis(rng: Random) -> Lesions:
    """The retina split over most of the macula, columns of tissue crossing the split."""
    x, y = rng.uniform(-0.4, 0.4, size=2)
    split = Bump(float(x), float(y), rng.uniform(2.2, 2.9), rng.uniform(2.0, 2.8), 1.0, 0.6)
    return Lesions(schisis=(Bump(**{**split.__dict__, "height": rng.uniform(0.16, 0.28)}),))


def telangiectasia(rng: Random) -> Lesions:
    """Cavities under the inner surface of a thin fovea, and photoreceptors lost below them."""
    cavities = tuple(
        Cyst(
            x=-0.35 + rng.uniform(-0.35, 0.4),
            y=rng.uniform(-0.4, 0.4),
            radius_x=rng.uniform(0.18, 0.34),
            radius_y=0.3,
            radius_z=rng.uniform(0.035, 0.05),
            depth=0.24,
        )
        for _ in range(int(rng.integers(3, 6)))
    )
    return Lesions(
        cysts=cavities,
        outer_loss=(Bump(-0.3, 0.0, rng.uniform(0.8, 1.1), 0.9, 0.9, 0.8),),
        thin=rng.uniform(0.05, 0.12),
    )


def preretinal_haemorrhage(rng: Random) -> Lesions:
    """A boat of blood between retina and hyaloid, which hides what lies behind it."""
    x, y = rng.uniform(-0.6, 0.6, size=2)
    blood = Bump(
        float(x),
        float(y),
        rng.uniform(1.2, 2.0),
        rng.uniform(1.2, 1.9),
        rng.uniform(0.18, 0.3),
        0.5,
    )
    return Lesions(preretinal_blood=(blood,))


def retinitis_pigmentosa(rng: Random) -> Lesions:
    """The outer retina is lost beyond a central island."""
    return Lesions(ring_loss=rng.uniform(0.6, 1.2), thin=rng.uniform(0.0, 0.1))


def artery_occlusion(rng: Random) -> Lesions:
    """The inner retina swells and turns bright, and shadows the outer."""
    swelling = Bump(0.5, 0.0, 4.0, 4.0, rng.uniform(0.1, 0.16), 0.5)
    return Lesions(
        inner_bright=(Bump(0.5, 0.0, 4.5, 4.5, rng.uniform(0.7, 1.0), 0.3),),
        swelling=(swelling, Bump(2.5, 0.0, 1.5, 2.5, 0.2, 1.0)),
        hyaloid=(Hyaloid(0.2, 1.5, False),) if rng.uniform() < 0.2 else (),
    )
