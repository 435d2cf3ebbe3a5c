"""Thickness of the retina in every column of a tissue map.

Thickness is counted, not read off two boundaries: the voxels of a column that belong to the
tissue, times the distance between rows. In a map of clean layers that is the distance between
the boundaries; a stray voxel of a doubtful map changes it by one row, and not by hundreds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.measurements.columns import Counts, voxels
from triage.vocabulary.tissues import PIGMENT_EPITHELIAL_DETACHMENTS, RETINA, Tissue

TRACE = 0.02
"""Less of a class than this share of a column counts as stray voxels (our default)."""

SUBRETINAL = (Tissue.SUBRETINAL_FLUID, Tissue.SUBRETINAL_HYPERREFLECTIVE)
UNDER_RETINA = (*SUBRETINAL, Tissue.RPE, *PIGMENT_EPITHELIAL_DETACHMENTS, Tissue.CHOROID)
ABOVE_BRUCH = (*RETINA, *SUBRETINAL, Tissue.RPE, *PIGMENT_EPITHELIAL_DETACHMENTS)

FloatMap = NDArray[np.float32]


def retinal_thickness(counts: Counts, depth: float) -> FloatMap:
    """Thickness of the neurosensory retina, from the ILM to the first thing below it.

    Fluid within the retina and a membrane on it count; sub-retinal fluid or material, the RPE
    and what lifts it do not.

    Parameters
    ----------
    counts : uint16 array [..., S, 15, W]
        Of `column_counts`.
    depth : float
        mm between rows.

    Returns
    -------
    float32 array [..., S, W]
        In um; NaN where there is no retina (also in a full-thickness hole), where nothing is
        seen below it, and where a blink, a mirror artefact or clipping spoils the column.
    """
    return _thickness(counts, depth, RETINA)


def total_thickness(counts: Counts, depth: float) -> FloatMap:
    """Thickness from the ILM to Bruch's membrane, as most vendors state it.

    Everything above the choroid counts: retina, sub-retinal fluid and material, RPE, PED.

    Parameters
    ----------
    counts : uint16 array [..., S, 15, W]
    depth : float
        mm between rows.

    Returns
    -------
    float32 array [..., S, W]
        In um; NaN as for `retinal_thickness`.
    """
    return _thickness(counts, depth, ABOVE_BRUCH)


def artefact_free(counts: Counts) -> NDArray[np.bool_]:
    """Columns that can be measured as far as artefacts go, bool [..., S, W]."""
    height = counts.sum(axis=-2, dtype=np.int64)
    overlaid = voxels(counts, (Tissue.MIRROR_ARTEFACT, Tissue.BLINK_ARTEFACT)) > TRACE * height
    free: NDArray[np.bool_] = ~overlaid & ~clipped_columns(counts)
    return free


def clipped_columns(counts: Counts) -> NDArray[np.bool_]:
    """Columns in which clipping reaches the retina, bool [..., S, W].

    A blank wedge, as alignment of B-scans leaves, does no harm while vitreous is seen below it.
    """
    height = counts.sum(axis=-2, dtype=np.int64)
    vitreous = voxels(counts, (Tissue.VITREOUS, Tissue.POSTERIOR_HYALOID))
    clipping = counts[..., Tissue.CLIPPING_ARTEFACT, :]
    clipped: NDArray[np.bool_] = (clipping > TRACE * height) & (vitreous <= TRACE * height)
    return clipped


def bare_columns(counts: Counts) -> NDArray[np.bool_]:
    """Columns with RPE but no retina over it, as in a full-thickness hole, bool [..., S, W]."""
    rpe = counts[..., Tissue.RPE, :] > 0
    bare: NDArray[np.bool_] = artefact_free(counts) & rpe & (voxels(counts, RETINA) == 0)
    return bare


def _thickness(counts: Counts, depth: float, tissues: tuple[Tissue, ...]) -> FloatMap:
    measurable = (
        artefact_free(counts)
        & (counts[..., Tissue.NEUROSENSORY_RETINA, :] > 0)
        & (voxels(counts, UNDER_RETINA) > 0)
    )
    thickness = voxels(counts, tissues) * (1000.0 * depth)
    return np.where(measurable, thickness, np.nan).astype(np.float32)
