"""RLE frames (PS3.5 annex G), decoded by Pillow's PackBits decoder."""

from __future__ import annotations

import struct
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triage.errors import ImageRejected, RejectReason

_HEADER = 64
_PADDING = 128  # a segment may exceed its plane by one run


def decode_rle(
    frame: memoryview, rows: int, columns: int, samples: int
) -> NDArray[np.unsignedinteger]:
    """Decode an RLE frame; the number of segments gives the bytes per sample.

    Parameters
    ----------
    frame : memoryview
    rows, columns, samples : int
        From the DICOM header; the frame itself does not state it.

    Returns
    -------
    uint8, uint16 or uint32 array [H, W] or [H, W, 3]

    Raises
    ------
    ImageRejected
        `TRUNCATED` where a segment expands to less than its plane, `UNREADABLE` where it expands
        to more or where the header is damaged.
    """
    if len(frame) < _HEADER:
        raise _cut()
    count, *offsets = struct.unpack("<16L", frame[:_HEADER])
    octets, rest = divmod(count, samples)
    bounds = [*offsets[:count], len(frame)]
    ordered = count <= 15 and all(first < last for first, last in pairwise(bounds))
    if rest or octets not in (1, 2, 4) or not ordered or bounds[0] < _HEADER:
        raise _damaged()
    decoded = np.empty((rows * columns, samples, octets), np.uint8)
    for index, (start, stop) in enumerate(pairwise(bounds)):
        # G.2: the most significant byte of a sample comes first
        sample, octet = divmod(index, octets)
        segment = _expanded(frame[start:stop], rows * columns)
        decoded[:, sample, octets - 1 - octet] = segment
    words = decoded.view(f"<u{octets}").reshape(rows, columns, samples)
    return words[..., 0] if samples == 1 else words


def _expanded(segment: memoryview, size: int) -> NDArray[np.uint8]:
    """Expand a segment to an exact number of bytes."""
    expanded = _first_bytes(segment, size)
    if expanded is None:
        raise _cut()
    # A header of too few rows or columns would show a part of the picture, or a slanted one.
    if len(segment) > 2 and _first_bytes(segment, size + _PADDING + 1) is not None:
        raise _damaged()
    return expanded


def _first_bytes(segment: memoryview, size: int) -> NDArray[np.uint8] | None:
    """Expand the start of a segment, None if it is too short; takes time O(`size`)."""
    try:
        line = Image.frombytes("L", (size, 1), segment, "packbits", "L")
    except ValueError:
        return None
    return np.asarray(line, np.uint8).reshape(size)


def _cut() -> ImageRejected:
    return ImageRejected(
        RejectReason.TRUNCATED,
        "A compressed frame ends too early.",
        hint="Copy or export the file again.",
    )


def _damaged() -> ImageRejected:
    return ImageRejected(
        RejectReason.UNREADABLE,
        "A compressed frame is damaged.",
        hint="Copy or export the file again.",
    )
