"""JPEG 2000 and High-Throughput JPEG 2000 (ITU-T T.800, T.814) by OpenJPEG.

OpenJPEG refuses a packet with a truncated body, but treats packets that are missing at the end of a
tile as empty, and missing tiles as black. So the codestream is parsed here: every tile must be
present. Then a second decoding at low resolution, which takes little work, is run with bytes of
ones appended to each tile: after a complete tile they are ignored; if a packet is missing, they are
read as an invalid packet header.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile

from triage.codecs.jpeg2000_packets import blocks_fit
from triage.codecs.sample_limit import check_samples
from triage.errors import ImageRejected, RejectReason
from triage.extras import install_hint, is_installed

START = b"\xff\x4f\xff\x51"
JP2_START = b"\x00\x00\x00\x0cjP  \r\n\x87\n"
MAX_TILE_PARTS = 100_000

_SIZ, _COD, _TLM, _PPM, _PPT = 0x51, 0x52, 0x55, 0x60, 0x61
_SOT, _SOD, _END_OF_CODESTREAM = 0x90, 0x93, b"\xff\xd9"
_TILE_HEADER = struct.Struct(">HHLBB")  # Lsot, Isot, Psot, TPsot, TNsot (A.4.2)
_ONES = b"\xff" * 64


@dataclass(frozen=True)
class Jpeg2000Stream:
    """Content of the main header of a codestream, and the positions of its tiles.

    Parameters
    ----------
    rows, columns, components : int
    precision : int
        Bits of a sample.
    signed : bool
    colour_transform : bool
        Whether the components were transformed from RGB, which the decoder reverses.
    levels : int
        How many times the resolution can be halved.
    header : tuple of bytes
        The segments of the main header, without the lengths of tile-parts (TLM).
    tile_parts : tuple of (int, memoryview)
        Index of the tile and all bytes of each tile-part.
    """

    rows: int
    columns: int
    components: int
    precision: int
    signed: bool
    colour_transform: bool
    levels: int
    header: tuple[bytes, ...]
    tile_parts: tuple[tuple[int, memoryview], ...]


def read_jpeg2000(data: bytes | memoryview) -> Jpeg2000Stream:
    """Parse a codestream.

    Parameters
    ----------
    data : bytes or memoryview
        A codestream, or a JP2 file with one.

    Raises
    ------
    ImageRejected
        `UNREADABLE` for a damaged codestream, `TRUNCATED` where tiles or parts of them are missing,
        `UNSUPPORTED_ENCODING` for components of different kinds and packed packet headers,
        `TOO_MUCH_WORK` for more tile-parts than `MAX_TILE_PARTS`.
    """
    try:
        view = memoryview(data)
        return _read(view[_contiguous_codestream(view) :])
    except (struct.error, IndexError, ValueError):
        raise _damaged() from None


def decode_jpeg2000(stream: Jpeg2000Stream, *, check_size: bool = True) -> NDArray[np.integer]:
    """Decode a codestream; to RGB if `colour_transform` is given, else to its components.

    Parameters
    ----------
    stream : Jpeg2000Stream
    check_size : bool
        Decode a few blocks to see whether the header gives the picture its true size, which costs
        milliseconds; of many frames of the same size the first is enough.

    Returns
    -------
    integer array [H, W] or [H, W, C]
        Signed if the codestream is.

    Raises
    ------
    ImageRejected
        `UNREADABLE` for damaged data and missing packets, `TOO_MANY_PIXELS` for more than
        `MAX_SAMPLES` samples.
    """
    if not is_installed("openjpeg"):
        raise ImageRejected(
            RejectReason.UNSUPPORTED_ENCODING,
            "JPEG 2000 data cannot be decoded without openjpeg.",
            hint=install_hint("oct"),
        )
    from openjpeg.utils import decode

    check_samples(stream.rows, stream.columns, stream.components)
    if check_size:
        parts = [part for index, part in stream.tile_parts if index == 0]
        if not blocks_fit(stream.header, bytes(parts[0]), whole=len(parts) == 1):
            raise _damaged()
    checked = _all_packets_there(stream)
    try:
        pixels = np.asarray(decode(_joined(stream, b""), 0))
        if not checked and not np.array_equal(pixels, decode(_joined(stream, _ONES), 0)):
            raise _damaged()
    except (RuntimeError, ValueError):
        raise _damaged() from None
    if pixels.shape[:2] != (stream.rows, stream.columns):
        raise _damaged()
    return pixels


def _all_packets_there(stream: Jpeg2000Stream) -> bool:
    """Decode a stream with appended bytes at low resolution by Pillow (OpenJPEG too).

    Returns
    -------
    bool
        False as well for what Pillow does not read.
    """
    levels = range(min(stream.levels, 8), -1, -1)
    # Pillow rounds half up where OpenJPEG rounds up, and refuses where that is not the same.
    sizes = (stream.rows, stream.columns)
    reduce = next(
        level
        for level in levels
        if all(-(-size // 2**level) == (size + 2**level // 2) // 2**level for size in sizes)
    )
    try:
        content = BytesIO(_joined(stream, _ONES))
        with Image.open(content, formats=("JPEG2000",)) as image:
            if isinstance(image, Jpeg2KImageFile):
                image.reduce = reduce
            image.load()
    except (OSError, SyntaxError, ValueError):
        return False
    return True


def _read(data: memoryview) -> Jpeg2000Stream:
    if data[:4] != START:
        raise _damaged()
    position, size, transform, levels = 2, None, False, 0
    kept = [bytes(data[:2])]
    while data[position + 1] != _SOT:
        marker, end = _segment(data, position)
        if marker == _SIZ:
            size = _size(data[position:end])
        elif marker == _COD:
            transform, levels = data[position + 8] != 0, data[position + 9]
        elif marker == _PPM:
            raise _packed()
        if marker != _TLM:
            kept.append(bytes(data[position:end]))
        position = end
    if size is None:
        raise _damaged()
    rows, columns, components, precision, signed, tiles = size
    parts = _tile_parts(data, position)
    if {index for index, _ in parts} != set(range(tiles)):
        raise _cut()
    kind = precision, signed, transform, levels
    return Jpeg2000Stream(rows, columns, components, *kind, tuple(kept), tuple(parts))


def _segment(data: memoryview, position: int) -> tuple[int, int]:
    """Return a marker and the end of its segment."""
    first, marker, length = struct.unpack_from(">BBH", data, position)
    if first != 0xFF or marker < 0x50 or length < 2:
        raise _damaged()
    return marker, position + 2 + length


def _size(segment: memoryview) -> tuple[int, int, int, int, bool, int]:
    """Read a SIZ segment (A.5.1): rows, columns, components, precision, sign, tiles."""
    right, bottom, left, top = struct.unpack_from(">4L", segment, 6)
    tile_width, tile_height, tile_left, tile_top = struct.unpack_from(">4L", segment, 22)
    (components,) = struct.unpack_from(">H", segment, 38)
    kinds = {bytes(segment[40 + 3 * index : 43 + 3 * index]) for index in range(components)}
    inside = tile_left <= left < right and tile_top <= top < bottom
    if not inside or not tile_width or not tile_height or not components:
        raise _damaged()
    depth, horizontal, vertical = next(iter(kinds))
    if len(kinds) > 1 or (horizontal, vertical) != (1, 1):
        raise ImageRejected(
            RejectReason.UNSUPPORTED_ENCODING,
            "The JPEG 2000 components differ in resolution or depth.",
            hint="Export the picture in another transfer syntax.",
        )
    across = -(-(right - tile_left) // tile_width)
    down = -(-(bottom - tile_top) // tile_height)
    if across * down > 65_535:  # A.4.2: the index has 16 bits
        raise _damaged()
    return bottom - top, right - left, components, 1 + (depth & 127), depth > 127, across * down


def _tile_parts(data: memoryview, position: int) -> list[tuple[int, memoryview]]:
    """Return the tile-parts (A.4.2), which are contiguous to the end of the codestream."""
    parts: list[tuple[int, memoryview]] = []
    seen: dict[int, int] = {}
    while position + 12 <= len(data) and data[position : position + 2] == bytes((0xFF, _SOT)):
        _, index, length, part, _ = _TILE_HEADER.unpack_from(data, position + 2)
        end = position + length if length else _end(data)
        if part != seen.get(index, 0) or end > len(data):
            raise _cut()
        seen[index] = part + 1
        _check_tile_header(data, position + 12, end)
        parts.append((index, data[position:end]))
        if len(parts) > MAX_TILE_PARTS:
            raise ImageRejected(
                RejectReason.TOO_MUCH_WORK,
                f"The JPEG 2000 data has more than {MAX_TILE_PARTS} tile-parts.",
                hint="Export the picture in another transfer syntax.",
            )
        position = end
    return parts


def _check_tile_header(data: memoryview, position: int, end: int) -> None:
    while data[position + 1] != _SOD:
        marker, position = _segment(data, position)
        if marker == _PPT:
            raise _packed()
        if position + 2 > end:
            raise _damaged()


def _end(data: memoryview) -> int:
    """Return the end of the codestream, before its last marker and padding."""
    tail = bytes(data[-16:]).rstrip(b"\0")
    end = len(data) - min(16, len(data)) + len(tail)
    return end - 2 if tail.endswith(_END_OF_CODESTREAM) else len(data)


def _joined(stream: Jpeg2000Stream, more: bytes) -> bytes:
    """Assemble the codestream again, with bytes appended to each tile."""
    last = {index: number for number, (index, _) in enumerate(stream.tile_parts)}
    pieces: list[bytes | memoryview] = [*stream.header]
    for number, (index, part) in enumerate(stream.tile_parts):
        tail = more if last[index] == number else b""
        pieces += [part[:6], struct.pack(">L", len(part) + len(tail)), part[10:], tail]
    return b"".join([*pieces, _END_OF_CODESTREAM])


def _contiguous_codestream(data: memoryview) -> int:
    """Return the offset of the codestream; in a JP2 file, its first jp2c box (annex I)."""
    if data[: len(JP2_START)] != JP2_START:
        return 0
    position = 0
    while True:
        length, kind = struct.unpack_from(">L4s", data, position)
        if kind == b"jp2c":
            return position + (16 if length == 1 else 8)
        if length < 8:
            raise _damaged()
        position += length


def _packed() -> ImageRejected:
    return ImageRejected(
        RejectReason.UNSUPPORTED_ENCODING,
        "JPEG 2000 with packed packet headers is not read.",
        hint="Export the picture in another transfer syntax.",
    )


def _cut() -> ImageRejected:
    return ImageRejected(
        RejectReason.TRUNCATED,
        "The JPEG 2000 data ends before its picture does.",
        hint="Copy or export the file again.",
    )


def _damaged() -> ImageRejected:
    return ImageRejected(
        RejectReason.UNREADABLE,
        "The JPEG 2000 data is damaged or not complete.",
        hint="Copy or export the file again.",
    )
