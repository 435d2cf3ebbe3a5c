"""Still WebP pictures, decoded by Pillow's libwebp, which refuses truncated streams."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO

import numpy as np
from PIL import Image

from triage.errors import ImageRejected, RejectReason
from triage.imaging.colour import row_blocks
from triage.imaging.limits import Limits
from triage.imaging.raster.exif import header_metadata
from triage.imaging.raster.samples import Block, Layout, Page

MAX_PIXELS = 30_000_000
"""Pillow takes 16 to 20 bytes a pixel for a WebP (two canvases, a copy, its own picture)."""

_MAX_CHUNKS = 1000
_LEAST_ZEROS = 1024
_SHARE_OF_ZEROS = 50  # a fiftieth; a black margin codes to some zeros too, but to fewer


def read_webp(data: bytes, limits: Limits) -> list[Page]:
    """Read the chunks of a WebP (RFC 9649).

    Parameters
    ----------
    data : bytes
    limits : Limits

    Returns
    -------
    list of Page
        One page.

    Raises
    ------
    ImageRejected
        `UNSUPPORTED_ENCODING` for an animation, `TRUNCATED` where the file ends early,
        `UNREADABLE` for other damage; and what the limits refuse.
    """
    try:
        sizes = _sizes(memoryview(data))
    except struct.error:
        raise _damaged() from None
    if not sizes:
        raise _damaged()
    for width, height in sizes:
        limits.check_geometry(height, width)
        if height * width > MAX_PIXELS:
            raise ImageRejected(
                RejectReason.TOO_MANY_PIXELS,
                f"A WebP of more than {MAX_PIXELS} pixels is not read.",
                hint="Export the picture smaller, or as JPEG.",
            )
    known = header_metadata(data, "WEBP")
    width, height = sizes[0]
    # libwebp gives opacity wherever there may be some
    alpha = data[12:16] == b"VP8L" or (data[12:16] == b"VP8X" and bool(data[20] & 0x10))
    layout = Layout("rgb", alpha="straight" if alpha else None)
    return [
        Page(
            height=height,
            width=width,
            layout=layout,
            blocks=lambda: _blocks(data, width, height, alpha=alpha),
            orientation=known.orientation,
            profile=known.profile,
            device=known.device,
            channels=4 if alpha else 3,
        )
    ]


def _sizes(view: memoryview) -> list[tuple[int, int]]:
    """Width and height of the canvas and of the picture in it, from the chunk headers."""
    (length,) = struct.unpack_from("<I", view, 4)
    if length + 8 > len(view):
        raise _cut()
    sizes, position, end = [], 12, length + 8
    for _ in range(_MAX_CHUNKS):
        if position + 8 > end:
            break
        kind = bytes(view[position : position + 4])
        (size,) = struct.unpack_from("<I", view, position + 4)
        body = view[position + 8 : min(end, position + 8 + size)]
        if len(body) < size:
            raise _cut()
        zeros = max(_LEAST_ZEROS, size // _SHARE_OF_ZEROS)
        if kind in (b"VP8 ", b"VP8L") and bytes(body[-zeros:]) == bytes(zeros):
            # A copy that was broken off: the decoder takes zeros for a picture.
            raise _cut()
        if kind in (b"ANIM", b"ANMF"):
            raise ImageRejected(
                RejectReason.UNSUPPORTED_ENCODING,
                "The picture is animated.",
                hint="Export one picture of it.",
            )
        if kind == b"VP8X":
            sizes.append((_three(body, 4) + 1, _three(body, 7) + 1))
        elif kind == b"VP8L":
            (packed,) = struct.unpack_from("<I", body, 1)
            sizes.append(((packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1))
        elif kind == b"VP8 ":
            width, height = struct.unpack_from("<HH", body, 6)
            sizes.append((width & 0x3FFF, height & 0x3FFF))
        position += 8 + size + size % 2
    return sizes


def _three(body: memoryview, place: int) -> int:
    low, high = struct.unpack_from("<HB", body, place)
    return int(low | high << 16)


def _blocks(data: bytes, width: int, height: int, *, alpha: bool) -> Iterator[Block]:
    mode = "RGBA" if alpha else "RGB"
    try:
        with Image.open(BytesIO(data), formats=("WEBP",)) as image:
            image.load()
            if image.size != (width, height):
                raise _damaged()
            for rows in row_blocks(height, width):
                part = image.crop((0, rows.start, width, rows.stop)).convert(mode)
                yield (rows, slice(0, width)), np.asarray(part)
    except (OSError, EOFError, SyntaxError, ValueError):
        # libwebp does not distinguish missing from damaged data
        raise _cut() from None


def _cut() -> ImageRejected:
    return ImageRejected(
        RejectReason.TRUNCATED,
        "The WebP is damaged or ends before its picture does.",
        hint="Copy or export the file again.",
    )


def _damaged() -> ImageRejected:
    return ImageRejected(
        RejectReason.UNREADABLE,
        "The WebP is damaged.",
        hint="Copy or export the file again.",
    )
