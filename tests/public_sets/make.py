"""Tiny sets laid out as the public ones are."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.io import savemat

from triage.public_sets.segmentation_spec import SegmentationSpec


def write_grey(path: Path, pixels: NDArray[np.uint8] | int) -> Path:
    """One grey picture; a number stands for 8 x 8 pixels that no other number gives."""
    if isinstance(pixels, int):
        pixels = np.random.default_rng(pixels).integers(0, 256, (8, 8), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def make_segmentation_spec(**changes: Any) -> SegmentationSpec:
    content: dict[str, Any] = {
        "name": "tiny",
        "title": "Tiny",
        "licence": "none",
        "source": "made up",
        "leak": "none",
        "layout": "manifest",
        "classes": ["background", "layer", "fluid"],
        "context": False,
    }
    content |= changes
    if content["layout"] == "manifest":
        content.setdefault("rows", {})
    return SegmentationSpec.model_validate(content)


def write_meta_image(
    path: Path,
    voxels: NDArray[Any],
    kind: str = "MET_UCHAR",
    *,
    compressed: bool = False,
    **fields: str,
) -> Path:
    """Write a header and its data as the format's documentation has them, field by field."""
    z, y, x = voxels.shape
    data = voxels.tobytes()
    header = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": str(compressed),
        "ElementSpacing": "0.0117 0.0035 0.047",
        "DimSize": f"{x} {y} {z}",
        "ElementType": kind,
        "ElementDataFile": path.with_suffix(".zraw" if compressed else ".raw").name,
    } | fields
    last = header.pop("ElementDataFile")
    lines = [*(f"{key} = {value}" for key, value in header.items()), f"ElementDataFile = {last}"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    packed = zlib.compress(data) if compressed else data
    if last == "LOCAL":
        with path.open("ab") as stream:
            stream.write(packed)
    elif "ElementDataFile" not in fields:
        (path.parent / last).write_bytes(packed)
    return path


def duke_arrays(count: int = 5, annotated: tuple[int, ...] = (1, 3)) -> dict[str, NDArray[Any]]:
    """One subject of 24 x 10 pixels; layers lie at rows 3, 5, ..., 17 in columns 2 to 7."""
    rng = np.random.default_rng(0)
    layers = np.full((8, 10, count), np.nan)
    fluid = np.full((24, 10, count), np.nan)
    for place in annotated:
        layers[:, 2:8, place] = (np.arange(8) * 2 + 3)[:, None]
        fluid[:, :, place] = 0
        fluid[9:12, 4:6, place] = 7
    second = fluid.copy()
    second[11, 4:6, list(annotated)] = 0
    return {
        "images": rng.integers(0, 256, (24, 10, count), dtype=np.uint8),
        "manualFluid1": fluid,
        "manualFluid2": second,
        "manualLayers1": layers,
        "manualLayers2": layers + 1,
        "automaticFluidDME": np.zeros((24, 10, count)),
    }


def write_duke(path: Path, arrays: dict[str, NDArray[Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, arrays, do_compression=True)
    return path
