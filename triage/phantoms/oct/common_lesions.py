"""Draws of the known phenotypes. Grades leave a gap between what is and what is not a finding,
so that the referral follows from what a volume shows. Lengths are mm from the fovea.
"""  # noqa: D205

from __future__ import annotations

import numpy as np

from triage.phantoms.oct.lesions import Bump, Cyst, Hole, Hyaloid, Lesions
from triage.phantoms.oct.referral import Finding

Drawn = tuple[Lesions, frozenset[Finding]]
Random = np.random.Generator


def _polar(rng: Random, low: float, high: float) -> tuple[float, float]:
    """A place between two distances from the fovea."""
    angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(low, high)
    return float(distance * np.cos(angle)), float(distance * np.sin(angle))


def _cysts(
    rng: Random, count: int, x: float, y: float, spread: float, size: tuple[float, float]
) -> tuple[Cyst, ...]:
    """A cluster of cysts, the largest in its middle and in the outer plexiform layer."""
    cysts = []
    for number in range(count):
        dx, dy = _polar(rng, 0, 0.1 * spread if number == 0 else spread)
        grade = 1.0 if number == 0 else rng.uniform(0.35, 1.0)
        half_width = grade * rng.uniform(*size)
        cysts.append(
            Cyst(
                x=x + dx,
                y=y + dy,
                radius_x=half_width,
                radius_y=half_width * rng.uniform(0.8, 1.3),
                radius_z=float(np.clip(half_width * rng.uniform(0.45, 0.7), 0.028, 0.12)),
                depth=rng.uniform(0.45, 0.62) if number < 3 else rng.uniform(0.25, 0.65),
            )
        )
    return tuple(cysts)


def healthy(rng: Random) -> Drawn:
    """No lesion; the hyaloid of older eyes may be detached."""
    hyaloid = (Hyaloid(rng.uniform(0.1, 0.35), rng.uniform(1.0, 2.0), False),)
    return Lesions(hyaloid=hyaloid if rng.uniform() < 0.35 else ()), frozenset()


def small_drusen(rng: Random) -> Drawn:
    """Early AMD: 5 to 30 separate drusen up to 70 um high."""
    drusen = []
    for _ in range(int(rng.integers(5, 31))):
        x, y = _polar(rng, 0.0, 2.2)
        width = rng.uniform(0.07, 0.17)
        height = rng.uniform(0.032, 0.07)
        drusen.append(Bump(x, y, width, width * rng.uniform(0.8, 1.2), height, 1.0))
    return Lesions(drusen=tuple(drusen)), frozenset({Finding.DRUSEN_SMALL})


def confluent_drusen(rng: Random) -> Drawn:
    """Intermediate AMD: drusen run together to mounds above 110 um, among smaller ones."""
    mounds = []
    for _ in range(int(rng.integers(3, 8))):
        x, y = _polar(rng, 0.0, 1.2)
        width = rng.uniform(0.35, 0.7)
        mounds.append(Bump(x, y, width, width, rng.uniform(0.11, 0.2), 0.8))
    small, _ = small_drusen(rng)
    return small + Lesions(drusen=tuple(mounds)), frozenset({Finding.DRUSEN_CONFLUENT})


def atrophy(rng: Random) -> Drawn:
    """Geographic atrophy: one to four patches without pigment epithelium and outer retina."""
    patches = []
    for _ in range(int(rng.integers(1, 5))):
        x, y = _polar(rng, 0.0, 1.6)
        width = rng.uniform(0.4, 1.1)
        patches.append(Bump(x, y, width, width * rng.uniform(0.7, 1.3)))
    return Lesions(atrophy=tuple(patches)), frozenset({Finding.ATROPHY})


def _membrane(rng: Random) -> Bump:
    x, y = _polar(rng, 0.0, 0.8)
    return Bump(x, y, rng.uniform(1.4, 2.6), rng.uniform(1.2, 2.4))


def flat_membrane(rng: Random) -> Drawn:
    """A membrane that leaves the retina's shape alone."""
    return Lesions(membrane=(_membrane(rng),)), frozenset({Finding.MEMBRANE_FLAT})


