"""Heidelberg `.e2e`: a chain of directories, each listing chunks of typed data.

Layout as the uocte project, LibE2E, eyepy and oct-converter found it; the format is not published.
Tested on synthetic files only. The file gives the depth scale in mm; positions are in degrees, and
without the eye's length they are no millimetres, so no other scale is claimed and no line drawn on
the SLO picture, whose field of view the file is not known to give either. Chunks of the patient
and the dates are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triage.errors import ImageRejected, RejectReason
from triage.hashing import hash_file
from triage.imaging.oct.draft import Draft
from triage.imaging.oct.limits import VolumeLimits
from triage.imaging.oct.vendors.heyex import MANUFACTURER, boundary, found, grey, layer_name
from triage.imaging.oct.vendors.raster_scan import raster_lines, star_scan
from triage.imaging.oct.vendors.several import several_volumes
from triage.imaging.oct.vendors.source import Source, claim_mm, damaged, device_text, unsupported
from triage.imaging.oct.volume import Localizer

_MAGIC, _SEVERAL_MAGIC = b"CMDb", b"E2EMultipleVolumeFile"
_DIRECTORY = "<36x3I4x"
_DIRECTORY_SIZE = 52
_FIRST_DIRECTORY = 36
_ENTRY = np.dtype(
    [("pos", "<u4"), ("start", "<u4"), ("rest", "V28"), ("type", "<u4"), ("last", "V4")]
)
_CHUNK = "<24xI4x3Ii4xI4x"
_CHUNK_SIZE = 60
_DEVICE, _BSCAN, _LAYER, _IMAGE = 9001, 10004, 10019, 1073741824
# Where a chunk of each type says R or L.
_LATERALITY_AT = {11: 14, 3: 4, 5: 2, 59: 14}
_BSCAN_PIXELS, _SLO_PIXELS = 35652097, 33620481
_WANTED = (_DEVICE, _BSCAN, _LAYER, _IMAGE, *_LATERALITY_AT)
_CIRCLE, _STAR = 2, 5
_MOST_CHUNKS = 200_000


@dataclass
class _Bscan:
    """Where the parts of one B-scan lie."""

    pixels: tuple[int, int, int] | None = None  # offset, height, width
    ends: tuple[float, ...] = ()
    depth_mm: float = 0.0
    pattern: int = 0
    layers: dict[int, tuple[int, int]] = field(default_factory=dict)  # offset, width


@dataclass
class _Series:
    """One volume of the file."""

    bscans: dict[int, _Bscan] = field(default_factory=dict)
    eyes: dict[tuple[str, int], None] = field(default_factory=dict)
    slo: tuple[int, int, int] | None = None

    def bscan(self, index: int) -> _Bscan:
        return self.bscans.setdefault(index, _Bscan())

    @property
    def imaged(self) -> list[_Bscan]:
        return [self.bscans[key] for key in sorted(self.bscans) if self.bscans[key].pixels]


def matches(head: bytes, path: Path) -> bool:
    """Whether a file is an `.e2e`, by its first bytes."""
    return head.startswith((_MAGIC, _SEVERAL_MAGIC))


def read(path: Path, limits: VolumeLimits) -> Draft:
    """Read an `.e2e`; see `read_vendor`."""
    with Source(path, limits) as source:
        several, device = _index(source)
        volumes = [series for series in several.values() if series.imaged]
        if not volumes:
            raise ImageRejected(
                RejectReason.NO_PIXELS,
                "The file holds no B-scan.",
                mend="Export the OCT series, not the pictures of the fundus alone.",
            )
        if len(volumes) > 1:
            raise several_volumes([{eye for eye, _ in series.eyes} for series in volumes])
        draft = _volume(source, volumes[0], limits, hash_file(path))
    draft.claim("manufacturer", MANUFACTURER, "the .e2e format")
    draft.claim("model", device, "device (data type 9001)")
    return draft


def _index(source: Source) -> tuple[dict[tuple[int, ...], _Series], str]:
    """Walk all directories: the series by their ids, and the device's name."""
    shift = 64 if source.read(0, min(source.size, 64)).startswith(_SEVERAL_MAGIC) else 0
    if source.read(shift, 4) != _MAGIC:
        raise damaged("The header is not that of a Heidelberg .e2e file.")
    series: dict[tuple[int, ...], _Series] = {}
    device = ""
    for start in _chunks(source, shift):
        size, *key, place, kind = source.unpack(_CHUNK, start)
        at = start + _CHUNK_SIZE
        if kind == _DEVICE:
            count, length = source.unpack("<2I", at)
            if count and 0 < length <= 512:
                device = device_text(source.read(at + 8, length), "utf-16-le")
            continue
        found_in = series.setdefault(tuple(key), _Series())
        if kind in _LATERALITY_AT:
            eye = source.read(at + _LATERALITY_AT[kind], 1)
            if eye in (b"R", b"L"):
                found_in.eyes[eye.decode(), kind] = None
        elif kind == _IMAGE:
            _note_image(source, at, found_in, place // 2)
        elif kind == _BSCAN:
            bscan = found_in.bscan(place // 2)
            bscan.ends = source.unpack("<4f", at + 12)
            (bscan.depth_mm,) = source.unpack("<f", at + 36)
            (bscan.pattern,) = source.unpack("<I", at + 72)
        elif kind == _LAYER:
            _, number, _, width = source.unpack("<4I", at)
            # What precedes the rows differs between versions; they end the chunk.
            if 16 + 4 * width <= size and number < 64:
                found_in.bscan(place // 2).layers[number] = (at + size - 4 * width, width)
    return series, device


def _chunks(source: Source, shift: int) -> Iterator[int]:
    """Offsets of the chunks of wanted types, over the chain of directories."""
    _, at, _ = source.unpack(_DIRECTORY, shift + _FIRST_DIRECTORY)
    seen: set[int] = set()
    entries_left, chunks_left = source.size // _ENTRY.itemsize, _MOST_CHUNKS
    while at:
        if at in seen:
            raise damaged("The directories of the file form a ring.")
        seen.add(at)
        count, _, previous = source.unpack(_DIRECTORY, shift + at)
        entries_left -= count
        if entries_left < 0:
            raise damaged("The directories list more than the file can hold.")
        entries = source.array(shift + at + _DIRECTORY_SIZE, _ENTRY, count)
        used = entries[np.isin(entries["type"], _WANTED) & (entries["start"] > entries["pos"])]
        chunks_left -= len(used)
        if chunks_left < 0:
            raise damaged("The directories list more parts than any export.")
        for start, kind in zip(used["start"].tolist(), used["type"].tolist(), strict=True):
            # Anonymised files list chunks that are gone; only samples are indispensable.
            if kind == _IMAGE or shift + start + _CHUNK_SIZE <= source.size:
                yield shift + start
        at = previous


def _note_image(source: Source, at: int, series: _Series, place: int) -> None:
    """Note where the samples of a B-scan or of the SLO picture lie."""
    _, kind, _, height, width = source.unpack("<5I", at)
    samples = (at + 20, height, width)
    if kind == _BSCAN_PIXELS:
        series.bscan(place).pixels = samples
    elif kind == _SLO_PIXELS:
        series.slo = samples


def _volume(source: Source, series: _Series, limits: VolumeLimits, sha256: str) -> Draft:
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
    surfaces: dict[str, NDArray[np.float32]] = {}
    for index, bscan in enumerate(bscans):
        assert bscan.pixels
        samples = source.array(bscan.pixels[0], "<u2", height * width)
        pixels[index] = table[samples].reshape(height, width)
        for number, (at, length) in bscan.layers.items():
            if length == width:
                surface = surfaces.setdefault(
                    layer_name(number), np.full((len(bscans), width), np.nan, np.float32)
                )
                surface[index] = boundary(source.array(at, "<f4", width), height)

    draft = Draft(pixels, "heyex_e2e", sha256, surfaces=found(surfaces))
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
