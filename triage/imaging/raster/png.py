"""PNG pixels, with a check that the image data are complete.

Common decoders treat a zlib stream that ends early as a picture whose last rows are black. Here the
stream is inflated by Python, in bounded pieces, and must hold exactly the number of bytes that the
header requires; only the filters of the rows are reversed by Pillow, some rows at a time. The gAMA
and cHRM chunks are not applied, as in most decoders: their values are often wrong.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triage.codecs.bit_packing import row_bytes, unpack_rows
from triage.codecs.inflate import Inflated
from triage.errors import ImageRejected, RejectReason
from triage.imaging.limits import Limits
from triage.imaging.raster.code_points import coded_profile
from triage.imaging.raster.exif import header_metadata
from triage.imaging.raster.png_chunks import (
    CHANNELS,
    SIGNATURE,
    PngFile,
    chunk,
    cut,
    damaged,
    read_chunks,
)
from triage.imaging.raster.samples import Block, Layout, Page

_BAND = 2**22  # bytes inflated and unfiltered at a time
# Section 8.2: first column and row, and steps, of the passes of Adam7.
_ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
# Filters work on bytes at a distance of one pixel (section 9.2), so rows of pixels of so many bytes
# are unfiltered as an 8-bit picture of this colour type, whatever they mean.
_UNFILTERED_AS = {1: 0, 2: 4, 3: 2, 4: 6}


def read_png(data: bytes, limits: Limits) -> list[Page]:
    """Read the header of a PNG.

    Parameters
    ----------
    data : bytes
    limits : Limits

    Returns
    -------
    list of Page
        One page; its blocks raise `TRUNCATED` where the image data are too short.

    Raises
    ------
    ImageRejected
        See `png_chunks.read_chunks`; and what the limits refuse.
    """
    png = read_chunks(data)
    limits.check_geometry(png.height, png.width)
    layout = _layout(png)
    known = header_metadata(png.metadata, "PNG", optional=True)
    return [
        Page(
            height=png.height,
            width=png.width,
            layout=layout,
            blocks=lambda: _blocks(png, layout),
            orientation=known.orientation,
            profile=coded_profile(png.coding) or png.profile,
            device=known.device,
            channels=CHANNELS[png.colour_type],
            bits=png.bits,
        )
    ]


def _layout(png: PngFile) -> Layout:
    key = png.transparency
    if png.colour_type == 3:
        if png.palette is None:
            raise damaged()
        opacity = None
        if key:
            opacity = np.full(len(png.palette), 255, np.uint8)
            given = np.frombuffer(key, np.uint8)[: len(opacity)]
            opacity[: len(given)] = given
        return Layout("palette", png.bits, palette=png.palette, palette_alpha=opacity)
    grey = png.colour_type in (0, 4)
    transparent = None
    if key and png.colour_type in (0, 2) and len(key) == 2 * CHANNELS[png.colour_type]:
        transparent = tuple(int(sample) for sample in np.frombuffer(key, ">u2"))
    # Of deep colour only the high bytes are kept, unless the transparent colour needs all.
    high_only = png.bits == 16 and not grey and transparent is None
    return Layout(
        "grey" if grey else "rgb",
        8 if high_only else png.bits,
        alpha="straight" if png.colour_type in (4, 6) else None,
        transparent=transparent,
    )


def _blocks(png: PngFile, layout: Layout) -> Iterator[Block]:
    """Inflate, unfilter and unpack all rows; refuse missing and surplus bytes."""
    stream = Inflated(png.data, cut, damaged)
    for left, top, across, down in _ADAM7 if png.interlaced else ((0, 0, 1, 1),):
        width = -(-(png.width - left) // across)
        height = -(-(png.height - top) // down)
        if width < 1 or height < 1:
            continue
        first = top
        for samples in _pass_rows(png, layout, stream, height, width):
            end = first + len(samples) * down
            yield (slice(first, end, down), slice(left, None, across)), samples
            first = end
    if not stream.finish():
        raise ImageRejected(
            RejectReason.UNREADABLE,
            "The PNG holds more image data than its size allows.",
            hint="Export the picture again.",
        )


def _pass_rows(
    png: PngFile, layout: Layout, stream: Inflated, height: int, width: int
) -> Iterator[NDArray[Any]]:
    """Yield the samples [h, width, channels] of one pass, some rows at a time."""
    channels = CHANNELS[png.colour_type]
    stored = row_bytes(width * channels, png.bits)
    if png.bits == 16:
        # Filters treat every byte of a pixel apart, so high and low bytes are two pictures.
        parts = (slice(1, None, 2), slice(2, None, 2))[: 2 if layout.bits == 16 else 1]
        unfilters = [_Unfilter(stored // 2, channels) for _ in parts]
    else:
        parts = (slice(1, None),)
        unfilters = [_Unfilter(stored, max(1, channels * png.bits // 8))]
    step = max(1, _BAND // (stored + 1))
    for start in range(0, height, step):
        rows = min(step, height - start)
        filtered = np.frombuffer(stream.read(rows * (stored + 1)), np.uint8)
        filtered = filtered.reshape(rows, stored + 1)
        bytes_of = [
            unfilter(filtered[:, 0], filtered[:, part])
            for unfilter, part in zip(unfilters, parts, strict=True)
        ]
        samples: NDArray[Any] = bytes_of[0]
        if len(bytes_of) == 2:
            samples = bytes_of[0].astype(np.uint16) << 8 | bytes_of[1]
        elif png.bits < 8:
            samples = unpack_rows(samples, width * channels, png.bits)
        yield samples.reshape(rows, width, channels)


class _Unfilter:
    """Reverses the filters of one pass, block after block.

    Parameters
    ----------
    stored : int
        Bytes of a row, without the filter type.
    distance : int
        Bytes between a byte and the corresponding one of the pixel to its left.
    """

    def __init__(self, stored: int, distance: int) -> None:
        self._colour_type = _UNFILTERED_AS[distance]
        self._pixels = stored // distance
        self._previous = np.zeros(stored, np.uint8)

    def __call__(
        self, filters: NDArray[np.uint8], filtered: NDArray[np.uint8]
    ) -> NDArray[np.uint8]:
        """Return the rows [h, stored] as they were before filtering."""
        rows, stored = filtered.shape
        band = np.empty((rows + 1, stored + 1), np.uint8)
        band[0, 0], band[0, 1:] = 0, self._previous  # unfiltered, for the next row to refer to
        band[1:, 0], band[1:, 1:] = filters, filtered
        header = struct.pack(">IIBBBBB", self._pixels, rows + 1, 8, self._colour_type, 0, 0, 0)
        # level 0 stores without compressing
        body = chunk(b"IDAT", zlib.compress(band.tobytes(), 0))
        plain = b"".join([SIGNATURE, chunk(b"IHDR", header), body, chunk(b"IEND", b"")])
        try:
            with Image.open(BytesIO(plain), formats=("PNG",)) as image:
                rows_of_bytes = np.asarray(image)
        except (OSError, ValueError, SyntaxError):
            raise damaged() from None
        result = rows_of_bytes.reshape(rows + 1, stored)[1:]
        self._previous = result[-1]
        return result
