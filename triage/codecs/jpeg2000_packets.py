"""Check of the picture size in a JPEG 2000 header against the coded data.

A codestream does not repeat the extent of its code-blocks: with a header that states other rows or
columns a decoder returns noise without an error. But then the blocks need more or fewer bytes than
the packet headers (ITU-T T.800 annex B) give them. So the first packets are read, and some small
blocks at the beginning of the first tile are decoded.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, product

from triage.codecs.jpeg2000_block import bytes_left

_SIZ, _COD = b"\xff\x51", b"\xff\x52"
_SOP, _EPH, _SOD = b"\xff\x91", b"\xff\x92", b"\xff\x93"
_OTHERS = frozenset({b"\xff\x53", b"\xff\x5e", b"\xff\x5f"})  # COC, RGN and POC
_TILE_HEADER = 12  # bytes of the marker segment SOT
_PLAIN_STYLES = frozenset({0, 0x20})
_ENOUGH = 1024  # coefficients that settle the question
_MOST_PACKETS = 64
_PADDING = 16  # bytes that may follow the last packet
_SURPLUS, _SHORTFALL = 3, 4  # bytes; encoders at hand leave up to one and lack up to three


@dataclass
class _TagTree:
    """A tag tree (B.10.2)."""

    width: int
    height: int
    levels: list[tuple[int, list[int], list[bool]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        width, height = self.width, self.height
        while True:
            self.levels.append((width, [0] * (width * height), [False] * (width * height)))
            if width * height == 1:
                return
            width, height = (width + 1) // 2, (height + 1) // 2

    def below(self, index: int, threshold: int, bits: _Bits) -> bool:
        """Read as many bits as needed to decide whether a leaf is below a threshold."""
        row, column = divmod(index, self.width)
        least = 0
        known = False
        for level in range(len(self.levels) - 1, -1, -1):
            width, values, final = self.levels[level]
            node = (row >> level) * width + (column >> level)
            values[node] = max(values[node], least)
            while values[node] < threshold and not final[node]:
                if bits.take(1):
                    final[node] = True
                else:
                    values[node] += 1
            least, known = values[node], final[node]
        return known and least < threshold


class _Bits:
    """Bits of a packet header (B.10.1): after a byte 0xFF, one bit is stuffed."""

    def __init__(self, data: bytes, position: int) -> None:
        self.data, self.position, self.count, self.byte = data, position, 0, 0

    def take(self, number: int) -> int:
        value = 0
        for _ in range(number):
            if not self.count:
                self.count = 7 if self.byte == 0xFF else 8
                self.byte = self.data[self.position]
                self.position += 1
            self.count -= 1
            value = value << 1 | self.byte >> self.count & 1
        return value

    def passes(self) -> int:
        """Read a number of coding passes (table B.4)."""
        if not self.take(1):
            return 1
        if not self.take(1):
            return 2
        for first, width in ((3, 2), (6, 5)):
            value = self.take(width)
            if value < 2**width - 1:
                return first + value
        return 37 + self.take(7)

    def end(self) -> int:
        """Return the end of the header."""
        return self.position + (self.byte == 0xFF)


class _Band:
    """The code-blocks of a sub-band."""

    def __init__(self, name: str, bounds: tuple[int, ...], block: tuple[int, int]) -> None:
        self.name = name
        left, top, right, bottom = bounds
        width, height = block
        self.across = -(-right // width) - left // width if right > left else 0
        self.down = -(-bottom // height) - top // height if bottom > top else 0
        # the extent of the first block, at the upper left
        self.width = min((left // width + 1) * width, right) - left
        self.height = min((top // height + 1) * height, bottom) - top
        count = self.across * self.down
        self.lengths = [3] * count
        self.seen = [False] * count
        self.included = _TagTree(self.across, self.down) if count else None
        self.empty_planes = _TagTree(self.across, self.down) if count else None

    def read(self, bits: _Bits, layer: int) -> list[tuple[int, int, int]]:
        """Read the content of a packet header: index, passes and bytes of each block in it."""
        if self.included is None or self.empty_planes is None:
            return []
        found = []
        for index in range(self.across * self.down):
            if self.seen[index]:
                there = bool(bits.take(1))
            else:
                there = self.included.below(index, layer + 1, bits)
            if not there:
                continue
            if not self.seen[index]:
                planes = 1
                while not self.empty_planes.below(index, planes, bits):
                    planes += 1
            self.seen[index] = True
            passes = bits.passes()
            while bits.take(1):
                self.lengths[index] += 1
            width = self.lengths[index] + passes.bit_length() - 1
            found.append((index, passes, bits.take(width)))
        return found


@dataclass(frozen=True)
class _Coding:
    """Content of the main header for the first tile (A.5.1, A.6.1)."""

    components: int
    order: int
    layers: int
    levels: int
    block: tuple[int, int]
    style: int
    bounds: tuple[int, int, int, int]
    precincts: tuple[int, ...]

    @classmethod
    def read(cls, header: Sequence[bytes]) -> _Coding | None:
        """Read it; None if packets are ordered in an unsupported way."""
        segments = {segment[:2]: segment for segment in header}
        if _SIZ not in segments or _COD not in segments or _OTHERS & segments.keys():
            return None
        sizes, coding = segments[_SIZ], segments[_COD]
        scod, order, layers, _, levels, width, height, style = struct.unpack_from(
            ">BBHBBBBB", coding, 4
        )
        if style not in _PLAIN_STYLES or order > 4 or levels > 32:
            return None
        precincts = coding[14:] if scod & 1 else b"\xff" * (levels + 1)
        right, bottom, left, top, tile_width, tile_height, tile_left, tile_top = struct.unpack_from(
            ">8L", sizes, 6
        )
        (components,) = struct.unpack_from(">H", sizes, 38)
        bounds = (
            max(left, tile_left),
            max(top, tile_top),
            min(right, tile_left + tile_width),
            min(bottom, tile_top + tile_height),
        )
        block = 4 << width, 4 << height
        return cls(components, order, layers, levels, block, style, bounds, tuple(precincts))

    def bands(self, resolution: int) -> list[_Band] | None:
        """The sub-bands of a resolution (B.5), None where it has several precincts (B.6)."""
        scale = 2 ** (self.levels - resolution)
        left, top, right, bottom = (-(-bound // scale) for bound in self.bounds)
        # exponents of the precinct's width and height
        size = self.precincts[resolution]
        exponents = size & 15, size >> 4
        if left >> exponents[0] != (right - 1) >> exponents[0] or (
            top >> exponents[1] != (bottom - 1) >> exponents[1]
        ):
            return None
        halved = resolution > 0
        width, height = (
            min(extent, 2 ** (exponent - halved))
            for extent, exponent in zip(self.block, exponents, strict=True)
        )
        if not halved:
            return [_Band("LL", (left, top, right, bottom), (width, height))]
        found = []
        for name, x, y in (("HL", 1, 0), ("LH", 0, 1), ("HH", 1, 1)):
            shifts = zip(self.bounds, (x, y, x, y), strict=True)
            bounds = tuple(-(-(bound - scale * shift) // (2 * scale)) for bound, shift in shifts)
            found.append(_Band(name, bounds, (width, height)))
        return found

    def packets(self) -> Iterator[tuple[int, int, int]]:
        """Layer, resolution and component of each packet if a resolution has one precinct."""
        layers, resolutions = self.layers, self.levels + 1
        nested = {
            0: (layers, resolutions, self.components),
            1: (resolutions, layers, self.components),
            2: (resolutions, self.components, layers),
        }.get(self.order, (self.components, resolutions, layers))
        # where layer, resolution and component stand in the order of nesting
        places = {0: (0, 1, 2), 1: (1, 0, 2), 2: (2, 0, 1)}.get(self.order, (2, 1, 0))
        for indices in product(*map(range, nested)):
            yield indices[places[0]], indices[places[1]], indices[places[2]]


def blocks_fit(header: Sequence[bytes], first_part: bytes, *, whole: bool) -> bool:
    """Decode small blocks of the first tile; return whether they need the bytes they have.

    Parameters
    ----------
    header : sequence of bytes
        The segments of the main header.
    first_part : bytes
        The first tile-part of the first tile.
    whole : bool
        Whether it holds all of the tile.

    Returns
    -------
    bool
        True as well if this cannot be determined.
    """
    coding = _Coding.read(header)
    position = _TILE_HEADER
    if coding is None or first_part[position : position + 2] != _SOD:
        return True  # what stands between may change the coding of the tile
    position += 2
    bands: dict[tuple[int, int], list[_Band] | None] = {}
    decoded = 0
    try:
        for layer, resolution, component in islice(coding.packets(), _MOST_PACKETS):
            key = resolution, component
            if key not in bands:
                bands[key] = coding.bands(resolution)
            of_packet = bands[key]
            if of_packet is None:
                return True
            position, blocks = _packet(first_part, position, of_packet, layer)
            if layer:
                continue
            for band, passes, data in blocks:
                left = bytes_left(
                    data, band.name, band.width, band.height, passes, symbols=coding.style != 0
                )
                if not -_SHORTFALL <= left <= _SURPLUS:
                    return False
                decoded += band.width * band.height
                if decoded >= _ENOUGH:
                    return True
    except IndexError:
        return not whole
    read_all = coding.components * coding.layers * (coding.levels + 1) <= _MOST_PACKETS
    return not (whole and read_all) or len(first_part) - position <= _PADDING


def _packet(
    data: bytes, position: int, bands: list[_Band], layer: int
) -> tuple[int, list[tuple[_Band, int, bytes]]]:
    """Read a packet; return its end and the first block of each sub-band, if present."""
    if data[position : position + 2] == _SOP:
        position += 6
    bits = _Bits(data, position)
    found = [band.read(bits, layer) for band in bands] if bits.take(1) else []
    position = bits.end()
    if data[position : position + 2] == _EPH:
        position += 2
    first = []
    for band, blocks in zip(bands, found, strict=False):
        for index, passes, length in blocks:
            if position + length > len(data):
                raise IndexError
            if index == 0 and length:
                first.append((band, passes, data[position : position + length]))
            position += length
    return position, first
