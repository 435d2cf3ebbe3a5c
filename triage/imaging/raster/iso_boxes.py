"""Parser of the boxes of HEIF and AVIF files (ISO/IEC 14496-12, 23008-12) that checks need."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

_MAX_BOXES = 20_000
_MAX_ITEMS = 10_000  # also of extents; phones write about 50 tiles
# H.265 7.4.2 forbids these bytes within a unit, so that they indicate overwritten data.
_FORBIDDEN = re.compile(rb"\x00\x00[\x00\x01\x02]")
_ZEROS = bytes(256)


@dataclass
class Meta:
    """Content of the meta box: the primary picture, its tiles, previews and masks.

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
        Where in the file the data of each item lie, and how many bytes they take; 0 bytes mean
        all up to the end of the file.
    primary : int
        The item that is the picture (pitm).
    sources : dict of int to list of int
        The items from which an item is put together, such as the tiles of a grid (iref dimg).
    auxiliary : dict of int to list of int
        Of each auxiliary picture, such as an alpha plane, the items it belongs to (iref auxl).
    properties : list of (bytes, (int, int) or None)
        Type of each property in the order of ipco; for ispe with width and height.
    chosen : dict of int to list of int
        Properties of each item, counted from 0 (ipma).
    """

    sizes: list[tuple[int, int]] = field(default_factory=list)
    coding: tuple[int, int] | None = None
    length_bytes: int = 4
    types: dict[int, bytes] = field(default_factory=dict)
    extents: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    primary: int = 0
    sources: dict[int, list[int]] = field(default_factory=dict)
    auxiliary: dict[int, list[int]] = field(default_factory=dict)
    properties: list[tuple[bytes, tuple[int, int] | None]] = field(default_factory=list)
    chosen: dict[int, list[int]] = field(default_factory=dict)

    def properties_of(self, item: int) -> list[tuple[bytes, tuple[int, int] | None]]:
        """Properties of an item; unknown property numbers are skipped."""
        count = len(self.properties)
        return [self.properties[n] for n in self.chosen.get(item, ()) if 0 <= n < count]


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
                    elif name == b"ipma":
                        _read_chosen(meta, properties)
            elif inner == b"iinf":
                _read_types(meta, content)
            elif inner == b"iloc":
                _read_extents(meta, content)
            elif inner == b"pitm":
                (meta.primary,) = struct.unpack_from(">4xI" if content[0] else ">4xH", content)
            elif inner == b"iref":
                _read_references(meta, content)
    return meta


def show_items(data: bytes, items: set[int]) -> bytes:
    """Return a copy of a file in which only the given items are not marked as hidden.

    Parameters
    ----------
    data : bytes
    items : set of int
    """
    copy = bytearray(data)
    for kind, body in _boxes(memoryview(copy)):
        if kind != b"meta":
            continue
        for inner, content in _boxes(body[4:]):
            if inner == b"iinf":
                for item, _, value in _item_entries(content):
                    value[3] = (value[3] & 0xFE) | (item not in items)
    return bytes(copy)


def incomplete(data: bytes, meta: Meta) -> bool:
    """Whether data of a picture or tile are missing, or were replaced by zeros.

    Decoders of HEVC and AV1 decode zeros without an error. In HEVC three zeros in a row are
    forbidden anywhere; in AV1 256 zeros at the end of an item count as missing data.
    """
    for item, kind in meta.types.items():
        if kind not in (b"hvc1", b"av01"):
            continue
        parts = []
        for place, size in meta.extents.get(item, ()):
            end = place + size if size else len(data)
            if end > len(data) or place >= end:
                return True
            parts.append(data[place:end])
        content = b"".join(parts)
        if kind == b"av01" and content.endswith(_ZEROS):
            return True
        if kind == b"hvc1" and _has_bad_units(content, meta.length_bytes):
            return True
    return False


def _has_bad_units(content: bytes, length_bytes: int) -> bool:
    """Whether HEVC units hold forbidden bytes or do not end where their item does."""
    position = 0
    while position + length_bytes <= len(content):
        start = position + length_bytes
        size = int.from_bytes(content[position:start], "big")
        position = start + size
        if not size or position > len(content) or _FORBIDDEN.search(content, start, position):
            return True
    return position != len(content)


def _read_properties(meta: Meta, properties: memoryview) -> None:
    for kind, value in _boxes(properties):
        size = None
        if kind == b"ispe":
            size = struct.unpack_from(">4xII", value)
            meta.sizes.append(size)
        elif kind == b"colr" and bytes(value[:4]) == b"nclx" and meta.coding is None:
            meta.coding = struct.unpack_from(">4xHH", value)
        elif kind == b"hvcC":
            meta.length_bytes = (struct.unpack_from(">21xB", value)[0] & 3) + 1
        meta.properties.append((kind, size))


def _read_chosen(meta: Meta, content: memoryview) -> None:
    """Properties of each item (ISO/IEC 23008-12, 9.3); the top bit of each means essential."""
    version, flags, count = struct.unpack_from(">B2xBI", content)
    form = ">IB" if version else ">HB"
    position = 8
    for _ in range(min(count, _MAX_ITEMS)):
        item, number = struct.unpack_from(form, content, position)
        position += struct.calcsize(form)
        numbers = struct.unpack_from(f">{number}{'H' if flags & 1 else 'B'}", content, position)
        position += number * (2 if flags & 1 else 1)
        mask = 0x7FFF if flags & 1 else 0x7F
        meta.chosen.setdefault(item, []).extend((value & mask) - 1 for value in numbers)


def _read_references(meta: Meta, content: memoryview) -> None:
    """Item references (ISO/IEC 14496-12, 8.11.12)."""
    letter = "I" if content[0] else "H"
    total = 0
    for kind, value in _boxes(content[4:]):
        item, count = struct.unpack_from(f">{letter}H", value)
        total += count
        if total > 8 * _MAX_ITEMS:
            raise struct.error
        targets = struct.unpack_from(f">{count}{letter}", value, struct.calcsize(f">{letter}H"))
        if kind == b"dimg":
            meta.sources.setdefault(item, []).extend(targets)
        elif kind == b"auxl":
            meta.auxiliary.setdefault(item, []).extend(targets)


def _read_types(meta: Meta, content: memoryview) -> None:
    for item, name, _ in _item_entries(content):
        meta.types[item] = name


def _item_entries(content: memoryview) -> Iterator[tuple[int, bytes, memoryview]]:
    """Number, type and box of each item (ISO/IEC 14496-12, 8.11.6)."""
    wide = content[0] > 0
    for kind, value in _boxes(content[8 if wide else 6 :]):
        if kind == b"infe" and value[0] in (2, 3):
            form = ">4xH2x4s" if value[0] == 2 else ">4xI2x4s"
            item, name = struct.unpack_from(form, value)
            yield item, name, value


def _read_extents(meta: Meta, content: memoryview) -> None:
    """Item locations (ISO/IEC 14496-12, 8.11.3); only those given by offset in the file."""
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
    """Iterate over adjacent boxes; a truncated box ends the iteration."""
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
