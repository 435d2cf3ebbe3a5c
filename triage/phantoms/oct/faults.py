"""Faults of a scan rendered into brightness and tissue map, each with its class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.phantoms.oct.artefacts import Artefacts
from triage.phantoms.oct.grid import Grid
from triage.phantoms.oct.lesions import Field
from triage.phantoms.oct.paint import Painted
from triage.vocabulary.tissues import Tissue

_FOLDED = 0.8
_SLOPE = {True: 0.16, False: 0.10}
_DARK = 0.06


def fold(painted: Painted, above: int) -> Painted:
    """Reflect what lies above the first row back into the scan: the mirror artefact.

    Parameters
    ----------
    painted : Painted
        With `above` rows more at the top than the scan has.
    above : int
    """
    if not above:
        return painted
    tissue, level = painted.tissue[:, above:], painted.level[:, above:]
    ghost = painted.level[:, above - 1 :: -1] * np.float32(_FOLDED)
    there = painted.tissue[:, above - 1 :: -1] != Tissue.VITREOUS
    height = min(above, level.shape[1])
    np.maximum(level[:, :height], ghost[:, :height], out=level[:, :height])
    tissue[:, :height][there[:, :height]] = Tissue.MIRROR_ARTEFACT
    return Painted(tissue, level)


def blank(
    tissue: NDArray[np.uint8], artefacts: Artefacts, grid: Grid, inner: Field
) -> NDArray[np.bool_]:
    """Mark rows without data after registration as clipped; return where they are.

    Parameters
    ----------
    tissue : uint8 array [S, H, W]
        Changed in place.
    artefacts : Artefacts
    grid : Grid
    inner : float32 array [S, W]
        Inner surface of the retina in rows.
    """
    if artefacts.clipping == 0:
        return np.zeros(tissue.shape, bool)
    outermost = slice(-1, None) if artefacts.clipped_side > 0 else slice(0, 1)
    away, edge = np.abs(grid.x - grid.x[:, outermost]), inner[:, outermost]
    slope = _SLOPE[artefacts.quality != "ungradable"]
    last = edge + (artefacts.clipping - slope * away) / grid.spacing[1]
    if artefacts.clipping < 0:
        # A wedge stays clear of the retina everywhere.
        last = np.minimum(last, inner + artefacts.clipping / grid.spacing[1])
    rows = np.arange(tissue.shape[1], dtype=np.float32)[None, :, None]
    lost: NDArray[np.bool_] = rows < last[:, None]
    tissue[lost] = Tissue.CLIPPING_ARTEFACT
    return lost


def blinked(artefacts: Artefacts, count: int) -> slice:
    """Return which B-scans were taken while the eye was closed."""
    first, last = artefacts.blink
    if first == last:
        return slice(0, 0)
    start = round(first * count)
    return slice(start, max(start + 1, round(last * count)))


def close_lid(painted: Painted, scans: slice) -> None:
    """Darken blinked B-scans and mark them, in place."""
    painted.level[scans] *= _DARK
    painted.tissue[scans] = Tissue.BLINK_ARTEFACT
