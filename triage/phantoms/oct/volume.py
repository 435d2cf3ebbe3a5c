"""OCT phantoms: a volume with its complete ground truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from triage.errors import UsageError
from triage.phantoms.oct.devices import PhantomDevice, Size
from triage.phantoms.oct.eyes import BLOCK
from triage.phantoms.oct.faults import blank, blinked, close_lid, fold
from triage.phantoms.oct.geometry import geometry_of
from triage.phantoms.oct.grid import grid_of
from triage.phantoms.oct.lesions import Field
from triage.phantoms.oct.paint import paint, paint_cysts, surfaces_of
from triage.phantoms.oct.plan import VolumePlan, plan_volume
from triage.phantoms.oct.reflectivity import stack_of
from triage.phantoms.oct.speckle import develop, texture_choroid
from triage.vocabulary.tissues import (
    ARTEFACTS,
    FLUIDS,
    PIGMENT_EPITHELIAL_DETACHMENTS,
    RETINA,
    Tissue,
)

_NANOLITRES = 1000.0
_MEASURED = (*FLUIDS, Tissue.SUBRETINAL_HYPERREFLECTIVE, *PIGMENT_EPITHELIAL_DETACHMENTS)


@dataclass(frozen=True, eq=False)
class OctPhantom:
    """One volume.

    Parameters
    ----------
    case_id, patient_id : str
    bscans : uint8 array [S, H, W]
        Row 0 is the vitreous side.
    tissue : uint8 array [S, H, W]
        `triage.vocabulary.tissues.Tissue` of each voxel.
    surfaces : dict of float32 array [S, W]
        Exact surfaces in rows (a voxel's centre is at its row's number); NaN where blinked,
        clipped or out of the scan.
    thickness : float32 array [S, W]
        Of the neurosensory retina in um, fluid within it and a membrane on it included: voxels
        times their height; NaN in columns with an artefact.
    spacing : tuple of float
        mm between B-scans, rows, columns.
    laterality : {'R', 'L'}
    device : str
    condition : str
        Referral class, or the name of a rare condition.
    phenotype : str
    diagnoses : dict of bool
        Keys of `triage.vocabulary.diagnoses.DIAGNOSES`; empty for a rare condition.
    age : int
        Years.
    sex, quality : str
    truth : dict
        Every drawn number, and `volumes_nl`: exact volume of each fluid and detachment in nl.
    """

    case_id: str
    patient_id: str
    bscans: NDArray[np.uint8] = field(repr=False)
    tissue: NDArray[np.uint8] = field(repr=False)
    surfaces: dict[str, Field] = field(repr=False)
    thickness: Field = field(repr=False)
    spacing: tuple[float, float, float]
    laterality: Literal["R", "L"]
    device: str
    condition: str
    phenotype: str
    diagnoses: dict[str, bool]
    age: int
    sex: str
    quality: str
    truth: dict[str, Any] = field(repr=False)


def generate_volume(plan: VolumePlan, size: Size | None = None) -> OctPhantom:
    """Render a planned volume.

    Parameters
    ----------
    plan : VolumePlan
    size : tuple of int, optional
        B-scans, rows, columns; each at least 2, 16, 16. The device's own by default.

    Raises
    ------
    UsageError
        If the size is too small.
    """
    size = checked_size(size, plan.device)
    nasal = 1 if plan.eye.laterality == "R" else -1
    grid = grid_of(plan.stream(1), size, plan.device, plan.artefacts, nasal)
    geometry = geometry_of(plan, grid)
    above = int(np.ceil(plan.artefacts.mirror / grid.spacing[1])) + 2
    above = above if plan.artefacts.mirror else 0
    rows = {name: top / np.float32(grid.spacing[1]) + above for name, top in geometry.top.items()}
    texture = plan.stream(4)
    painted = paint(stack_of(geometry, grid, rows, texture), rows, size[1] + above)
    paint_cysts(painted, plan.lesions.cysts, grid, rows)
    texture_choroid(painted, grid, texture)
    painted = fold(painted, above)

    surfaces = {name: each - np.float32(above) for name, each in surfaces_of(rows).items()}
    lost = blank(painted.tissue, plan.artefacts, grid, surfaces["ilm"])
    painted.level[lost] = 0
    shut = blinked(plan.artefacts, size[0])
    close_lid(painted, shut)
    tissue = np.ascontiguousarray(painted.tissue)
    bscans = develop(painted.level, plan.device, plan.artefacts.signal, plan.stream(5))
    lost[shut] = False
    bscans[lost] = 0

    _hide(surfaces, tissue)
    truth = plan.truth()
    voxel = float(np.prod(grid.spacing)) * _NANOLITRES
    counts = np.bincount(tissue.reshape(-1), minlength=len(Tissue))
    truth["volumes_nl"] = {each.name.lower(): float(counts[each]) * voxel for each in _MEASURED}
    return OctPhantom(
        case_id=plan.case_id,
        patient_id=plan.eye.patient_id,
        bscans=bscans,
        tissue=tissue,
        surfaces=surfaces,
        thickness=_thickness(tissue, grid.spacing[1]),
        spacing=grid.spacing,
        laterality=plan.eye.laterality,
        device=plan.device.name,
        condition=plan.condition,
        phenotype=plan.phenotype.name,
        diagnoses=plan.diagnoses,
        age=plan.eye.age,
        sex=plan.eye.sex,
        quality=plan.artefacts.quality,
        truth=truth,
    )


def generate_volumes(
    n_cases: int,
    seed: int,
    *,
    device: str = "A",
    size: Size | None = None,
    rare_fraction: float = 0.2,
    start: int = 0,
) -> Iterator[OctPhantom]:
    """Generate volumes `start` to `start + n_cases` of a seed's unlimited series.

    A volume depends on the seed, its index, the device, the size and the rare fraction alone.

    Parameters
    ----------
    n_cases, seed : int
    device : {'A', 'B'}
    size : tuple of int, optional
        B-scans, rows, columns; the device's own by default.
    rare_fraction : float
        Share of rare conditions, 0 to 1.
    start : int
        Index of the first case, a multiple of `BLOCK` (10): series that share no index then
        share no patient.

    Raises
    ------
    UsageError
        At once, if an argument is out of range.
    """
    plans = plan_volumes(n_cases, seed, device=device, rare_fraction=rare_fraction, start=start)
    size = checked_size(size, plans[0].device)
    return (generate_volume(plan, size) for plan in plans)


def plan_volumes(
    n_cases: int, seed: int, *, device: str, rare_fraction: float, start: int
) -> list[VolumePlan]:
    """Check the arguments of `generate_volumes` and draw the plans without the voxels."""
    if n_cases < 1:
        raise UsageError("must be at least 1.", where="n_cases")
    if start < 0 or start % BLOCK:
        raise UsageError(
            f"must be a multiple of {BLOCK} and not negative, so that no patient is cut in two.",
            where="start",
        )
    return [
        plan_volume(seed, index, device, rare_fraction) for index in range(start, start + n_cases)
    ]


def checked_size(size: Size | None, device: PhantomDevice) -> Size:
    """Return the size to render, the device's own by default; refuse one that is too small."""
    if size is None:
        return device.size
    if len(size) != 3 or size[0] < 2 or min(size[1:]) < 16:
        raise UsageError("must be at least 2 B-scans of 16 x 16.", where="size")
    return size


def _hide(surfaces: dict[str, Field], tissue: NDArray[np.uint8]) -> None:
    """Set surfaces to NaN where they cannot be seen, in place."""
    height = tissue.shape[1]
    for each in surfaces.values():
        row = np.clip(np.ceil(each), 0, height - 1).astype(np.intp)
        at = np.take_along_axis(tissue, row[:, None], axis=1)[:, 0]
        each[np.isin(at, ARTEFACTS) | (each < 0) | (each > height - 1)] = np.nan


def _thickness(tissue: NDArray[np.uint8], depth: float) -> Field:
    is_retina = np.zeros(256, np.uint8)
    is_retina[list(RETINA)] = 1
    is_fault = np.zeros(256, bool)
    is_fault[list(ARTEFACTS)] = True
    thickness: Field = is_retina[tissue].sum(axis=1, dtype=np.float32) * np.float32(1000 * depth)
    thickness[is_fault[tissue].any(axis=1)] = np.nan
    return thickness
