"""Strips and tiles of a TIFF, decompressed row by row, with a check of their length.

Uncompressed data are read as they are, deflate by zlib and JPEG by `triage.codecs.jpeg`; for LZW
and PackBits the strips are wrapped in a TIFF of plain bytes, which Pillow's libtiff decompresses;
libtiff refuses strips that are too short.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import accumulate
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triage.codecs.inflate import Inflated
from triage.codecs.jpeg import decode_jpeg
from triage.codecs.jpeg_markers import START, read_jpeg_markers
from triage.errors import ImageRejected, RejectReason
from triage.imaging.raster.tiff_tags import cut, damaged, unsupported

# TIFF 6.0 and its supplements: tag 259.
NONE, LZW, OLD_JPEG, JPEG, DEFLATE, PACKBITS, OLD_DEFLATE = 1, 5, 6, 7, 8, 32773, 32946
COMPRESSIONS = frozenset({NONE, LZW, JPEG, DEFLATE, PACKBITS, OLD_DEFLATE})

_BATCH = 2**23  # bytes of strips decompressed together
_MOST_AT_ONCE = 170 * 2**20  # bytes of one strip that libtiff decompresses as a whole
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True)
class Segments:
    """A column of strips or tiles of equal width.

    Parameters
    ----------
    pieces : sequence of memoryview
        Their compressed bytes.
    rows : sequence of int
        Rows of each; all but the last are equal.
    row_bytes : int
        Bytes of a decompressed row.
    compression : int
        One of `COMPRESSIONS`.
    reversed_bits : bool
        Whether bytes are stored with the lowest bit first (FillOrder 2).
    channels : int
        Samples of a pixel, for JPEG.
    tables : bytes or None
        JPEGTables.
    jpeg_colours : {'rgb', 'ycc'}
        Colour space of a JPEG stream of three channels that does not state it.
    most_rows : int
        Rows up to which the last strip may be filled up, beyond those of the first.
    """

    pieces: Sequence[memoryview]
    rows: Sequence[int]
    row_bytes: int
    compression: int
    reversed_bits: bool = False
    channels: int = 1
    tables: bytes | None = None
    jpeg_colours: Literal["rgb", "ycc"] = "rgb"
    most_rows: int = 0

    def read(self, most: int) -> Iterator[NDArray[np.uint8]]:
        """Decompress all rows, in arrays [h, row_bytes] of at most `most` rows.

        Raises
        ------
        ImageRejected
            `TRUNCATED` or `UNREADABLE` where rows are missing or damaged.
        """
        waiting: list[NDArray[np.uint8]] = []
        count = 0
        for rows in self._decompressed(most):
            while count + len(rows) >= most:
                taken = most - count
                yield np.concatenate([*waiting, rows[:taken]]) if waiting else rows[:taken]
                waiting, count, rows = [], 0, rows[taken:]
            if len(rows):
                waiting.append(rows)
                count += len(rows)
        if waiting:
            yield np.concatenate(waiting) if len(waiting) > 1 else waiting[0]

    def _decompressed(self, most: int) -> Iterator[NDArray[np.uint8]]:
        if self.compression in (LZW, PACKBITS):
            yield from self._by_libtiff(most)
            return
        for piece, rows in zip(self.pieces, self.rows, strict=True):
            if self.compression == JPEG:
                yield self._by_jpeg(piece, rows)
                continue
            if self.reversed_bits:
                piece = memoryview(bytes(piece).translate(_REVERSED))
            if self.compression == NONE:
                size = rows * self.row_bytes
                if len(piece) < size:
                    raise cut()
                yield np.frombuffer(piece[:size], np.uint8).reshape(rows, self.row_bytes)
            else:
                yield from self._inflated(piece, rows, most)

    def _inflated(self, piece: memoryview, rows: int, most: int) -> Iterator[NDArray[np.uint8]]:
        stream = Inflated([piece], cut, damaged)
        for first in range(0, rows, most):
            step = min(most, rows - first)
            content = stream.read(step * self.row_bytes)
            yield np.frombuffer(content, np.uint8).reshape(step, self.row_bytes)
        # The rows that fill up are left out.
        if not stream.finish((max(self.most_rows, self.rows[0]) - rows) * self.row_bytes):
            raise damaged()

    def _by_jpeg(self, piece: memoryview, rows: int) -> NDArray[np.uint8]:
        data = bytes(piece)
        if self.tables and self.tables[:2] == START and data[:2] == START:
            # An abbreviated stream (TIFF technical note 2): the tables come first.
            tables = self.tables[2:]
            end = tables.rfind(b"\xff\xd9")
            data = START + (tables[:end] if end >= 0 else tables) + data[2:]
        stream = read_jpeg_markers(data)
        if (
            stream.rows < rows
            or stream.columns * len(stream.components) != self.row_bytes
            or len(stream.components) != self.channels
            or stream.rows > max(self.most_rows, self.rows[0])
        ):
            raise damaged()
        stored = self.jpeg_colours if self.channels == 3 else None
        return decode_jpeg(data, stream, stored=stored)[:rows].reshape(rows, self.row_bytes)

    def _by_libtiff(self, most: int) -> Iterator[NDArray[np.uint8]]:
        per_piece = max(1, self.rows[0] * self.row_bytes)
        if per_piece > _MOST_AT_ONCE:
            raise ImageRejected(
                RejectReason.TOO_LARGE,
                f"A strip of the TIFF holds more than {_MOST_AT_ONCE} bytes.",
                hint="Export the picture with smaller strips, without compression or as PNG.",
            )
        step = max(1, _BATCH // per_piece)
        for start in range(0, len(self.pieces), step):
            rows = self.rows[start : start + step]
            pieces = [bytes(piece) for piece in self.pieces[start : start + step]]
            if self.reversed_bits:
                pieces = [piece.translate(_REVERSED) for piece in pieces]
            wrapped = _wrapped(pieces, rows, self.row_bytes, self.compression)
            del pieces
            try:
                with Image.open(BytesIO(wrapped), formats=("TIFF",)) as image:
                    image.load()
                    del wrapped
                    for first in range(0, image.height, most):
                        last = min(image.height, first + most)
                        yield np.asarray(image.crop((0, first, image.width, last)))
            except (OSError, ValueError, SyntaxError):
                # libtiff does not distinguish missing from damaged bytes
                raise cut() from None


def check_compression(compression: int) -> None:
    """Refuse an unsupported compression.

    Raises
    ------
    ImageRejected
        `UNSUPPORTED_ENCODING`.
    """
    if compression == OLD_JPEG:
        raise unsupported("The TIFF is compressed by the old, withdrawn kind of JPEG.")
    if compression not in COMPRESSIONS:
        raise unsupported("The TIFF is compressed in a way that is not read here.")


def _wrapped(pieces: list[bytes], rows: Sequence[int], row_bytes: int, compression: int) -> bytes:
    """Build a TIFF of 8-bit grey whose pixels are the bytes of the strips."""
    count = len(pieces)
    entries = 9
    arrays = 8 + 2 + 12 * entries + 4
    sizes = [len(piece) for piece in pieces]
    offsets = list(accumulate(sizes[:-1], initial=arrays + 8 * count))
    tags = [
        (256, 1, row_bytes),
        (257, 1, sum(rows)),
        (258, 1, 8),
        (259, 1, compression),
        (262, 1, 1),
        (273, count, arrays if count > 1 else offsets[0]),
        (277, 1, 1),
        (278, 1, rows[0]),
        (279, count, arrays + 4 * count if count > 1 else sizes[0]),
    ]
    directory = b"".join(struct.pack("<HHLL", tag, 4, many, value) for tag, many, value in tags)
    return b"".join(
        [
            struct.pack("<2sHLH", b"II", 42, 8, entries),
            directory,
            bytes(4),
            struct.pack(f"<{2 * count}L", *offsets, *sizes),
            *pieces,
        ]
    )
