"""HEIC put together from tiles, as phones write it: the right pixels, or a refusal."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import pytest

from tests.imaging.reading import read, refused
from tests.imaging.samples import picture
from triage.errors import ImageRejected, RejectReason
from triage.imaging.limits import DEFAULT_LIMITS, Limits
from triage.imaging.raster import heif_tiles
from triage.imaging.raster.iso_boxes import read_meta
from triage.imaging.raster.read import read_raster

TILE = 128


def box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", len(content) + 8, kind) + content


def full(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def coded(pixels: np.ndarray) -> tuple[bytes, bytes]:
    """The hvcC box and the picture data of one tile."""
    pillow_heif = pytest.importorskip("pillow_heif")
    file = pillow_heif.from_bytes(mode="RGB", size=(TILE, TILE), data=pixels.tobytes())
    stream = BytesIO()
    file.save(stream, quality=95, chroma=444)
    data = stream.getvalue()
    start = data.index(b"hvcC") - 4
    (size,) = struct.unpack_from(">I", data, start)
    [(place, length)] = read_meta(data).extents[1]
    return data[start : start + size], data[place : place + length]


def grid(pixels: np.ndarray, quarter_turns: int = 0) -> bytes:
    height, width = pixels.shape[:2]
    rows, columns = -(-height // TILE), -(-width // TILE)
    padding = ((0, rows * TILE - height), (0, columns * TILE - width), (0, 0))
    padded = np.pad(pixels, padding, mode="edge")
    pairs = [
        coded(np.ascontiguousarray(padded[y : y + TILE, x : x + TILE]))
        for y in range(0, rows * TILE, TILE)
        for x in range(0, columns * TILE, TILE)
    ]
    tiles = [data for _, data in pairs]
    count = len(tiles)
    whole = count + 1
    properties = box(
        b"ipco",
        pairs[0][0],
        full(b"ispe", 0, 0, struct.pack(">II", TILE, TILE)),
        full(b"ispe", 0, 0, struct.pack(">II", width, height)),
        box(b"irot", bytes([quarter_turns])),
    )
    chosen = [struct.pack(">HBBB", item, 2, 0x81, 2) for item in range(1, whole)]
    chosen.append(struct.pack(">HBBB", whole, 2, 3, 0x84))
    entry = struct.Struct(">HH4sx")
    items = [full(b"infe", 2, 1, entry.pack(item, 0, b"hvc1")) for item in range(1, whole)]
    items.append(full(b"infe", 2, 0, entry.pack(whole, 0, b"grid")))
    head = box(b"ftyp", b"heic\0\0\0\0mif1heic")
    description = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)

    def meta(place: int) -> bytes:
        places = [struct.pack(">BBH", 0x44, 0, count + 1)]
        for item, data in enumerate(tiles, 1):
            places.append(struct.pack(">HHHHII", item, 0, 0, 1, place, len(data)))
            place += len(data)
        places.append(struct.pack(">HHHHII", whole, 1, 0, 1, 0, len(description)))
        numbers = struct.pack(f">HH{count}H", whole, count, *range(1, whole))
        return full(
            b"meta",
            0,
            0,
            full(b"hdlr", 0, 0, bytes(4), b"pict", bytes(13)),
            full(b"pitm", 0, 0, struct.pack(">H", whole)),
            full(b"iloc", 1, 0, *places),
            full(b"iinf", 0, 0, struct.pack(">H", count + 1), *items),
            full(b"iref", 0, 0, box(b"dimg", numbers)),
            box(b"iprp", properties, full(b"ipma", 0, 0, struct.pack(">I", count + 1), *chosen)),
            box(b"idat", description),
        )

    return head + meta(len(head) + len(meta(0)) + 8) + box(b"mdat", *tiles)


@pytest.fixture(scope="module")
def whole() -> bytes:
    return grid(picture(300, 400))


def test_a_whole_grid_is_right(whole: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = picture(300, 400).astype(int)
    assert np.abs(read(whole, "heif")[0] - pixels).mean() <= 3
    turned = read(grid(picture(300, 400), 1), "heif")[0]
    assert np.abs(turned - np.rot90(pixels)).mean() <= 3
    monkeypatch.setattr(heif_tiles, "_smallest_part", lambda meta: 0)  # every tile is checked
    assert np.abs(read(whole, "heif")[0] - pixels).mean() <= 3


def test_a_grid_that_is_black_or_green_is_right() -> None:
    for colour in ((0, 0, 0), (0, 136, 0)):
        pixels = np.full((200, 200, 3), colour, np.uint8)
        assert np.abs(read(grid(pixels), "heif")[0].astype(int) - pixels).mean() <= 3


def test_cut_grids_are_refused(whole: bytes) -> None:
    for size in (len(whole) - 1, len(whole) * 2 // 3):
        assert refused(whole[:size], "heif") is RejectReason.TRUNCATED


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize("tile", [1, 6, 12])
def test_a_tile_that_is_not_hevc_is_refused(turns: int, tile: int) -> None:
    data = bytearray(grid(picture(300, 400), turns))
    [(place, size)] = read_meta(bytes(data)).extents[tile]
    noise = np.random.default_rng(tile).integers(3, 256, size - 4, np.uint8)
    data[place + 4 : place + size] = noise.tobytes()
    data[place + 4] = 0x7F  # a unit of an unknown type: skipped, so that no picture comes of it
    assert refused(bytes(data), "heif") is RejectReason.UNREADABLE


def test_units_and_extents_that_reach_too_far_are_refused(whole: bytes) -> None:
    [(place, size)] = read_meta(whole).extents[5]
    for length in (size, size + 100, 2**32 - 1, size - 5):
        long = bytearray(whole)
        long[place : place + 4] = struct.pack(">I", length)
        assert refused(bytes(long), "heif") is RejectReason.TRUNCATED
    position = whole.index(struct.pack(">II", place, size))
    for start, length in ((len(whole), size), (2**32 - 1, size), (place, 2**31), (place, 4)):
        outside = bytearray(whole)
        outside[position : position + 8] = struct.pack(">II", start, length)
        assert refused(bytes(outside), "heif") is RejectReason.TRUNCATED


def test_the_limits_hold_for_all_tiles(whole: bytes) -> None:
    limits = Limits(**{**DEFAULT_LIMITS.model_dump(), "max_total_pixels": 12 * TILE * TILE - 1})
    with pytest.raises(ImageRejected) as caught:
        read_raster(whole, "heif", limits)
    assert caught.value.reason is RejectReason.TOO_MANY_PIXELS
