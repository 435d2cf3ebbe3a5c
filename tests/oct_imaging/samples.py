"""Tiny OCT volumes that the tests make themselves, in every form they come in."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset

from tests.imaging.samples import dicom_dataset, encode

SPACING = (0.12, 0.004, 0.011)  # B-scans, rows, columns; mm


def retina(
    bscans: int = 5, rows: int = 48, columns: int = 40, *, seed: int = 0
) -> NDArray[np.uint8]:
    """Dark vitreous, a retina that begins sharply, a bright last layer and a fading choroid.

    The n-th B-scan's last layer lies n rows deeper: its order shows in the pixels.
    """
    rng = np.random.default_rng(seed)
    depth = np.arange(rows)[:, None] - rows * 0.4 - 2 * np.cos(np.arange(columns) / 8)
    volume = np.empty((bscans, rows, columns))
    for index in range(bscans):
        epithelium = rows * 0.2 + index
        layers = 15 + 140 * ((depth > 0) & (depth < epithelium))
        layers = layers + 70 * (np.abs(depth - epithelium) < 2)
        fading = 140 * np.exp(-(depth - epithelium) / (0.12 * rows))
        volume[index] = np.where(depth > epithelium, layers + np.minimum(fading, 140), layers)
    return np.clip(volume + rng.normal(0, 4, volume.shape), 0, 255).astype(np.uint8)


def groups(
    frames: int,
    *,
    spacing: tuple[float, float, float] | None = SPACING,
    lateralities: list[str] | None = None,
    places: list[float] | None = None,
    lines: list[list[float]] | None = None,
) -> dict[str, Any]:
    """Shared and per-frame functional groups."""
    shared, described = Dataset(), [Dataset() for _ in range(frames)]
    if spacing is not None:
        measures = Dataset()
        measures.PixelSpacing = list(spacing[1:])
        measures.SpacingBetweenSlices = spacing[0]
        shared.PixelMeasuresSequence = [measures]
    for index, frame in enumerate(described):
        if lateralities is not None:
            anatomy = Dataset()
            anatomy.FrameLaterality = lateralities[index]
            frame.FrameAnatomySequence = [anatomy]
        if places is not None:
            plane = Dataset()
            plane.ImagePositionPatient = [0, places[index], 0]
            frame.PlanePositionSequence = [plane]
        if lines is not None:
            location = Dataset()
            location.ReferenceCoordinates = lines[index]
            frame.OphthalmicFrameLocationSequence = [location]
    return {
        "SharedFunctionalGroupsSequence": [shared],
        "PerFrameFunctionalGroupsSequence": described,
    }


def opt_dataset(stored: NDArray[Any], **elements: Any) -> Dataset:
    """An Ophthalmic Tomography object of the right eye, with scale by default."""
    standard = {"ImageLaterality": "R"} | groups(len(stored))
    return dicom_dataset(
        stored,
        photometric=elements.pop("photometric", "MONOCHROME2"),
        sop_class=elements.pop("sop_class", uid.OphthalmicTomographyImageStorage),
        **(standard | elements),
    )


def npz_bytes(compress: bool = True, **arrays: Any) -> bytes:
    stream = io.BytesIO()
    (np.savez_compressed if compress else np.savez)(stream, **arrays)
    return stream.getvalue()


def meta(**changes: Any) -> str:
    """A sidecar's text; None leaves a key out."""
    keys = {
        "laterality": "OD",
        "bscan_spacing_mm": SPACING[0],
        "depth_spacing_mm": SPACING[1],
        "column_spacing_mm": SPACING[2],
    } | changes
    return json.dumps({key: value for key, value in keys.items() if value is not None})


def write_folder(
    folder: Path, bscans: NDArray[Any], *, sidecar: str | None = None, kind: str = "png"
) -> Path:
    """One picture for each B-scan, named scan0, scan1, ... and a sidecar."""
    folder.mkdir()
    for index, bscan in enumerate(bscans):
        (folder / f"scan{index}.{kind}").write_bytes(encode(Image.fromarray(bscan), kind))
    if sidecar is not None:
        (folder / "sidecar.json").write_text(sidecar)
    return folder