def distorting_membrane(rng: Random) -> Drawn:
    """A membrane that wrinkles and thickens the retina and fills the pit."""
    membrane = _membrane(rng)
    lesions = Lesions(
        membrane=(membrane,),
        folds=rng.uniform(0.022, 0.04),
        swelling=(Bump(0.0, 0.0, 1.8, 1.8, rng.uniform(0.12, 0.22), 1.5),),
    )
    return lesions, frozenset({Finding.MEMBRANE_DISTORTING})


def traction(rng: Random) -> Drawn:
    """The hyaloid pulls the fovea up to a peak."""
    pull = rng.uniform(0.08, 0.2)
    width = rng.uniform(0.35, 0.6)
    lesions = Lesions(
        hyaloid=(Hyaloid(rng.uniform(0.18, 0.35), rng.uniform(0.9, 1.5), True),),
        swelling=(Bump(0.0, 0.0, width, width, pull, 2.0),),
        cysts=_cysts(rng, int(rng.integers(0, 3)), 0.0, 0.0, 0.12, (0.06, 0.1)),
    )
    return lesions, frozenset({Finding.TRACTION})


def partial_hole(rng: Random) -> Drawn:
    """A lamellar hole: a steep wide pit over an intact outer retina, its walls split."""
    radius = rng.uniform(0.2, 0.36)
    sides = tuple(
        Cyst(side * (radius + 0.18), rng.uniform(-0.1, 0.1), 0.16, 0.16, 0.03, 0.5)
        for side in (-1, 1)
        if rng.uniform() < 0.6
    )
    lesions = Lesions(
        hole=(Hole(radius, rng.uniform(0.28, 0.42), rng.uniform(0.1, 0.22)),),
        swelling=(Bump(0.0, 0.0, 1.5, 1.5, rng.uniform(0.03, 0.08), 1.5),),
        cysts=sides,
        membrane=(Bump(0.0, 0.0, 1.6, 1.6),) if rng.uniform() < 0.3 else (),
    )
    findings = {Finding.PARTIAL_HOLE} | ({Finding.MEMBRANE_FLAT} if lesions.membrane else set())
    return lesions, frozenset(findings)


def full_hole(rng: Random) -> Drawn:
    """A full-thickness hole with a swollen, cystic, slightly detached rim."""
    radius = rng.uniform(0.18, 0.42)
    rim = []
    for angle in np.arange(8) * np.pi / 4 + rng.uniform(0, 0.7):
        distance = radius + rng.uniform(0.2, 0.32)
        place = float(distance * np.cos(angle)), float(distance * np.sin(angle))
        rim.append(Cyst(*place, 0.1, 0.12, rng.uniform(0.035, 0.06), rng.uniform(0.35, 0.55)))
    cuff = radius + rng.uniform(0.25, 0.45)
    lesions = Lesions(
        hole=(Hole(radius, 0.0, rng.uniform(0.06, 0.14)),),
        swelling=(Bump(0.0, 0.0, 1.3, 1.3, rng.uniform(0.1, 0.18), 1.0),),
        cysts=tuple(rim),
        subretinal_fluid=(Bump(0.0, 0.0, cuff, cuff, rng.uniform(0.035, 0.06), 0.7),),
        hyaloid=(Hyaloid(rng.uniform(0.2, 0.4), 1.2, False),) if rng.uniform() < 0.5 else (),
    )
    return lesions, frozenset({Finding.FULL_HOLE})


def oedema_off_centre(rng: Random) -> Drawn:
    """Diabetic oedema whose fluid stays at least 0.9 mm from the fovea."""
    x, y = _polar(rng, 1.55, 1.9)
    lesions = Lesions(
        cysts=_cysts(rng, int(rng.integers(4, 14)), x, y, 0.42, (0.09, 0.2)),
        swelling=(Bump(x, y, 0.95, 0.95, rng.uniform(0.06, 0.16), 1.5),),
    )
    return lesions, frozenset({Finding.OEDEMA_OFF_CENTRE})


