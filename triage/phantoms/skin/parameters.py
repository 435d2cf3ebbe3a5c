"""Parameters of one lesion."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class LesionParameters:
    """One lesion's appearance. Lengths are in image widths; amounts are absorbances.

    A lesion is made of one or more round *bodies* with a wavy outline, of
    *clods* (small round elements inside it) and of one central *core*.
    """

    radius: float = 0.0
    """Radius of the whole lesion."""
    elongation: float = 1.0
    """Long axis over short axis."""
    irregularity: float = 0.0
    """Waviness of the outline, as a share of the radius."""
    edge: float = 0.1
    """Width of the soft border, as a share of the radius."""
    bodies: float = 1.0
    """Number of bodies, rounded; above one they are strewn over the lesion's disc."""
    ring: float = 0.0
    """How far the centre is cleared: 0 a full disc, 1 a ring."""
    melanin: float = 0.0
    """Brown pigment."""
    blood: float = 0.0
    """Redness."""
    blue: float = 0.0
    """Deep pigment, seen blue-grey."""
    bleach: float = 0.0
    """Share of the skin's own pigment that is lost."""
    mottle: float = 0.0
    """Unevenness of the pigment, relative."""
    scale: float = 0.0
    """White flakes, 0 to 1."""
    dome: float = 0.0
    """Height over radius."""
    rough: float = 0.0
    """Height of warty bumps over radius."""
    gloss: float = 0.0
    """Strength of the highlight, 0 to 1."""
    vessels: float = 0.0
    """Redness of fine vessels."""
    clods: float = 0.0
    """Number of clods, rounded."""
    clod_size: float = 0.1
    """Radius of a clod over the radius of its lesion."""
    clod_melanin: float = 0.0
    """Brown pigment of the clods."""
    clod_blood: float = 0.0
    """Redness of the clods."""
    clod_pus: float = 0.0
    """Yellow filling of the clods, 0 to 1."""
    clod_dome: float = 0.0
    """Height of a clod over its radius."""
    core: float = 0.0
    """Radius of the core over the radius of the lesion."""
    core_crust: float = 0.0
    """Dark red-brown crust in the core, absorbance."""
    core_keratin: float = 0.0
    """Yellow-white horn in the core, 0 to 1."""
    core_depth: float = 0.0
    """Depth of the core over the radius; the lesion sinks by it."""


PARAMETER_NAMES = tuple(field.name for field in fields(LesionParameters))
"""Every parameter, in the order in which they are drawn."""
