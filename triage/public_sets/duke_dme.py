"""Layout `duke_dme`: MATLAB files of one volume each, two graders on some of its B-scans.

Chiu et al. 2015 (doi 10.1364/BOE.6.001172). Arrays of the published files: `images`
[rows, columns, B-scans]; `manualFluid1`, `manualFluid2` of that shape, a number a fluid region;
`manualLayers1`, `manualLayers2` [8, columns, B-scans], rows counted from 1, NaN where not drawn.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.errors import ImageRejected, RejectReason, SpecError
from triage.imaging.shown_name import shown_name
from triage.oct_imaging.limits import DEFAULT_VOLUME_LIMITS, VolumeLimits
from triage.public_sets.annotated import Annotated, Entry, between_surfaces
from triage.public_sets.mat_bounds import check_arrays
from triage.public_sets.segmentation_spec import SegmentationSpec
from triage.regular_file import open_regular

_BOUNDARIES = 8
_LAYERS = ("manualLayers1", "manualLayers2")
_FLUID = ("manualFluid1", "manualFluid2")
_CLASSES = {"fluid": 2, "layers": _BOUNDARIES + 1}


def find(spec: SegmentationSpec, root: Path) -> list[Entry]:
    """List the files `Subject_*.mat`, each of one eye.

    Raises
    ------
    SpecError
        If there is none, or the spec's classes are not as many as its target has.
    """
    wanted = _CLASSES[str(spec.target)]
    if len(spec.classes) != wanted:
        raise SpecError(f"target {spec.target} has {wanted} classes", where=spec.name)
    files = sorted(root.rglob("Subject_*.mat"))
    if not files:
        raise SpecError(
            "there are no files Subject_*.mat",
            where=str(root),
            hint="Unpack the archive 2015_BOE_Chiu below this folder.",
        )
    return [Entry(path.stem, path.stem, partial(_read, spec, path)) for path in files]


def _read(spec: SegmentationSpec, path: Path) -> Annotated:
    wanted = ("images", *_LAYERS, *(_FLUID if spec.target == "fluid" else ()))
    found = _load(path, wanted)
    where = shown_name(path)
    images = found["images"]
    if images.dtype.kind not in "uif" or not (images.min() >= 0 and images.max() <= 255):
        raise SpecError("images are not grey values of 0 to 255", where=where)
    layers = np.stack([found[name] for name in _LAYERS])
    drawn = np.isfinite(layers).any(axis=(1, 2)).all(axis=0)
    centres = tuple(np.flatnonzero(drawn).tolist())
    if not centres:
        raise SpecError("no B-scan is annotated by both graders", where=where)
    ignore = int(spec.ignore or 0)
    if spec.target == "layers":
        masks = [
            [between_surfaces(grader[..., place] - 1, images.shape[0], ignore) for place in centres]
            for grader in layers
        ]
    else:
        fluid = np.stack([found[name] for name in _FLUID])
        masks = [
            [_fluid(marks[..., place], lines[..., place], ignore) for place in centres]
            for marks, lines in zip(fluid, layers, strict=True)
        ]
    bscans = np.ascontiguousarray(images.transpose(2, 0, 1).astype(np.uint8))
    return Annotated(bscans, centres, np.array(masks), path.stem, path.stem)


def _fluid(
    marks: NDArray[np.floating], lines: NDArray[np.floating], ignore: int
) -> NDArray[np.uint8]:
    """Return 1 in fluid; columns in which the grader drew nothing were not graded."""
    mask: NDArray[np.uint8] = (np.nan_to_num(marks) > 0).astype(np.uint8)
    judged = np.isfinite(lines).any(axis=0) | mask.any(axis=0)
    mask[:, ~judged] = ignore
    return mask


def _load(
    path: Path, wanted: tuple[str, ...], limits: VolumeLimits = DEFAULT_VOLUME_LIMITS
) -> dict[str, NDArray[Any]]:
    """Read the requested arrays after a check of their headers.

    Raises
    ------
    ImageRejected
        If it is no MATLAB file of version 5, is damaged or too large.
    SpecError
        If an array is missing or its shape does not fit.
    """
    from scipy.io import loadmat, whosmat

    where = shown_name(path)
    try:
        with open_regular(path) as stream:
            limits.check_bytes(os.fstat(stream.fileno()).st_size)
            check_arrays(stream, wanted)
            stream.seek(0)
            shapes = {name: shape for name, shape, _ in whosmat(stream)}
            problems = _misshapen(shapes, wanted, limits)
            if problems:
                raise SpecError("is no subject of Duke DME", where=where, problems=tuple(problems))
            stream.seek(0)
            found = loadmat(stream, variable_names=list(wanted))
        arrays = {name: np.asarray(found[name]) for name in wanted}
        if any(array.dtype.kind not in "uif" for array in arrays.values()):
            raise SpecError("holds something other than real numbers", where=where)
        if any(array.shape != shapes[name] for name, array in arrays.items()):
            raise SpecError("the arrays do not match its headers", where=where)
        return arrays
    except ImageRejected as refusal:
        raise ImageRejected(refusal.reason, refusal.what, where=where) from None
    except SpecError:
        raise
    except MemoryError:
        reason, what = RejectReason.TOO_LARGE, "Reading the file needs more memory than there is."
    except Exception:
        # the MATLAB reader raises nearly anything on damaged files
        reason, what = RejectReason.UNREADABLE, "The file is damaged or no MATLAB 5 file."
    raise ImageRejected(reason, what, where=where)


def _misshapen(
    shapes: dict[str, tuple[int, ...]], wanted: tuple[str, ...], limits: VolumeLimits
) -> list[str]:
    if absent := [name for name in wanted if name not in shapes]:
        return [f"{name}: missing" for name in absent]
    if len(shapes["images"]) != 3:
        return [f"images: shape {shapes['images']}"]
    rows, columns, count = shapes["images"]
    limits.check_shape(count, rows, columns)
    limits.check_bytes(rows * columns * count * np.dtype(np.float64).itemsize)
    expected = dict.fromkeys(wanted, (rows, columns, count))
    expected |= dict.fromkeys(_LAYERS, (_BOUNDARIES, columns, count))
    return [
        f"{name}: shape {shapes[name]}, expected {expected[name]}"
        for name in wanted
        if shapes[name] != expected[name]
    ]
