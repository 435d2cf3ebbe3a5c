"""What a compressed frame says of its own size, before a decoder believes it.

A native decoder allocates what the codestream asks for, whatever the DICOM
header says. So the two must agree, and the header has been checked.
"""

from __future__ import annotations

import struct
from itertools import pairwise

from triage.errors import ImageRejected, RejectReason

_JPEG_START = b"\xff\xd8"
_J2K_START = b"\xff\x4f\xff\x51"
_JP2_START = b"\x00\x00\x00\x0cjP  \r\n\x87\n"
# ITU-T T.81 table B.1: start-of-frame markers; T.87 (JPEG-LS) adds 0xF7.
_START_OF_FRAME = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL = frozenset({0xC0, 0xC1})
_START_OF_SCAN = 0xDA


def check_codestream(frame: bytes, rows: int, columns: int, samples: int) -> None:
    """Refuse a JPEG, JPEG-LS or JPEG 2000 frame that disagrees with its header.

    Parameters
    ----------
    frame : bytes
        One compressed frame.
    rows, columns, samples : int
        What the DICOM header says.

    Raises
    ------
    ImageRejected
        With `RejectReason.UNREADABLE`.
    """
    try:
        size = _jpeg_size(frame) if frame[:2] == _JPEG_START else _j2k_size(frame)
    except (struct.error, IndexError):
        raise _damaged() from None
    if size != (rows, columns, samples):
        raise ImageRejected(
            RejectReason.UNREADABLE,
            f"The compressed frame is {size[0]} x {size[1]} x {size[2]}, "
            f"the header says {rows} x {columns} x {samples}.",
        )


def check_rle(frame: bytes, rows: int, columns: int, segments: int) -> None:
    """Refuse an RLE frame that expands to anything but its planes (PS3.5 annex G).

    A segment may exceed its plane by one padding run, at most 128 bytes; a
    bomb exceeds it by far. The decoder itself expands without a bound.

    Raises
    ------
    ImageRejected
        With `RejectReason.UNREADABLE` or `RejectReason.TRUNCATED`.
    """
    if len(frame) < 64:
        raise ImageRejected(RejectReason.TRUNCATED, "A compressed frame ends too early.")
    count, *offsets = struct.unpack("<16L", frame[:64])
    if count != segments:
        raise _damaged()
    bounds = [*offsets[:count], len(frame)]
    for start, end in pairwise(bounds):
        length = _packbits_length(frame[start:end], rows * columns + 128)
        if length < rows * columns:
            raise ImageRejected(RejectReason.TRUNCATED, "A compressed frame ends too early.")
        if length > rows * columns + 128:
            raise _damaged()


def _packbits_length(segment: bytes, enough: int) -> int:
    """Return how many bytes a segment expands to, counting little further than `enough`."""
    position = length = 0
    size = len(segment)
    while position < size and length <= enough:
        header = segment[position]
        if header < 128:
            length += min(header + 1, size - position - 1)
            position += header + 2
        elif header > 128:
            length += 257 - header if position + 1 < size else 0
            position += 2
        else:
            position += 1
    return length


def _jpeg_size(frame: bytes) -> tuple[int, int, int]:
    """Walk the markers to the first scan (T.81 annex B)."""
    position, size, sequential = 2, None, False
    while True:
        if frame[position] != 0xFF:
            raise _damaged()
        while frame[position] == 0xFF:
            position += 1
        marker = frame[position]
        (length,) = struct.unpack_from(">H", frame, position + 1)
        if marker in _START_OF_FRAME:
            if size is not None:
                raise _damaged()
            rows, columns, samples = struct.unpack_from(">HHB", frame, position + 4)
            size, sequential = (rows, columns, samples), marker in _SEQUENTIAL
        elif marker == _START_OF_SCAN:
            # A sequential scan holds all 64 coefficients; decoders make up pixels where not.
            spectrum = frame[position + length - 2 : position + length + 1]
            if size is None or (sequential and spectrum != b"\x00\x3f\x00"):
                raise _damaged()
            return size
        position += 1 + length


def _j2k_size(frame: bytes) -> tuple[int, int, int]:
    """Read the SIZ segment (ITU-T T.800 A.5.1), past the boxes of a JP2 if there are any."""
    start = _contiguous_codestream(frame) if frame.startswith(_JP2_START) else 0
    if frame[start : start + 4] != _J2K_START:
        raise _damaged()
    right, bottom, left, top = struct.unpack_from(">4L", frame, start + 8)
    (samples,) = struct.unpack_from(">H", frame, start + 40)
    return bottom - top, right - left, samples


def _contiguous_codestream(frame: bytes) -> int:
    """Return where the contents of the first jp2c box begin (T.800 annex I)."""
    position = 0
    while True:
        length, kind = struct.unpack_from(">L4s", frame, position)
        if kind == b"jp2c":
            return position + (16 if length == 1 else 8)
        if length < 8:
            raise _damaged()
        position += length


def _damaged() -> ImageRejected:
    return ImageRejected(RejectReason.UNREADABLE, "A compressed frame is damaged.")
