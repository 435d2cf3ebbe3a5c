"""Healthy skin: six types, blotches, furrows, pores and freckles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from triage.phantoms.skin.fields import smooth_field
from triage.phantoms.skin.tissue import Tissue

SKIN_TYPES = (1, 2, 3, 4, 5, 6)
"""Skin types after Fitzpatrick, fairest first."""

_MELANIN = {
    1: (0.00, 0.10),
    2: (0.12, 0.35),
    3: (0.40, 0.80),
    4: (0.90, 1.45),
    5: (1.60, 2.40),
    6: (2.60, 3.80),
}
"""Melanin absorbance of each type; set by eye, with gaps as narrow as a patient's own spread."""


def draw_melanin(rng: np.random.Generator, skin_type: int) -> float:
    """Draw the melanin absorbance of one patient's skin."""
    return float(rng.uniform(*_MELANIN[skin_type]))


def skin_tissue(
    rng: np.random.Generator, size: int, *, melanin: float, blood: float, freckles: float
) -> Tissue:
    """Draw a patch of healthy skin.

    Parameters
    ----------
    rng : numpy.random.Generator
    size : int
        Side in pixels.
    melanin, blood : float
        Mean absorbances.
    freckles : float
        Strength of freckles, 0 for none.
    """
    blotches = smooth_field(rng, size, 3)
    fine = smooth_field(rng, size, 28)
    furrows = np.abs(smooth_field(rng, size, 17)) + np.abs(smooth_field(rng, size, 11))
    pores = smooth_field(rng, size, 60)
    spots = np.maximum(smooth_field(rng, size, 20) - np.float32(1.9), 0)
    brown = melanin * (1 + 0.05 * blotches + 0.05 * fine) + freckles * spots + 0.02 * pores
    red = blood * (1 + 0.22 * smooth_field(rng, size, 5) + 0.12 * fine)
    return replace(
        Tissue.none(size),
        melanin=np.maximum(brown, 0).astype(np.float32),
        blood=red.astype(np.float32),
        height=(0.0024 * np.minimum(furrows, 0.8) + 0.0005 * pores).astype(np.float32),
    )
