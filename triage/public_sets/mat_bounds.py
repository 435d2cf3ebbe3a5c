"""Array sizes stated in a MATLAB 5 file, checked before SciPy allocates memory.

Layout after "MAT-File Format" (MathWorks): a header of 128 bytes, then elements, each with its type
and number of bytes before it, possibly deflated as a whole.
"""

from __future__ import annotations

import math
import os
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from triage.errors import ImageRejected, RejectReason

_HEADER, _ENDIAN_AT = 128, 126
_MATRIX, _COMPRESSED = 14, 15
_NUMERIC = range(6, 16)  # array classes: double to uint64
_COMPLEX = 0x0800
_BEGINNING = 4096  # bytes in which flags, sides and name of an array lie
_LARGEST_SAMPLE = 8


def check_arrays(stream: BinaryIO, wanted: tuple[str, ...]) -> None:
    """Refuse arrays whose stated data size exceeds their dimensions.

    Parameters
    ----------
    stream : binary file
        At any place.
    wanted : tuple of str
        Names of the arrays that are going to be read; others are skipped.

    Raises
    ------
    ImageRejected
        `UNREADABLE` for what is no such file, or a wanted array whose parts contradict each
        other; `UNSUPPORTED_ENCODING` for one that is none of real numbers; `TRUNCATED`.
    """
    size = os.fstat(stream.fileno()).st_size
    stream.seek(0)
    header = stream.read(_HEADER)
    order = {b"IM": "<", b"MI": ">"}.get(header[_ENDIAN_AT:_HEADER])
    if order is None:
        raise _damaged()
    for beginning in _matrices(stream, size, order):
        try:
            _check(beginning, order, wanted)
        except struct.error:
            raise _damaged() from None


def _matrices(stream: BinaryIO, size: int, order: str) -> Iterator[bytes]:
    """First bytes of every array, inflated."""
    place = _HEADER
    while place + 8 <= size:
        stream.seek(place)
        kind, length = struct.unpack(order + "2I", stream.read(8))
        if place + 8 + length > size:
            raise ImageRejected(
                RejectReason.TRUNCATED,
                "The file ends before its arrays do.",
                hint="Copy the file again.",
            )
        beginning = stream.read(min(length, _BEGINNING))
        if kind == _COMPRESSED:
            try:
                yield zlib.decompressobj().decompress(beginning, _BEGINNING)
            except zlib.error:
                raise _damaged() from None
        elif kind == _MATRIX:
            yield struct.pack(order + "2I", kind, length) + beginning
        place += 8 + length


def _check(matrix: bytes, order: str, wanted: tuple[str, ...]) -> None:
    """Compare an array's number of bytes with its dimensions."""
    if struct.unpack_from(order + "I", matrix)[0] != _MATRIX:
        return
    flags, place = _element(matrix, 8, order)
    sides, place = _element(matrix, place, order)
    name, place = _element(matrix, place, order)
    if name.decode("latin-1") not in wanted:
        return
    (bits,) = struct.unpack_from(order + "I", flags)
    shape = struct.unpack(f"{order}{len(sides) // 4}i", sides[: len(sides) // 4 * 4])
    _, length = _tag(matrix, place, order)
    if bits & 0xFF not in _NUMERIC or bits & _COMPLEX:
        raise ImageRejected(
            RejectReason.UNSUPPORTED_ENCODING,
            "An array holds something other than real numbers.",
            hint="Give the file as it was published.",
        )
    if min(shape, default=-1) < 0:
        raise _damaged()
    if length > math.prod(shape) * _LARGEST_SAMPLE:
        raise _damaged()


def _element(data: bytes, place: int, order: str) -> tuple[bytes, int]:
    """Content of a part and the offset of the next one."""
    start, length = _tag(data, place, order)
    content = data[start : start + length]
    if len(content) < length:
        raise struct.error
    return content, place + 8 if start == place + 4 else start + -(-length // 8) * 8


def _tag(data: bytes, place: int, order: str) -> tuple[int, int]:
    """Offset and length of a part's content; up to 4 bytes are stored in the tag itself."""
    kind, length = struct.unpack_from(order + "2I", data, place)
    if kind >> 16:
        return place + 4, kind >> 16
    return place + 8, length


def _damaged() -> ImageRejected:
    return ImageRejected(
        RejectReason.UNREADABLE,
        "The file is damaged or no MATLAB 5 file.",
        hint="Copy the file again.",
    )
