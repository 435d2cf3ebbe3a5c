"""Heidelberg `.e2e`: a chain of directories, each listing chunks of typed data.

Layout as the uocte project, LibE2E, eyepy and oct-converter found it; the format is not published.
Tested on synthetic files only. The file gives the depth scale in mm; positions are in degrees, and
cannot be converted to millimetres without the eye's length, so no other scale is claimed and no
line drawn on the SLO picture, whose field of view is unknown. Chunks of the patient
and the dates are skipped.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triage.errors import ImageRejected, RejectReason
from triage.hashing import hash_file
from triage.oct_imaging.draft import Draft
from triage.oct_imaging.limits import VolumeLimits
from triage.oct_imaging.vendors.e2e_index import MAGIC, SEVERAL_MAGIC, Series, index_chunks
from triage.oct_imaging.vendors.heyex import MANUFACTURER, Surfaces, grey, layer_name
from triage.oct_imaging.vendors.raster_scan import raster_lines, star_scan
from triage.oct_imaging.vendors.several_volumes import several_volumes
from triage.oct_imaging.vendors.source import Source, claim_mm, unsupported
from triage.oct_imaging.volume import Localizer

_CIRCLE, _STAR = 2, 5


def matches(head: bytes, path: Path) -> bool:
    """Whether a file is an `.e2e`, by its first bytes."""
    return head.startswith((MAGIC, SEVERAL_MAGIC))


def read(path: Path, limits: VolumeLimits) -> Draft:
    """Read an `.e2e`; see `read_vendor`."""
    with Source(path, limits) as source:
        several, device = index_chunks(source)
        volumes = [series for series in several.values() if series.imaged]
        if not volumes:
            raise ImageRejected(
                RejectReason.NO_PIXELS,
                "The file holds no B-scan.",
                hint="Export the OCT series, not the pictures of the fundus alone.",
            )
        if len(volumes) > 1:
            raise several_volumes([{eye for eye, _ in series.eyes} for series in volumes])
        draft = _volume(source, volumes[0], limits, hash_file(path))
    draft.claim("manufacturer", MANUFACTURER, "the .e2e format")
    draft.claim("model", device, "device (data type 9001)")
    return draft


def _volume(source: Source, series: Series, limits: VolumeLimits, sha256: str) -> Draft:
    """Read the samples and boundaries of one series."""
    bscans = series.imaged
    shapes = {bscan.pixels[1:] for bscan in bscans if bscan.pixels}
    if len(shapes) > 1:
        raise unsupported(
            "The B-scans of the volume differ in size.", "Export a raster (volume) scan of the eye."
        )
    height, width = shapes.pop()
    limits.check_shape(len(bscans), height, width)
    source.check(0, len(bscans) * 2 * height * width)
    if any(bscan.pattern == _STAR for bscan in bscans):
        raise star_scan()

    table = grey(_reflectivity(np.arange(2**16)))
    pixels = np.empty((len(bscans), height, width), np.uint8)
    surfaces = Surfaces((len(bscans), height, width))
    for place, bscan in enumerate(bscans):
        assert bscan.pixels
        samples = source.array(bscan.pixels[0], "<u2", height * width)
        pixels[place] = table[samples].reshape(height, width)
        for number, (at, length) in bscan.layers.items():
            if length == width:
                surfaces.put(layer_name(number), place, source.array(at, "<f4", width))

    draft = Draft(pixels, "heyex_e2e", sha256, surfaces=surfaces.found())
    for eye, kind in series.eyes:
        draft.claim("laterality", eye, f"data type {kind}")
    for depth in dict.fromkeys(bscan.depth_mm for bscan in bscans):
        claim_mm(draft, "depth_spacing", depth, "B-scan scale (data type 10004)")
    if any(bscan.pattern == _CIRCLE for bscan in bscans):
        draft.claim("fixation", "disc", "scan pattern (circle)")
    elif all(bscan.ends for bscan in bscans):
        draft.positions = raster_lines(np.reshape([bscan.ends for bscan in bscans], (-1, 2, 2)))
    if series.slo:
        at, slo_height, slo_width = series.slo
        limits.check_shape(1, slo_height, slo_width)
        picture = source.array(at, np.uint8, slo_height * slo_width)
        draft.localizer = Localizer(picture.reshape(slo_height, slo_width))
    return draft


def _reflectivity(stored: NDArray[np.integer]) -> NDArray[np.float64]:
    """Unsigned 16-bit floats, 6 bits of exponent above 10 of mantissa, as reflectivity.

    eyepy and oct-converter read the mantissa's bits in reverse order, which makes brightness
    jump within each power of two. A number format grows with its bits, so they are read in
    order here; the two differ by at most 21 of 255 grey levels.
    """
    return np.asarray(np.ldexp(1 + (stored & 0x3FF) / 1024, (stored >> 10) - 63))
