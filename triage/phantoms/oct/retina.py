"""Thickness of the layers of a healthy macula."""

from __future__ import annotations

import numpy as np

from triage.phantoms.oct.lesions import Field

INNER = ("nfl", "gcl", "ipl", "inl")
"""Nerve fibres, ganglion cells, inner plexiform and inner nuclear layer."""
SEGMENTS = ("myoid", "ez", "os")
"""ELM and inner segments, ellipsoid zone, outer segments."""
OUTER = ("opl", "onl", *SEGMENTS)
"""Outer plexiform and outer nuclear layer, and the photoreceptors' segments."""


def layer_thicknesses(u: Field, v: Field, pit_width: float, scale: float) -> dict[str, Field]:
    """Return the thickness of each layer in mm, inner layers first.

    Shapes are ours, set so that the central subfield is about 260 um, the ring around it about
    335 um, and the nasal side thicker than the temporal by its nerve fibres, near the normative
    means of spectral-domain scanners.

    Parameters
    ----------
    u, v : float32 array [S, W]
        mm from the fovea, `u` towards the nose.
    pit_width : float
        Of the foveal pit, relative to the mean.
    scale : float
        Of all layers, relative to the mean.
    """
    r2 = u * u + v * v
    pit = 1 - np.exp(-r2 / (0.42 * pit_width) ** 2)
    ring = r2 / 0.9 * np.exp(1 - r2 / 0.9)
    nasal = 1 / (1 + np.exp(-1.5 * u))
    arcs = np.minimum(np.abs(v) / 2.5, 1)
    fibres = (1 - np.exp(-r2 / 0.9)) * (0.010 + 0.035 * nasal * (0.55 + 0.45 * arcs))
    outer = np.exp(-r2 / 0.25)
    ones = np.ones_like(u)
    thicknesses = {
        "nfl": 0.004 + fibres,
        "gcl": (0.020 + 0.030 * ring) * pit,
        "ipl": (0.030 + 0.012 * ring) * pit,
        "inl": (0.033 + 0.010 * ring) * pit,
        "opl": 0.010 + 0.020 * pit,
        "onl": 0.068 + 0.035 * outer,
        "myoid": 0.028 * ones,
        "ez": 0.018 * ones,
        "os": 0.026 + 0.012 * outer,
    }
    return {name: np.float32(scale) * each for name, each in thicknesses.items()}
