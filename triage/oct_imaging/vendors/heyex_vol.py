"""Heidelberg `.vol`: a header of 2048 bytes, the SLO picture, then each B-scan behind a header.

Layout after the HEYEX special-function export manual, as eyepy and heyexReader describe it.
Read on real files. Names, birth dates and ids, at known offsets of the header, are never read.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triage.hashing import hash_file
from triage.oct_imaging.draft import Draft
from triage.oct_imaging.limits import VolumeLimits
from triage.oct_imaging.vendors.heyex import (
    MANUFACTURER,
    Surfaces,
    grey,
    layer_name,
    slo_localizer,
)
from triage.oct_imaging.vendors.raster_scan import line_spacing, raster_lines, star_scan
from triage.oct_imaging.vendors.source import Source, claim_mm, damaged

# 'ep-v' begins files that eyepy wrote; the layout is the same.
_MAGIC = (b"HSF-OCT-", b"ep-v")
_HEADER = "<12s3I3d2I2dId4s8xiI"
_HEADER_SIZE = 2048
_BSCAN = "<16x4d2I"
_BSCAN_SIZE = 256
_CIRCLE, _STAR = 2, 5
_MOST_LAYERS = 64


def matches(head: bytes, path: Path) -> bool:
    """Whether a file is a `.vol`, by its first bytes."""
    return head.startswith(_MAGIC)


def read(path: Path, limits: VolumeLimits) -> Draft:
    """Read a `.vol`; see `read_vendor`."""
    with Source(path, limits) as source:
        return _read(source, limits, hash_file(path))


def _read(source: Source, limits: VolumeLimits, sha256: str) -> Draft:
    (
        version, width, count, height, scale_x, distance, scale_z, slo_width, slo_height,
        slo_scale_x, slo_scale_y, _, _, eye, pattern, _,
    ) = source.unpack(_HEADER, 0)  # fmt: skip
    if not version.startswith(_MAGIC):
        raise damaged("The header is not that of a Heidelberg .vol file.")
    if pattern == _STAR:
        raise star_scan()
    limits.check_shape(count, height, width)
    has_slo = slo_width > 0 and slo_height > 0
    if has_slo:
        limits.check_shape(1, slo_height, slo_width)
    start = _HEADER_SIZE + slo_width * slo_height
    source.check(start, count * (_BSCAN_SIZE + 4 * width * height))

    bscans = np.empty((count, height, width), np.uint8)
    lines = np.empty((count, 2, 2))
    surfaces = Surfaces((count, height, width))
    for index in range(count):
        *ends, layers, layers_at = source.unpack(_BSCAN, start)
        (size,) = source.unpack("<I", start + 12)
        if size < _BSCAN_SIZE or layers > _MOST_LAYERS:
            raise damaged("The header of a B-scan contradicts the file's header.")
        lines[index] = np.reshape(ends, (2, 2))
        if layers and layers_at + 4 * layers * width <= size:
            vectors = source.array(start + layers_at, "<f4", layers * width)
            for layer, rows in enumerate(vectors.reshape(layers, width)):
                surfaces.put(layer_name(layer), index, rows)
        samples = source.array(start + size, "<f4", height * width).reshape(height, width)
        bscans[index] = _shown(samples, version)
        start += size + samples.nbytes

    draft = Draft(bscans, "heyex_vol", sha256, surfaces=surfaces.found())
    draft.claim("manufacturer", MANUFACTURER, "the .vol format")
    draft.claim("laterality", eye.split(b"\0")[0].decode("ascii", "ignore"), "ScanPosition")
    claim_mm(draft, "column_spacing", scale_x, "ScaleX")
    claim_mm(draft, "depth_spacing", scale_z, "ScaleZ")
    if pattern == _CIRCLE:
        # This device scans a circle around the disc only; the ends are a point and the centre.
        draft.claim("fixation", "disc", "ScanPattern (circle)")
    else:
        draft.positions = raster_lines(lines)
        if count > 1:
            claim_mm(draft, "bscan_spacing", distance, "Distance")
            claim_mm(draft, "bscan_spacing", line_spacing(lines), "StartX, StartY, EndX, EndY")
    if has_slo:
        pixels = source.array(_HEADER_SIZE, np.uint8, slo_width * slo_height)
        draft.localizer = slo_localizer(
            pixels.reshape(slo_height, slo_width), slo_scale_x, slo_scale_y, draft.positions
        )
    return draft


def _shown(samples: NDArray[np.float32], version: bytes) -> NDArray[np.uint8]:
    """Samples as grey values; early versions of eyepy wrote grey values, not reflectivity."""
    if version.startswith(b"ep-v") and (samples[samples < 1e30] > 1).any():
        return np.clip(np.nan_to_num(samples), 0, 255).astype(np.uint8)
    return grey(samples)
