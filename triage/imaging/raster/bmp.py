"""Uncompressed BMP (Windows and OS/2 bitmaps)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from triage.codecs.bit_packing import unpack_rows
from triage.errors import ImageRejected, RejectReason
from triage.imaging.colour import MAX_PROFILE, row_blocks
from triage.imaging.limits import Limits
from triage.imaging.raster.samples import Block, Layout, Page

_FILE_HEADER = 14
_CORE = 12  # bytes of the oldest header
_NONE, _BITFIELDS, _ALPHA_BITFIELDS = 0, 3, 6  # BI_RGB, BI_BITFIELDS, BI_ALPHABITFIELDS
_EMBEDDED = b"DEBM"  # bV5CSType PROFILE_EMBEDDED, little endian
_DEFAULT_MASKS = {16: (0x7C00, 0x3E0, 0x1F, 0), 32: (0xFF0000, 0xFF00, 0xFF, 0)}


@dataclass(frozen=True)
class _Bitmap:
    """Content of the headers."""

    height: int
    width: int
    bits: int
    top_down: bool
    stored: NDArray[np.uint8] = field(repr=False)  # [height, bytes of a padded row]
    masks: tuple[int, ...] = (0, 0, 0, 0)  # of red, green, blue and alpha, for 16 and 32 bits

    @property
    def rows(self) -> NDArray[np.uint8]:
        """Rows from the top."""
        return self.stored if self.top_down else self.stored[::-1]


def read_bmp(data: bytes, limits: Limits) -> list[Page]:
    """Read the headers of a BMP.

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
        `UNSUPPORTED_ENCODING` for compressed bitmaps, `TRUNCATED` for missing rows, `UNREADABLE`
        for headers that make no sense; and what the limits refuse.
    """
    try:
        bitmap, palette, profile = _headers(data, limits)
    except struct.error:
        raise _cut() from None
    alpha: Literal["straight"] | None = None
    if bitmap.masks[3] and any(
        (_words(bitmap, rows) & np.uint32(bitmap.masks[3])).any()
        for rows in row_blocks(bitmap.height, bitmap.width)
    ):
        alpha = "straight"  # programs that write no opacity leave it zero everywhere
    layout = Layout("rgb", alpha=alpha)
    if palette is not None:
        layout = Layout("palette", bitmap.bits, palette=palette)
    return [
        Page(
            height=bitmap.height,
            width=bitmap.width,
            layout=layout,
            blocks=lambda: _blocks(bitmap, layout),
            profile=profile,
            channels=1 if palette is not None else 4 if alpha else 3,
            bits=bitmap.bits if bitmap.bits < 8 else 8,
        )
    ]


def _headers(data: bytes, limits: Limits) -> tuple[_Bitmap, NDArray[np.uint8] | None, bytes | None]:
    start, size = struct.unpack_from("<II", data, 10)
    compression = used = 0
    if size == _CORE:
        width, height, planes, bits = struct.unpack_from("<HHHH", data, 18)
    else:
        width, height, planes, bits, compression = struct.unpack_from("<iiHHI", data, 18)
        (used,) = struct.unpack_from("<I", data, 46)
    if planes != 1 or width < 1 or height == 0:
        raise _damaged()
    masked = bits in (16, 32) and compression in (_BITFIELDS, _ALPHA_BITFIELDS)
    if bits not in (1, 4, 8, 16, 24, 32) or not (compression == _NONE or masked):
        raise ImageRejected(
            RejectReason.UNSUPPORTED_ENCODING,
            "The BMP is compressed or of an unusual kind.",
            hint="Export the picture as an uncompressed BMP or as PNG.",
        )
    limits.check_geometry(abs(height), width)
    masks = _DEFAULT_MASKS.get(bits, (0, 0, 0, 0))
    after = _FILE_HEADER + size
    if masked:
        # In the oldest header that has them, masks follow; later headers contain them.
        count = 4 if size >= 56 or compression == _ALPHA_BITFIELDS else 3
        masks = (*struct.unpack_from(f"<{count}I", data, _FILE_HEADER + 40), 0)[:4]
        _check_masks(masks, bits)
    palette = None
    if bits <= 8:
        entry = 3 if size == _CORE else 4
        colours = min(used or 2**bits, 2**bits)
        table = np.frombuffer(data[after : after + entry * colours], np.uint8)
        if len(table) < entry * colours:
            raise _cut()
        palette = np.ascontiguousarray(table.reshape(-1, entry)[:, 2::-1])
    stride = -(-width * bits // 32) * 4
    if start < after:
        raise _damaged()
    if start + stride * abs(height) > len(data):
        raise _cut()
    stored = np.frombuffer(data, np.uint8, stride * abs(height), start).reshape(-1, stride)
    bitmap = _Bitmap(abs(height), width, bits, height < 0, stored, masks)
    return bitmap, palette, _profile(data, size)


def _check_masks(masks: tuple[int, ...], bits: int) -> None:
    """Check that each mask is one run of bits within a pixel and that none overlap."""
    together = 0
    for mask in masks:
        run = mask >> _shift(mask)
        if mask >> bits or run & (run + 1) or mask & together:
            raise _damaged()
        together |= mask
    if not all(masks[:3]):
        raise _damaged()


def _profile(data: bytes, size: int) -> bytes | None:
    """The embedded profile of a version 5 header."""
    if size < 124 or data[_FILE_HEADER + 56 : _FILE_HEADER + 60] != _EMBEDDED:
        return None
    place, length = struct.unpack_from("<II", data, _FILE_HEADER + 112)
    return data[_FILE_HEADER + place :][: min(length, MAX_PROFILE)] if length else None


def _blocks(bitmap: _Bitmap, layout: Layout) -> Iterator[Block]:
    for rows in row_blocks(bitmap.height, bitmap.width):
        yield (rows, slice(0, bitmap.width)), _samples(bitmap, rows, layout)


def _samples(bitmap: _Bitmap, rows: slice, layout: Layout) -> NDArray[Any]:
    """Unpack rows to samples [h, width, channels]."""
    width = bitmap.width
    if layout.space == "palette":
        packed = np.ascontiguousarray(bitmap.rows[rows])
        return unpack_rows(packed, width, bitmap.bits)[..., None]
    if bitmap.bits == 24:
        return bitmap.rows[rows, : 3 * width].reshape(-1, width, 3)[..., ::-1]
    words = _words(bitmap, rows)
    masks = bitmap.masks if layout.alpha else bitmap.masks[:3]
    result = np.empty((*words.shape, len(masks)), np.uint8)
    for channel, mask in enumerate(masks):
        most = mask >> _shift(mask)
        values = (words & words.dtype.type(mask)) >> words.dtype.type(_shift(mask))
        if most != 255:
            values = (values.astype(np.uint64) * 255 + most // 2) // most
        result[..., channel] = values
    return result


def _words(bitmap: _Bitmap, rows: slice) -> NDArray[Any]:
    """Pixels of 16 or 32 bits as whole numbers [h, width]."""
    packed = np.ascontiguousarray(bitmap.rows[rows, : bitmap.width * bitmap.bits // 8])
    return packed.view(f"<u{bitmap.bits // 8}").astype(f"u{bitmap.bits // 8}", copy=False)


def _shift(mask: int) -> int:
    """Number of bits to the right of a mask."""
    return (mask & -mask).bit_length() - 1 if mask else 0


def _cut() -> ImageRejected:
    return ImageRejected(
        RejectReason.TRUNCATED,
        "The BMP ends before its picture does.",
        hint="Copy or export the file again.",
    )


def _damaged() -> ImageRejected:
    return ImageRejected(
        RejectReason.UNREADABLE,
        "The header of the BMP is damaged.",
        hint="Copy or export the file again.",
    )
