"""Layout `retouch`: one folder per case with MetaImage volumes `oct` and `reference`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from triage.errors import SpecError
from triage.oct_imaging.claims import is_plausible
from triage.oct_imaging.volume import Spacing
from triage.public_sets.annotated import Annotated, Entry, as_classes
from triage.public_sets.meta_image import read_meta_image
from triage.public_sets.segmentation_spec import SegmentationSpec

_IMAGE, _MASK = "oct.mhd", "reference.mhd"


def find(spec: SegmentationSpec, root: Path) -> list[Entry]:
    """List the cases with a reference, at any depth; the test sets have none and are left out.

    Raises
    ------
    SpecError
        If no case has a reference, or one has no image.
    """
    folders = sorted(path.parent for path in root.rglob(_MASK))
    if not folders:
        raise SpecError(
            f"no folder holds {_IMAGE} and {_MASK}",
            where=str(root),
            hint="Unpack the training sets below this folder.",
        )
    names = [folder.relative_to(root).as_posix() for folder in folders]
    problems = tuple(
        f"{name}: {_IMAGE} is missing"
        for name, folder in zip(names, folders, strict=True)
        if not (folder / _IMAGE).is_file()
    )
    if problems:
        raise SpecError("cases are incomplete", where=str(root), problems=problems)
    return [
        Entry(name, folder.name, partial(_read, spec, folder, name))
        for name, folder in zip(names, folders, strict=True)
    ]


def _read(spec: SegmentationSpec, folder: Path, name: str) -> Annotated:
    image = read_meta_image(folder / _IMAGE)
    reference = read_meta_image(folder / _MASK)
    if reference.voxels.shape != image.voxels.shape:
        raise SpecError(
            f"the reference has shape {reference.voxels.shape}, the volume {image.voxels.shape}",
            where=name,
        )
    masks = as_classes(reference.voxels, spec, f"{name}/{_MASK}")
    return Annotated(
        bscans=_eight_bits(image.voxels, name),
        centres=tuple(range(len(masks))),
        masks=masks[None],
        group=folder.name,
        name=name,
        spacing=_spacing(image.spacing),
    )


def _eight_bits(voxels: np.ndarray, name: str) -> np.ndarray:
    """Return uint8: 8-bit numbers as they are, 16-bit ones divided by 257."""
    if voxels.dtype == np.uint8:
        return voxels
    if voxels.dtype.kind not in "ui" or voxels.min() < 0 or voxels.max() > np.iinfo(np.uint16).max:
        raise SpecError("the volume has no 8- or 16-bit grey values", where=f"{name}/{_IMAGE}")
    return (voxels if voxels.max() <= np.iinfo(np.uint8).max else voxels // 257).astype(np.uint8)


def _spacing(sides: tuple[float, float, float] | None) -> Spacing | None:
    """Distances in mm; None for placeholders such as the 1, 1, 1 that some programs write."""
    axes = ("bscan", "depth", "column")
    if sides is None or not all(map(is_plausible, axes, sides)):
        return None
    return Spacing(*sides)
