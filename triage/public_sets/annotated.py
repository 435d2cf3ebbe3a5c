"""One annotated volume or B-scan, in the same form for all sets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.errors import SpecError
from triage.oct_imaging.volume import Spacing
from triage.public_sets.segmentation_spec import SegmentationSpec
from triage.regular_file import is_below

_SHOWN = 8


@dataclass(frozen=True)
class Annotated:
    """B-scans with the classes that graders drew on some of them.

    Parameters
    ----------
    bscans : uint8 array [K, H, W]
        The volume, or the one B-scan there is (K = 1).
    centres : tuple of int, length n
        Which B-scans are annotated, ascending; the others are their context.
    masks : uint8 array [G, n, H, W]
        Class of every pixel by each of G graders.
    group : str
        Unit that must stay in one split: patient, eye, or the image itself.
    name : str
        Of the item, unique in its set.
    spacing : Spacing or None
        None where the set does not give a scale.
    """

    bscans: NDArray[np.uint8] = field(repr=False)
    centres: tuple[int, ...]
    masks: NDArray[np.uint8] = field(repr=False)
    group: str
    name: str
    spacing: Spacing | None = None

    def __post_init__(self) -> None:
        """Check shapes; raise ValueError on the first violation."""
        if self.bscans.ndim != 3 or self.bscans.dtype != np.uint8 or 0 in self.bscans.shape:
            raise ValueError(f"B-scans must be uint8 [K, H, W], not {self.bscans.shape}")
        count, *sides = self.bscans.shape
        if self.masks.ndim != 4 or self.masks.dtype != np.uint8 or 0 in self.masks.shape:
            raise ValueError(f"masks must be uint8 [G, n, H, W], not {self.masks.shape}")
        if self.masks.shape[1:] != (len(self.centres), *sides):
            raise ValueError(f"masks {self.masks.shape} do not fit {self.bscans.shape}")
        if list(self.centres) != sorted({*self.centres} & {*range(count)}):
            raise ValueError(f"centres {self.centres} are not ascending places of {count} B-scans")


@dataclass(frozen=True)
class Entry:
    """An item whose location is known but which is not read yet."""

    name: str
    group: str
    read: Callable[[], Annotated]


def file_problem(folder: Path, name: str) -> str:
    """Return the problem with a file that a table in `folder` names; '' if none."""
    path = PurePosixPath(name)
    if not name.strip():
        return "an image or mask is not named"
    if path.is_absolute() or ".." in path.parts:
        return f"{name}: leaves the folder of the table"
    if not (folder / name).is_file():
        return f"{name}: missing file"
    if not is_below(folder / name, folder):
        return f"{name}: a symbolic link leaves the folder of the table"
    return ""


def as_classes(stored: NDArray[Any], spec: SegmentationSpec, where: str) -> NDArray[np.uint8]:
    """Convert stored mask values to classes.

    Parameters
    ----------
    stored : integer array
        As in the file.
    spec : SegmentationSpec
        Its classes, ignore value and mapping.
    where : str
        For messages.

    Returns
    -------
    uint8 array of the same shape

    Raises
    ------
    SpecError
        If a value is neither a class nor mapped to one nor the ignore value.
    """
    known = {value: value for value in range(len(spec.classes))} | spec.values
    if spec.ignore is not None:
        known.setdefault(spec.ignore, spec.ignore)
    if strange := [value for value in _values(stored) if value not in known]:
        shown = ", ".join(f"{value:g}" for value in strange[:_SHOWN])
        more = " and more" if len(strange) > _SHOWN else ""
        raise SpecError(
            f"the mask has values that are no class: {shown}{more}",
            where=where,
            hint="Map them in the spec's `values`, or hint the mask.",
        )
    meaning = np.zeros(256, dtype=np.uint8)
    for value, label in known.items():
        meaning[value] = label
    return meaning[stored.astype(np.uint8)]


def _values(stored: NDArray[Any]) -> list[float]:
    """Different values of an array, ascending."""
    if stored.dtype != np.uint8:
        found: list[float] = np.unique(stored).tolist()
        return found
    seen = np.zeros(256, dtype=np.bool_)
    seen[stored] = True  # far quicker than sorting a whole volume
    return [float(value) for value in np.flatnonzero(seen)]


def between_surfaces(surfaces: NDArray[np.floating], height: int, ignore: int) -> NDArray[np.uint8]:
    """Convert boundaries to classes: class i lies below i of them.

    Parameters
    ----------
    surfaces : float array [L, W]
        Row of each boundary from the top down, 0 the middle of the first row; NaN where it
        was not drawn.
    height : int
        Rows of the B-scan.
    ignore : int
        Value of columns in which a boundary is missing or two cross.

    Returns
    -------
    uint8 array [H, W]
    """
    rows = np.arange(height, dtype=np.float64)[:, None]
    mask = np.zeros((height, surfaces.shape[1]), dtype=np.uint8)
    for surface in surfaces:
        mask += rows >= surface
    # a NaN makes no difference ascending, so such columns are unsound like crossed ones
    sound = (np.diff(surfaces, axis=0) >= 0).all(axis=0) & np.isfinite(surfaces).all(axis=0)
    mask[:, ~sound] = ignore
    return mask
