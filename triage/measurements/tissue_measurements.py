"""Measurements of a reading: thickness, volumes and areas, each with its spread."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from triage.errors import UsageError
from triage.measurements.columns import Counts, column_counts
from triage.measurements.etdrs import CENTRE, DIAMETERS, Eye, Grid, etdrs_grid, field_mean
from triage.measurements.macula import Point, fovea, middle
from triage.measurements.thickness import bare_columns, retinal_thickness, total_thickness
from triage.measurements.tissue_volume import NANOLITRES, atrophy_area, volume_mm3
from triage.oct_reading import Measurement
from triage.vocabulary.tissues import Tissue

VOLUMES = {
    "intraretinal fluid": Tissue.INTRARETINAL_FLUID,
    "subretinal fluid": Tissue.SUBRETINAL_FLUID,
    "subretinal hyperreflective material": Tissue.SUBRETINAL_HYPERREFLECTIVE,
    "drusenoid PED": Tissue.DRUSENOID_PED,
    "serous PED": Tissue.SEROUS_PED,
    "fibrovascular PED": Tissue.FIBROVASCULAR_PED,
}
CIRCLE_AREA = float(np.pi * (DIAMETERS[-1] / 2) ** 2)


@dataclass(frozen=True)
class Measured:
    """Result of `measure`.

    Parameters
    ----------
    measurements : tuple of Measurement
        Always the same names in the same order for one laterality.
    thickness, thickness_spread : float32 array [S, W]
        Retinal thickness in um: mean and standard deviation over the instances that measured
        the column; NaN where none did, or without spacing.
    fovea : (B-scan, column) or None
        As indices, where it was found.
    """

    measurements: tuple[Measurement, ...]
    thickness: NDArray[np.float32] = field(repr=False)
    thickness_spread: NDArray[np.float32] = field(repr=False)
    fovea: Point | None = None


def measure(
    maps: NDArray[np.uint8],
    spacing: tuple[float, float, float] | None,
    laterality: Eye | None,
    *,
    superior_first: bool = True,
    centre: Point | None = None,
) -> Measured:
    """Measure the map of every instance; the spread shows the segmentation's uncertainty.

    Parameters
    ----------
    maps : uint8 array [M, S, H, W]
        Tissue maps of M segmentation instances.
    spacing : (bscan, depth, column) or None
        mm. Without it nothing is measured, but every measurement is named.
    laterality : 'R', 'L' or None
    superior_first : bool
        Whether the first B-scan is the uppermost.
    centre : (B-scan, column), optional
        The fovea; found on the mean thickness map if not given, one for all instances.

    Raises
    ------
    UsageError
        If the maps are not uint8 [M, S, H, W].
    """
    if maps.ndim != 4:
        raise UsageError(f"tissue maps of instances are [M, S, H, W], not {list(maps.shape)}")
    grid_shape = (maps.shape[1], maps.shape[3])
    if spacing is None:
        names = _names(etdrs_grid(grid_shape, 1.0, 1.0, (0.0, 0.0), laterality))
        unknown = np.full(grid_shape, np.nan, dtype=np.float32)
        nothing = tuple(_summary(name, unit, [None]) for name, unit in names)
        return Measured(nothing, unknown, unknown.copy())
    bscan, depth, column = spacing
    counts = column_counts(maps)
    retina = retinal_thickness(counts, depth)
    mean, spread = _over_instances(retina)
    if centre is None:
        centre = fovea(mean, bscan, column, bare_columns(counts).mean(axis=0) > 0.5)
    # without a fovea no field can be laid; everything in them is then unknown
    total = total_thickness(counts, depth)
    if centre is None:
        retina, total = np.full_like(retina, np.nan), np.full_like(total, np.nan)
    place = centre or middle(grid_shape)
    grid = etdrs_grid(grid_shape, bscan, column, place, laterality, superior_first)
    values = [*_thickness_values(retina, total, grid, place), *_volumes(counts, spacing)]
    found = tuple(
        _summary(name, unit, row) for (name, unit), row in zip(_names(grid), values, strict=True)
    )
    return Measured(found, mean, spread, centre)


def _names(grid: Grid) -> list[tuple[str, str]]:
    """Name and unit of every measurement, in order."""
    return [
        *((f"{name} thickness", "um") for name in grid.fields),
        (f"{CENTRE} thickness to Bruch's membrane", "um"),
        ("central point thickness", "um"),
        ("mean macular thickness", "um"),
        ("macular volume", "mm3"),
        *((f"{name} volume", "nl") for name in VOLUMES),
        ("geographic atrophy area", "mm2"),
    ]


def _thickness_values(
    retina: NDArray[np.float32], total: NDArray[np.float32], grid: Grid, centre: Point
) -> list[list[float | None]]:
    """For every instance: fields, centre to Bruch's membrane, central point, mean, volume."""
    fields = [[_mean(one, grid, name) for one in retina] for name in grid.fields]
    to_bruch = [_mean(one, grid, CENTRE) for one in total]
    row, col = round(centre[0]), round(centre[1])
    point = [float(one[row, col]) if np.isfinite(one[row, col]) else None for one in retina]
    whole = [field_mean(one, grid.circle, CIRCLE_AREA, grid.column_area)[0] for one in retina]
    # um * mm2 / 1000 = mm3
    volume = [None if mean is None else mean * CIRCLE_AREA / 1000 for mean in whole]
    return [*fields, to_bruch, point, whole, volume]


def _mean(values: NDArray[np.float32], grid: Grid, name: str) -> float | None:
    return field_mean(values, grid.fields[name], grid.area[name], grid.column_area)[0]


def _volumes(counts: Counts, spacing: tuple[float, float, float]) -> list[list[float | None]]:
    volumes = [volume_mm3(counts, (one,), spacing) * NANOLITRES for one in VOLUMES.values()]
    return [row.tolist() for row in (*volumes, atrophy_area(counts, spacing[0], spacing[2]))]


def _over_instances(
    thickness: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation over the instances that measured each column."""
    known = np.isfinite(thickness)
    number = np.where(known.any(axis=0), known.sum(axis=0), np.nan)
    mean = np.where(known, thickness, 0.0).sum(axis=0) / number
    variance = np.where(known, (thickness - mean) ** 2, 0.0).sum(axis=0) / number
    return mean.astype(np.float32), np.sqrt(variance).astype(np.float32)


def _summary(name: str, unit: str, values: Iterable[float | None]) -> Measurement:
    """Mean, smallest and largest over the instances that could measure it."""
    known = [float(value) for value in values if value is not None]
    if not known:
        return Measurement(name=name, unit=unit, value=None, low=None, high=None)
    mean = sum(known) / len(known)
    return Measurement(name=name, unit=unit, value=mean, low=min(known), high=max(known))
