"""Bounded parser of the directories and tags of TIFF 6.0 and BigTIFF."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.errors import ImageRejected, RejectReason

MAX_SEGMENTS = 65_536
"""Strips or tiles of a page; each costs some microseconds, however small it is."""

NEW_SUBFILE_TYPE, SUBFILE_TYPE, WIDTH, HEIGHT, BITS = 254, 255, 256, 257, 258
COMPRESSION, PHOTOMETRIC, FILL_ORDER, MAKE, MODEL = 259, 262, 266, 271, 272
STRIP_OFFSETS, ORIENTATION, SAMPLES, ROWS_PER_STRIP, STRIP_BYTES = 273, 274, 277, 278, 279
PLANAR, PREDICTOR, COLOUR_MAP, TILE_WIDTH, TILE_HEIGHT = 284, 317, 320, 322, 323
TILE_OFFSETS, TILE_BYTES, INK_SET, EXTRA_SAMPLES, SAMPLE_FORMAT = 324, 325, 332, 338, 339
JPEG_TABLES, ICC_PROFILE = 347, 34675

# TIFF 6.0 section 2 and the BigTIFF design: numpy's name and bytes of each type that is read.
_TYPES = {1: "u1", 2: "u1", 3: "u2", 4: "u4", 7: "u1", 13: "u4", 16: "u8"}
_SHORT, _LONG, _LONG8 = 3, 4, 16
_WHOLE = (1, _SHORT, _LONG, 13, _LONG8)


class Directory:
    """One image file directory.

    Parameters
    ----------
    data : bytes
        The file.
    order : {'<', '>'}
        Its byte order.
    entries : dict of int to (int, int, int)
        Of each tag its type, count and where its values lie.
    """

    def __init__(self, data: bytes, order: str, entries: dict[int, tuple[int, int, int]]) -> None:
        self.order = order
        self._data = data
        self._entries = entries

    def __contains__(self, tag: int) -> bool:
        return tag in self._entries

    def numbers(self, tag: int, most: int) -> NDArray[np.int64]:
        """Whole numbers of a tag, empty if it is missing.

        Parameters
        ----------
        tag : int
        most : int
            How many values there may be.

        Raises
        ------
        ImageRejected
            `UNREADABLE` for more values, others than whole numbers, or such as lie outside the
            file.
        """
        if tag not in self._entries:
            return np.empty(0, np.int64)
        kind, count, place = self._entries[tag]
        if kind not in _WHOLE or count > most:
            raise damaged()
        values = np.frombuffer(self._bytes(kind, count, place), f"{self.order}{_TYPES[kind]}")
        if kind == _LONG8 and count and values.max() >= 2**63:
            raise damaged()
        return values.astype(np.int64)

    def number(self, tag: int, default: int) -> int:
        """The first value of a tag."""
        values = self.numbers(tag, 65_535)
        return int(values[0]) if len(values) else default

    def content(self, tag: int, most: int) -> bytes | None:
        """Bytes of a tag; None if it is missing, of another type or longer than `most`."""
        kind, count, place = self._entries.get(tag, (0, 0, 0))
        if kind not in (1, 2, 7) or count > most:
            return None
        return bytes(self._bytes(kind, count, place))

    def text(self, tag: int) -> str | None:
        """Start of an ASCII tag."""
        content = self.content(tag, 2**16)
        return None if content is None else content.split(b"\0")[0][:256].decode("latin-1")

    def _bytes(self, kind: int, count: int, place: int) -> memoryview:
        size = count * np.dtype(_TYPES[kind]).itemsize
        if place + size > len(self._data):
            raise cut()
        return memoryview(self._data)[place : place + size]


def read_directories(data: bytes, most: int) -> list[Directory]:
    """Read the chain of directories.

    Parameters
    ----------
    data : bytes
        The file, which begins as a TIFF.
    most : int
        How many are read.

    Raises
    ------
    ImageRejected
        `TRUNCATED` where one lies outside the file, `UNREADABLE` for other damage and for chains
        that lead back.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    if len(data) < (16 if big else 8):
        raise damaged()
    if big and struct.unpack_from(f"{order}HH", data, 4) != (8, 0):
        raise damaged()
    place = struct.unpack_from(f"{order}{'Q' if big else 'I'}", data, 8 if big else 4)[0]
    seen: set[int] = set()
    directories: list[Directory] = []
    while place and len(directories) < most:
        if place in seen:
            raise damaged()
        seen.add(place)
        directory, place = _read_directory(data, order, place, big=big)
        directories.append(directory)
    if not directories:
        raise damaged()
    return directories


def _read_directory(data: bytes, order: str, place: int, *, big: bool) -> tuple[Directory, int]:
    """Read one directory and the offset of the next one."""
    word = f"{order}{'u8' if big else 'u4'}"
    entry = np.dtype(
        [("tag", f"{order}u2"), ("type", f"{order}u2"), ("count", word), ("value", word)]
    )
    head = 8 if big else 2
    if place + head > len(data):
        raise cut()
    (count,) = struct.unpack_from(f"{order}{'Q' if big else 'H'}", data, place)
    end = place + head + count * entry.itemsize
    if count > 65_535:
        raise damaged()
    if end + entry["value"].itemsize > len(data):
        raise cut()
    table: Any = np.frombuffer(data, entry, count, place + head)
    entries: dict[int, tuple[int, int, int]] = {}
    for index in np.flatnonzero(np.isin(table["tag"], _WANTED))[: 4 * len(_WANTED)]:
        tag, kind, values, value = (int(part) for part in table[index])
        size = np.dtype(_TYPES.get(kind, "u1")).itemsize * values
        at = place + head + int(index) * entry.itemsize + (12 if big else 8)
        entries.setdefault(tag, (kind, values, at if size <= entry["value"].itemsize else value))
    (following,) = struct.unpack_from(f"{order}{'Q' if big else 'I'}", data, end)
    return Directory(data, order, entries), following


_WANTED = np.array(
    [
        *(NEW_SUBFILE_TYPE, SUBFILE_TYPE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC),
        *(FILL_ORDER, MAKE, MODEL, STRIP_OFFSETS, ORIENTATION, SAMPLES, ROWS_PER_STRIP),
        *(STRIP_BYTES, PLANAR, PREDICTOR, COLOUR_MAP, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS),
        *(TILE_BYTES, INK_SET, EXTRA_SAMPLES, SAMPLE_FORMAT, JPEG_TABLES, ICC_PROFILE),
    ]
)


def cut() -> ImageRejected:
    """Return the refusal of a truncated TIFF."""
    return ImageRejected(
        RejectReason.TRUNCATED,
        "The TIFF ends before its picture does.",
        hint="Copy or export the file again.",
    )


def damaged() -> ImageRejected:
    """Return the refusal of a damaged TIFF."""
    return ImageRejected(
        RejectReason.UNREADABLE,
        "The TIFF is damaged.",
        hint="Copy or export the file again.",
    )


def unsupported(what: str) -> ImageRejected:
    """Return the refusal of an unsupported kind of TIFF."""
    return ImageRejected(
        RejectReason.UNSUPPORTED_ENCODING,
        what,
        hint="Export the picture as a TIFF or PNG of 8- or 16-bit grey or RGB.",
    )
