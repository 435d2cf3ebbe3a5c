"""Parser of PNG chunks (ISO/IEC 15948, W3C PNG third edition)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from triage.errors import ImageRejected, RejectReason
from triage.imaging.colour import MAX_PROFILE

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_CHUNKS = 500_000  # encoders write 8 KiB and more into one; the walk costs 1 microsecond each
# Section 11.2.1, table 11.1: bit depths of each colour type, and its channels.
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_TEXT = (b"tEXt", b"zTXt", b"iTXt")
_TELLING = b"Raw profile type exif\0"  # keyword of the text that ImageMagick writes EXIF into
_MOST_TELLING = 16  # chunks that are looked at
_MAX_TEXT = 2**20  # bytes of an inflated text; Pillow refuses the file for more


@dataclass
class PngFile:
    """Content of the chunks of a PNG; its image data still deflated.

    Parameters
    ----------
    height, width : int
    bits : int
        Bits of one sample.
    colour_type : int
        0 grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGB with alpha.
    interlaced : bool
        Whether it is stored in the seven passes of Adam7.
    data : list of memoryview
        The content of the IDAT chunks.
    palette : uint8 array [N, 3] or None
    transparency : bytes or None
        Content of the tRNS chunk.
    profile : bytes or None
        ICC profile, inflated.
    coding : tuple of int or None
        Colour primaries, transfer function, matrix and range of the cICP chunk (ITU-T H.273).
    metadata : bytes
        A PNG of one pixel that holds the chunks that may state the orientation and the device.
    """

    height: int
    width: int
    bits: int
    colour_type: int
    interlaced: bool
    data: list[memoryview] = field(default_factory=list, repr=False)
    palette: NDArray[np.uint8] | None = None
    transparency: bytes | None = None
    profile: bytes | None = None
    coding: tuple[int, ...] | None = None
    metadata: bytes = b""


def read_chunks(data: bytes) -> PngFile:
    """Read the chunks of a PNG and check those that its pixels depend on.

    Parameters
    ----------
    data : bytes
        The file, which begins with the signature.

    Raises
    ------
    ImageRejected
        `TRUNCATED` where the file ends before its image data do, `UNREADABLE` for a damaged or
        forbidden chunk, `UNSUPPORTED_ENCODING` for an animation.
    """
    view = memoryview(data)
    png: PngFile | None = None
    after_data = False
    telling: list[tuple[bytes, memoryview]] = []
    end = len(SIGNATURE)
    for kind, start, end, whole in _walk(view):
        body = view[start + 8 : end - 4]
        # Bit 5 of the first letter: chunks without it are critical (section 5.4).
        critical = not kind[0] & 0x20
        if critical and not whole:
            raise damaged()
        if png is None:
            if kind != b"IHDR":
                raise damaged()
            png = _header(body)
        elif kind == b"IDAT":
            if after_data:
                raise damaged()
            png.data.append(body)
        else:
            after_data = bool(png.data)
            if critical and kind != b"PLTE":
                raise damaged()
            if whole and _telling(kind, body):
                telling.append((kind, body))
            elif whole and not after_data:
                _note(png, kind, body)
    if png is None:
        raise damaged()
    if not png.data or _cut_in_data(view, end):
        raise cut()
    png.metadata = _metadata(telling[:_MOST_TELLING])
    return png


def _walk(view: memoryview) -> Iterator[tuple[bytes, int, int, bool]]:
    """Yield type, start and end of each chunk up to IEND, and whether its checksum is right."""
    position = len(SIGNATURE)
    for _ in range(_MAX_CHUNKS):
        if len(view) - position < 12:
            return
        (length,) = struct.unpack_from(">I", view, position)
        kind = bytes(view[position + 4 : position + 8])
        end = position + 12 + length
        if end > len(view) or kind == b"IEND":
            return
        (checksum,) = struct.unpack_from(">I", view, end - 4)
        yield kind, position, end, zlib.crc32(view[position + 4 : end - 4]) == checksum
        position = end
    raise ImageRejected(
        RejectReason.TOO_MUCH_WORK,
        f"The PNG has more than {_MAX_CHUNKS} chunks.",
        hint="Export the picture again.",
    )


def _header(body: memoryview) -> PngFile:
    if len(body) != 13:
        raise damaged()
    width, height, bits, colour, method, filtering, interlace = struct.unpack(">IIBBBBB", body)
    if bits not in _DEPTHS.get(colour, ()) or method or filtering or interlace > 1:
        raise damaged()
    return PngFile(height, width, bits, colour, bool(interlace))


def _note(png: PngFile, kind: bytes, body: memoryview) -> None:
    """Record the content of a chunk before the image data."""
    if kind == b"PLTE":
        if len(body) % 3 or not 3 <= len(body) <= 768:
            raise damaged()
        png.palette = np.frombuffer(body, np.uint8).reshape(-1, 3)
    elif kind == b"tRNS":
        png.transparency = bytes(body)
    elif kind == b"iCCP":
        png.profile = _inflated_profile(body)
    elif kind == b"cICP" and len(body) == 4:
        png.coding = tuple(body)
    elif kind == b"acTL" and len(body) == 8 and bytes(body[:4]) != b"\0\0\0\1":
        raise ImageRejected(
            RejectReason.UNSUPPORTED_ENCODING,
            "The picture is animated.",
            hint="Export one picture of it.",
        )


def _inflated_profile(body: memoryview) -> bytes:
    """Section 11.3.2.3; b'' for a profile that is damaged or too large."""
    content = bytes(body)
    name_end = content.find(b"\0", 0, 80)
    if name_end < 0:
        return b""
    try:
        inflater = zlib.decompressobj()
        profile = inflater.decompress(content[name_end + 2 :], MAX_PROFILE)
    except zlib.error:
        return b""
    return profile if inflater.eof else b""


def _telling(kind: bytes, body: memoryview) -> bool:
    """Whether a chunk may state the orientation or the device."""
    return kind == b"eXIf" or (kind in _TEXT and bytes(body[: len(_TELLING)]) == _TELLING)


def _moderate(kind: bytes, body: memoryview) -> bool:
    """Whether such a chunk (section 11.3.3) inflates to at most `_MAX_TEXT` bytes."""
    parts = bytes(body).split(b"\0", 1)[-1]  # after the keyword of a text
    if kind == b"zTXt":
        deflated = parts[1:]  # method, data
    elif kind == b"iTXt" and parts[:1] == b"\1":
        deflated = parts[2:].split(b"\0", 2)[-1]  # flag, method, language, keyword, data
    else:
        return True
    try:
        inflater = zlib.decompressobj()
        inflater.decompress(deflated, _MAX_TEXT)
    except zlib.error:
        return False
    return inflater.eof


def _cut_in_data(view: memoryview, position: int) -> bool:
    """Whether the file ends within an IDAT chunk."""
    rest = view[position:]
    return len(rest) >= 8 and bytes(rest[4:8]) == b"IDAT"


def _metadata(telling: list[tuple[bytes, memoryview]]) -> bytes:
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    kept = [chunk(kind, bytes(body)) for kind, body in telling if _moderate(kind, body)]
    pixel = chunk(b"IDAT", zlib.compress(bytes(2)))  # Pillow looks for EXIF in texts when it loads
    return b"".join([SIGNATURE, chunk(b"IHDR", header), *kept, pixel, chunk(b"IEND", b"")])


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return the bytes of a chunk."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def cut() -> ImageRejected:
    """Return the refusal of a truncated PNG."""
    return ImageRejected(
        RejectReason.TRUNCATED,
        "The PNG ends before its picture does.",
        hint="Copy or export the file again.",
    )


def damaged() -> ImageRejected:
    """Return the refusal of a damaged PNG."""
    return ImageRejected(
        RejectReason.UNREADABLE,
        "The PNG is damaged.",
        hint="Copy or export the file again.",
    )
