"""Rows of the boundaries implied by a tissue map, for drawing and for slabs."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from triage.measurements.thickness import ABOVE_BRUCH
from triage.vocabulary.tissues import RETINA, Tissue

Rows = NDArray[np.float32]


class Boundaries(NamedTuple):
    """Boundaries in rows from the top, float32 [..., S, W], NaN where absent.

    Parameters
    ----------
    ilm : array
        First row of the retina.
    outer : array
        First row below the retina.
    bruch : array
        First row below everything that lies over Bruch's membrane.
    """

    ilm: Rows
    outer: Rows
    bruch: Rows


def boundaries(tissue: NDArray[np.uint8]) -> Boundaries:
    """Find the first and last row of the retina and of what lies over Bruch's membrane.

    Parameters
    ----------
    tissue : uint8 array [..., S, H, W]

    Returns
    -------
    Boundaries
        In a map of clean layers, `outer - ilm` rows are the retinal thickness and
        `bruch - ilm` the total thickness.
    """
    retina = _belongs(tissue, RETINA)
    over_bruch = _belongs(tissue, ABOVE_BRUCH)
    return Boundaries(_first(retina), _after_last(retina), _after_last(over_bruch))


def _belongs(tissue: NDArray[np.uint8], tissues: Collection[Tissue]) -> NDArray[np.bool_]:
    table = np.zeros(256, dtype=np.bool_)
    table[list(tissues)] = True
    return table[tissue]


def _first(there: NDArray[np.bool_]) -> Rows:
    rows = there.argmax(axis=-2).astype(np.float32)
    return np.where(there.any(axis=-2), rows, np.float32(np.nan))


def _after_last(there: NDArray[np.bool_]) -> Rows:
    return np.float32(there.shape[-2]) - _first(there[..., ::-1, :])
