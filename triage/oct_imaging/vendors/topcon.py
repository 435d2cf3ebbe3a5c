"""Topcon `.fda` and `.fds`: a list of named chunks.

Layout after the uocte project, oct-converter and eyepy; the format is not published. Tested on
synthetic files only. Chunks of the patient are never read, of the capture only the eye, of the
hardware only the model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.errors import ImageRejected, RejectReason
from triage.hashing import hash_file
from triage.oct_imaging.draft import Draft
from triage.oct_imaging.intensity import scale_frames
from triage.oct_imaging.limits import VolumeLimits
from triage.oct_imaging.vendors.heyex import Surfaces
from triage.oct_imaging.vendors.raster_scan import star_scan
from triage.oct_imaging.vendors.source import (
    Source,
    claim_mm,
    damaged,
    device_text,
    truncated,
    unsupported,
)
from triage.oct_imaging.vendors.topcon_pictures import Chunks, decoded, fundus_localizer

_MAGIC = b"FOCT"
_FIRST_CHUNK = 15
_MOST_CHUNKS = 4096
_RASTER, _CROSSING = 2, (3, 4)
# Names of the boundaries MULTILAYERS_1 to _10.
_LAYERS = (
    "ILM", "RNFL_GCL", "GCL_IPL", "IPL_INL", "MZ_EZ", "IZ_RPE", "BM", "INL_OPL", "ELM", "CSI",
)  # fmt: skip


def matches(head: bytes, path: Path) -> bool:
    """Whether a file is Topcon's, by its first bytes."""
    return head.startswith(_MAGIC)


def read(path: Path, limits: VolumeLimits) -> Draft:
    """Read an `.fda` or `.fds`; see `read_vendor`."""
    with Source(path, limits) as source:
        if source.read(0, 4) != _MAGIC:
            raise damaged("The header is not that of a Topcon file.")
        chunks = _chunks(source)
        if "@IMG_JPEG" in chunks:
            bscans, mode = _compressed(source, chunks["@IMG_JPEG"][0], limits)
        elif name := next((n for n in ("@IMG_MOT_COMP_03", "@IMG_SCAN_03") if n in chunks), None):
            bscans, mode = _raw(source, chunks[name][0], limits)
        else:
            raise ImageRejected(
                RejectReason.NO_PIXELS,
                "The file holds no volume in a form that is read here.",
                hint="Export the scan as DICOM.",
            )
        draft = Draft(bscans, "topcon", hash_file(path))
        extent = _claims(draft, source, chunks, mode)
        draft.localizer = fundus_localizer(source, chunks, limits, len(bscans), extent)
        draft.surfaces = _surfaces(source, chunks, bscans.shape)
    return draft


def _chunks(source: Source) -> Chunks:
    """Offset and size of the content of each named chunk."""
    chunks: Chunks = {}
    at = _FIRST_CHUNK
    for _ in range(_MOST_CHUNKS):
        if at >= source.size or not (length := source.read(at, 1)[0]):
            return chunks
        name = source.read(at + 1, length).decode("ascii", "replace")
        (size,) = source.unpack("<I", at + 1 + length)
        at += 5 + length
        source.check(at, size)
        chunks.setdefault(name, []).append((at, size))
        at += size
    raise damaged("The file lists more parts than any Topcon file.")


def _compressed(
    source: Source, chunk: tuple[int, int], limits: VolumeLimits
) -> tuple[NDArray[Any], int]:
    """The B-scans of @IMG_JPEG (JPEG or JPEG 2000 each) and the scan mode."""
    at, size = chunk
    end = at + size
    mode, _, _, width, height, count, _ = source.unpack("<B6I", at)
    _check_mode(mode)
    limits.check_shape(count, height, width)
    source.check(at, 4 * count)
    bscans: NDArray[Any] | None = None
    at += 25
    for index in range(count):
        (length,) = source.unpack("<I", at)
        if at + 4 + length > end:
            raise truncated()
        bscan = decoded(source.read(at + 4, length), (width, height))
        if bscans is None:
            bscans = np.empty((count, height, width), bscan.dtype)
        if bscan.dtype != bscans.dtype:
            raise damaged("The B-scans differ in their depth of grey.")
        bscans[index] = bscan
        at += 4 + length
    assert bscans is not None
    return bscans, mode


def _raw(
    source: Source, chunk: tuple[int, int], limits: VolumeLimits
) -> tuple[NDArray[np.uint8], int]:
    """The 16-bit B-scans of @IMG_MOT_COMP_03 or @IMG_SCAN_03 and the scan mode."""
    at, size = chunk
    mode, width, height, bits, count, _, _ = source.unpack("<B4IBI", at)
    _check_mode(mode)
    limits.check_shape(count, height, width)
    if bits != 16:
        raise unsupported("The B-scans are not of 16 bits.", "Export the scan as DICOM.")
    if 22 + 2 * count * height * width > size:
        raise truncated()

    def stored(index: int) -> NDArray[np.uint16]:
        start = at + 22 + 2 * index * height * width
        return source.array(start, "<u2", height * width).reshape(height, width)

    return scale_frames(stored, (count, height, width)), mode


def _check_mode(mode: int) -> None:
    if mode in _CROSSING:
        raise star_scan()


def _claims(draft: Draft, source: Source, chunks: Chunks, mode: int) -> tuple[float, float] | None:
    """Add eye, model and scale; return the scanned width and height in mm, if stated."""
    count, _, width = draft.bscans.shape
    draft.claim("manufacturer", "Topcon", "the file format")
    for name in ("@CAPTURE_INFO_02", "@CAPTURE_INFO"):
        for at, _ in chunks.get(name, []):
            draft.claim("laterality", {0: "R", 1: "L"}.get(source.read(at, 1)[0]), name)
    for name in ("@HW_INFO_03", "@HW_INFO_02", "@HW_INFO_01"):
        for at, size in chunks.get(name, []):
            draft.claim("model", device_text(source.read(at, min(size, 16))), name)
    extent = None
    for name, place in (("@PARAM_SCAN_04", 12), ("@PARAM_SCAN_02", 21)):
        for at, _ in chunks.get(name, []):
            across, down, depth_um = source.unpack("<3d", at + place)
            claim_mm(draft, "column_spacing", across / width, f"{name} x dimension / width")
            claim_mm(draft, "depth_spacing", depth_um / 1000, f"{name} z resolution")
            if mode == _RASTER and count > 1:
                source_name = f"{name} y dimension / B-scans"
                claim_mm(draft, "bscan_spacing", down / count, source_name)
                extent = extent or (across, down)
    return extent


def _surfaces(
    source: Source, chunks: Chunks, shape: tuple[int, ...]
) -> dict[str, NDArray[np.float32]]:
    """Boundaries; the file stores rows above the bottom, the last B-scan first."""
    count, height, width = shape
    surfaces = Surfaces((count, height, width))
    for at, size in chunks.get("@CONTOUR_INFO", []):
        name, _, _, columns, rows, _ = source.unpack("<20s2B3I", at)
        layer = device_text(name).removeprefix("MULTILAYERS_")
        if (rows, columns) != (count, width) or 34 + 2 * count * width > size:
            continue
        if not layer.isdigit() or not 0 < int(layer) <= len(_LAYERS):
            continue
        above = source.array(at + 34, "<u2", count * width).reshape(count, width)[::-1]
        for index, rows in enumerate(above):
            surfaces.put(_LAYERS[int(layer) - 1], index, height - rows.astype(np.float32))
    return surfaces.found()
