"""Samples of a TIFF page from its strips or tiles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.codecs.bit_packing import row_bytes, unpack_rows
from triage.imaging.raster.samples import Block
from triage.imaging.raster.tiff_segments import Segments

_BAND = 2**20  # pixels decoded at a time


@dataclass(frozen=True)
class Storage:
    """How the samples of a page are stored.

    Parameters
    ----------
    height, width : int
        Pixels of the page.
    channels : int
        Samples of a pixel.
    planes : int
        1 where the samples of a pixel lie together, else one for each channel.
    bits : int
        Bits of a sample.
    kind : {'u', 'i', 'f'}
        Unsigned, signed or real.
    order : {'<', '>'}
        Byte order.
    predictor : int
        1 none, 2 differences of samples, 3 differences of the bytes of real numbers.
    tiled : bool
    segment_height, segment_width : int
        Pixels of a strip or tile.
    """

    height: int
    width: int
    channels: int
    planes: int
    bits: int
    kind: str
    order: str
    predictor: int
    tiled: bool
    segment_height: int
    segment_width: int

    @property
    def per_plane(self) -> int:
        """Channels that are stored together."""
        return self.channels // self.planes

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of a strip or tile."""
        return row_bytes(self.segment_width * self.per_plane, self.bits)

    @property
    def down(self) -> int:
        """Number of strips or tiles in a column."""
        return -(-self.height // self.segment_height)

    @property
    def across(self) -> int:
        """Number of strips or tiles in a row."""
        return -(-self.width // self.segment_width)


def read_blocks(
    segments: Segments, pieces: Sequence[memoryview], storage: Storage
) -> Iterator[Block]:
    """Decompress the samples of a page.

    Parameters
    ----------
    segments : Segments
        How strips and tiles are compressed; its own pieces are not used.
    pieces : sequence of memoryview
        Strips or tiles from left to right, then down, then plane after plane.
    storage : Storage

    Yields
    ------
    (slice, slice), array [h, w, channels]
        uint8 or uint16 of up to 16 bits, else integers or real numbers of the stored depth.

    Raises
    ------
    ImageRejected
        Where samples are missing or damaged.
    """
    per_plane = storage.down * storage.across
    planes = [pieces[start : start + per_plane] for start in range(0, len(pieces), per_plane)]
    if storage.tiled:
        for index in range(storage.down):
            row = slice(index * storage.across, (index + 1) * storage.across)
            yield from _tile_row(segments, [plane[row] for plane in planes], storage, index)
        return
    last = storage.height - (storage.down - 1) * storage.segment_height
    rows = [*[storage.segment_height] * (storage.down - 1), last]
    readers = [replace(segments, pieces=plane, rows=rows) for plane in planes]
    first = 0
    for samples in _in_step(readers, storage, max(1, _BAND // storage.width)):
        yield (slice(first, first + len(samples)), slice(0, storage.width)), samples
        first += len(samples)


def _tile_row(
    segments: Segments, planes: list[Sequence[memoryview]], storage: Storage, index: int
) -> Iterator[Block]:
    """Read one row of tiles: all together if they are small, else one by one."""
    top, width = index * storage.segment_height, storage.segment_width
    bottom = min(storage.height, top + storage.segment_height)
    if storage.segment_height * storage.across * width <= 4 * _BAND:
        rows = [storage.segment_height] * storage.across
        readers = [replace(segments, pieces=plane, rows=rows) for plane in planes]
        tiles = list(_in_step(readers, storage, storage.segment_height))
        samples = np.concatenate(tiles, axis=1)[: bottom - top, : storage.width]
        yield (slice(top, bottom), slice(0, storage.width)), samples
        return
    for column in range(storage.across):
        left = column * width
        right = min(storage.width, left + width)
        readers = [
            replace(segments, pieces=plane[column : column + 1], rows=[storage.segment_height])
            for plane in planes
        ]
        first = top
        for samples in _in_step(readers, storage, max(1, _BAND // width)):
            kept = samples[: max(0, bottom - first), : right - left]
            if len(kept):
                yield (slice(first, first + len(kept)), slice(left, right)), kept
            first += len(samples)


def _in_step(readers: list[Segments], storage: Storage, most: int) -> Iterator[NDArray[Any]]:
    """Read all planes, `most` rows at a time, and combine their samples."""
    for bands in zip(*(reader.read(most) for reader in readers), strict=True):
        planes = [_samples(band, storage) for band in bands]
        yield planes[0] if len(planes) == 1 else np.concatenate(planes, axis=2)


def _samples(rows: NDArray[np.uint8], storage: Storage) -> NDArray[Any]:
    """Convert the bytes of rows to samples [h, w, channels of the plane]."""
    bits, per_pixel = storage.bits, storage.per_plane
    count = storage.segment_width * per_pixel
    shape = (len(rows), storage.segment_width, per_pixel)
    if storage.predictor == 3:
        return _undo_float_differences(rows, storage).reshape(shape)
    if bits <= 16 and storage.kind == "u":
        values: NDArray[Any] = unpack_rows(rows, count, bits, storage.order)
    else:
        name = f"{storage.kind}{bits // 8}"
        stored = np.ascontiguousarray(rows[:, : count * bits // 8]).view(f"{storage.order}{name}")
        values = stored.astype(name, copy=False)
    values = values.reshape(shape)
    if storage.predictor == 2:
        return np.cumsum(values, axis=1, dtype=values.dtype)
    return values


def _undo_float_differences(rows: NDArray[np.uint8], storage: Storage) -> NDArray[Any]:
    """Reverse the differences of TIFF technical note 3, most significant bytes first."""
    size = storage.bits // 8
    count = storage.segment_width * storage.per_plane
    differences = rows.reshape(len(rows), -1, storage.per_plane)
    planes = np.cumsum(differences, axis=1, dtype=np.uint8).reshape(len(rows), size, count)
    values = np.ascontiguousarray(planes.swapaxes(1, 2)).view(f">f{size}")
    return values[..., 0].astype(f"f{size}")