def central_oedema(rng: Random) -> Drawn:
    """Diabetic oedema with cysts and thickening at the fovea, sometimes fluid beneath it."""
    x, y = _polar(rng, 0.0, 0.12)
    grade = rng.uniform(0, 1)
    cysts = _cysts(rng, int(6 + 26 * grade), x, y, 0.5 + 0.9 * grade, (0.12, 0.18 + 0.12 * grade))
    under = Bump(0.0, 0.0, rng.uniform(0.4, 0.9), rng.uniform(0.4, 0.9), rng.uniform(0.05, 0.13))
    lesions = Lesions(
        cysts=cysts,
        swelling=(Bump(0.0, 0.0, 1.2 + grade, 1.2 + grade, 0.12 + 0.2 * grade, 1.2),),
        subretinal_fluid=(under,) if rng.uniform() < 0.3 else (),
    )
    return lesions, frozenset({Finding.CENTRAL_OEDEMA})


def _serous(rng: Random, radius: tuple[float, float], height: tuple[float, float]) -> Lesions:
    x, y = _polar(rng, 0.0, 0.5)
    width = rng.uniform(*radius)
    dome = Bump(x, y, width, width * rng.uniform(0.8, 1.2), rng.uniform(*height), 0.9)
    leak_x, leak_y = _polar(rng, 0.0, 0.4 * width)
    leak = Bump(x + leak_x, y + leak_y, 0.3, 0.3, rng.uniform(0.04, 0.08), 0.7)
    return Lesions(subretinal_fluid=(dome,), serous_ped=(leak,) if rng.uniform() < 0.5 else ())


def central_serous_small(rng: Random) -> Drawn:
    """A dome of clear fluid up to 2 mm wide."""
    return _serous(rng, (0.6, 1.0), (0.09, 0.16)), frozenset({Finding.CENTRAL_SEROUS_SMALL})


def central_serous_large(rng: Random) -> Drawn:
    """A dome of clear fluid above 2.6 mm wide."""
    return _serous(rng, (1.3, 2.1), (0.18, 0.34)), frozenset({Finding.CENTRAL_SEROUS_LARGE})


def _detachments(rng: Random) -> Lesions:
    """Fibrovascular tissue under the pigment epithelium, serous fluid beside it or not."""
    x, y = _polar(rng, 0.0, 0.8)
    width = rng.uniform(0.5, 1.2)
    vessels = Bump(x, y, width, width * rng.uniform(0.7, 1.2), rng.uniform(0.07, 0.2), 0.8)
    dx, dy = _polar(rng, 0.6 * width, 1.0 * width)
    serous = Bump(x + dx, y + dy, 0.55, 0.6, rng.uniform(0.12, 0.26), 0.6)
    return Lesions(
        fibrovascular_ped=(vessels,), serous_ped=(serous,) if rng.uniform() < 0.35 else ()
    )


def quiet_cnv(rng: Random) -> Drawn:
    """A fibrovascular detachment and nothing that leaks."""
    return _detachments(rng), frozenset({Finding.QUIET_CNV})


def active_cnv(rng: Random) -> Drawn:
    """A detachment with at least one of sub-retinal fluid, intraretinal fluid and material."""
    lesions = _detachments(rng)
    bed = lesions.fibrovascular_ped[0]
    signs = rng.uniform(size=3) < (0.65, 0.45, 0.5)
    signs[rng.integers(3)] = True
    if signs[0]:
        width = bed.radius_x + rng.uniform(0.3, 0.8)
        fluid = Bump(bed.x, bed.y, width, width, rng.uniform(0.06, 0.18), 0.8)
        lesions += Lesions(subretinal_fluid=(fluid,))
    if signs[1]:
        count = int(rng.integers(4, 16))
        lesions += Lesions(
            cysts=_cysts(rng, count, bed.x, bed.y, 0.5, (0.1, 0.2)),
            swelling=(Bump(bed.x, bed.y, 1.1, 1.1, rng.uniform(0.05, 0.14), 1.5),),
        )
    if signs[2]:
        dx, dy = _polar(rng, 0.0, 0.3 * bed.radius_x)
        width = rng.uniform(0.35, 0.8)
        scar = Bump(bed.x + dx, bed.y + dy, width, width, rng.uniform(0.07, 0.16), 0.9)
        lesions += Lesions(hyperreflective=(scar,))
    return lesions, frozenset({Finding.ACTIVE_CNV})
