"""Index of the parts of each volume in an `.e2e` file; no samples are read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from triage.oct_imaging.vendors.source import Source, damaged, device_text

MAGIC, SEVERAL_MAGIC = b"CMDb", b"E2EMultipleVolumeFile"
_DIRECTORY = "<36x3I4x"
_DIRECTORY_SIZE = 52
_FIRST_DIRECTORY = 36
_ENTRY = np.dtype(
    [("pos", "<u4"), ("start", "<u4"), ("rest", "V28"), ("type", "<u4"), ("last", "V4")]
)
_CHUNK = "<24xI4x3Ii4xI4x"
_CHUNK_SIZE = 60
_DEVICE, _BSCAN, _LAYER, _IMAGE = 9001, 10004, 10019, 1073741824
# Offset of the letter R or L in a chunk of each type.
_LATERALITY_AT = {11: 14, 3: 4, 5: 2, 59: 14}
_BSCAN_PIXELS, _SLO_PIXELS = 35652097, 33620481
_WANTED = (_DEVICE, _BSCAN, _LAYER, _IMAGE, *_LATERALITY_AT)
_MOST_CHUNKS, _MOST_ENTRIES = 200_000, 2_000_000


@dataclass
class Bscan:
    """Offsets of the parts of one B-scan."""

    pixels: tuple[int, int, int] | None = None  # offset, height, width
    ends: tuple[float, ...] = ()
    depth_mm: float = 0.0
    pattern: int = 0
    layers: dict[int, tuple[int, int]] = field(default_factory=dict)  # offset, width


@dataclass
class Series:
    """One volume of the file."""

    bscans: dict[int, Bscan] = field(default_factory=dict)
    eyes: dict[tuple[str, int], None] = field(default_factory=dict)
    slo: tuple[int, int, int] | None = None

    def bscan(self, index: int) -> Bscan:
        """The B-scan of an index, created on first use."""
        return self.bscans.setdefault(index, Bscan())

    @property
    def imaged(self) -> list[Bscan]:
        """B-scans that have samples, in order."""
        return [self.bscans[key] for key in sorted(self.bscans) if self.bscans[key].pixels]


def index_chunks(source: Source) -> tuple[dict[tuple[int, ...], Series], str]:
    """Read all directories.

    Returns
    -------
    dict
        Series by the numbers of patient, study and series.
    str
        The device's name, '' where the file has none.

    Raises
    ------
    ImageRejected
        `UNREADABLE` for directories that contradict the file, `TRUNCATED`.
    """
    shift = 64 if source.read(0, min(source.size, 64)).startswith(SEVERAL_MAGIC) else 0
    if source.read(shift, 4) != MAGIC:
        raise damaged("The header is not that of a Heidelberg .e2e file.")
    series: dict[tuple[int, ...], Series] = {}
    device = ""
    for start in _chunks(source, shift):
        size, *key, place, kind = source.unpack(_CHUNK, start)
        at = start + _CHUNK_SIZE
        if kind == _DEVICE:
            count, length = source.unpack("<2I", at)
            if count and 0 < length <= 512:
                device = device_text(source.read(at + 8, length), "utf-16-le")
            continue
        found_in = series.setdefault(tuple(key), Series())
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
    entries_left = min(source.size // _ENTRY.itemsize, _MOST_ENTRIES)
    chunks_left = _MOST_CHUNKS
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


def _note_image(source: Source, at: int, series: Series, place: int) -> None:
    """Record the offset of the samples of a B-scan or of the SLO picture."""
    _, kind, _, height, width = source.unpack("<5I", at)
    samples = (at + 20, height, width)
    if kind == _BSCAN_PIXELS:
        series.bscan(place).pixels = samples
    elif kind == _SLO_PIXELS:
        series.slo = samples
