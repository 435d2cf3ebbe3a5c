"""The boxes of HEIF and AVIF files (ISO/IEC 14496-12, 23008-12), as far as checks need them."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

_MAX_BOXES = 20_000
_MAX_ITEMS = 10_000  # also of extents; phones write about 50 tiles
# H.265 7.4.2 forbids these bytes within a unit, so that they tell of overwritten data.
_FORBIDDEN = re.compile(rb"\x00\x00[\x00\x01\x02]")
_ZEROS = bytes(256)


@dataclass
class Meta:
    """What the meta box says of the pictures: the primary one, its tiles, previews and masks.

    Parameters
    ----------
    sizes : list of (int, int)
        Width and height of each (ispe).
    coding : tuple of int or None
        First colour primaries and transfer function named by code points (colr nclx).
    length_bytes : int
        Bytes of the length before each unit of an HEVC picture (hvcC).
    types : dict of int to bytes
        Type of each item, such as b'hvc1' or b'av01'.
    extents : dict of int to list of (int, int)
        Where in the file the data of each item lie, and how many bytes they take.
    """

    sizes: list[tuple[int, int]] = field(default_factory=list)
    coding: tuple[int, int] | None = None
    length_bytes: int = 4
    types: dict[int, bytes] = field(default_factory=dict)
    extents: dict[int, list[tuple[int, int]]] = field(default_factory=dict)


def read_meta(data: bytes) -> Meta:
    """Read the meta box of a file.

    Parameters
    ----------
    data : bytes

    Raises
    ------
    struct.error
        If a box is damaged.
    """
    meta = Meta()
    for kind, body in _boxes(memoryview(data)):
        if kind != b"meta":
            continue
        for inner, content in _boxes(body[4:]):
            if inner == b"iprp":
                for name, properties in _boxes(content):
                    if name == b"ipco":
                        _read_properties(meta, properties)
            elif inner == b"iinf":
                _read_types(meta, content)
            elif inner == b"iloc":
                _read_extents(meta, content)
    return meta


def overwritten(data: bytes, meta: Meta) -> bool:
    """Whether the data of a picture were replaced by zeros, as in copies that were broken off.

    Decoders of HEVC and AV1 take zeros for picture data and show something. In HEVC three zeros in
    a row are forbidden anywhere; of AV1 256 at the end of an item are taken as a sign.
    """
    for item, kind in meta.types.items():
        if kind not in (b"hvc1", b"av01"):
            continue
        content = b"".join(data[place : place + size] for place, size in meta.extents.get(item, ()))
        if kind == b"av01" and content.endswith(_ZEROS):
            return True
        if kind == b"hvc1" and _has_forbidden_bytes(content, meta.length_bytes):
            return True
    return False


def _has_forbidden_bytes(content: bytes, length_bytes: int) -> bool:
    position = 0
    while position + length_bytes <= len(content):
        start = position + length_bytes
        size = int.from_bytes(content[position:start], "big")
        position = start + size
        if not size or _FORBIDDEN.search(content, start, position):
            return True
    return False


def _read_properties(meta: Meta, properties: memoryview) -> None:
    for kind, value in _boxes(properties):
        if kind == b"ispe":
            meta.sizes.append(struct.unpack_from(">4xII", value))
        elif kind == b"colr" and bytes(value[:4]) == b"nclx" and meta.coding is None:
            meta.coding = struct.unpack_from(">4xHH", value)
        elif kind == b"hvcC":
            meta.length_bytes = (struct.unpack_from(">21xB", value)[0] & 3) + 1


def _read_types(meta: Meta, content: memoryview) -> None:
    """Item information (ISO/IEC 14496-12, 8.11.6)."""
    wide = content[0] > 0
    for kind, value in _boxes(content[8 if wide else 6 :]):
        if kind == b"infe" and value[0] in (2, 3):
            form = ">4xH2x4s" if value[0] == 2 else ">4xI2x4s"
            item, name = struct.unpack_from(form, value)
            meta.types[item] = name


def _read_extents(meta: Meta, content: memoryview) -> None:
    """Item locations (ISO/IEC 14496-12, 8.11.3); only those given by place in the file."""
    version, sizes, more = struct.unpack_from(">B3xBB", content)
    offset_bytes, length_bytes, base_bytes = sizes >> 4, sizes & 15, more >> 4
    index_bytes = more & 15 if version in (1, 2) else 0
    position = 6

    def number(size: int) -> int:
        nonlocal position
        if position + size > len(content):
            raise struct.error
        position += size
        return int.from_bytes(content[position - size : position], "big")

    wide = 4 if version == 2 else 2
    total = 0
    for _ in range(min(number(wide), _MAX_ITEMS)):
        item = number(wide)
        method = number(2) & 15 if version in (1, 2) else 0
        number(2)  # data reference
        base = number(base_bytes)
        extents = []
        for _ in range(number(2)):
            total += 1
            if total > _MAX_ITEMS:
                raise struct.error
            number(index_bytes)
            extents.append((base + number(offset_bytes), number(length_bytes)))
        if method == 0:
            meta.extents[item] = extents


def _boxes(view: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Walk boxes side by side; one that is cut short ends the walk."""
    position = 0
    for _ in range(_MAX_BOXES):
        if position + 8 > len(view):
            return
        size, kind = struct.unpack_from(">I4s", view, position)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", view, position + 8)
            head = 16
        elif size == 0:
            size = len(view) - position
        if size < head:
            raise struct.error
        yield kind, view[position + head : position + size]
        position += size
