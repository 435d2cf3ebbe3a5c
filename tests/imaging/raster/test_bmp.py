"""BMP of every depth, stored either way up, against arrays worked out here."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from tests.imaging.icc import display_p3
from tests.imaging.reading import read, refused
from tests.imaging.samples import encode, picture
from triage.errors import RejectReason
from triage.imaging.limits import DEFAULT_LIMITS
from triage.imaging.picture import PictureFlag
from triage.imaging.raster.read import read_raster


def bmp(
    rows: bytes,
    bits: int,
    height: int,
    width: int,
    *,
    palette: bytes = b"",
    compression: int = 0,
    masks: tuple[int, ...] = (),
) -> bytes:
    """A bitmap with the usual header of 40 bytes; rows as they are to be stored."""
    extra = struct.pack(f"<{len(masks)}I", *masks) + palette
    start = 54 + len(extra)
    header = struct.pack("<2sIII", b"BM", start + len(rows), 0, start)
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, 0, 0, 0, 0, 0)
    return header + info + extra + rows


def padded(rows: np.ndarray) -> bytes:
    return np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4))).tobytes()


@pytest.mark.parametrize("top_down", [False, True])
@pytest.mark.parametrize("bits", [1, 4, 8])
def test_bmp_of_a_palette(bits: int, top_down: bool) -> None:
    rng = np.random.default_rng(bits)
    index = rng.integers(0, 2**bits, (21, 37), np.uint8)
    colours = rng.integers(0, 256, (2**bits, 4), np.uint8)  # blue, green, red, unused
    unpacked = np.unpackbits(index[..., None], axis=2)[..., -bits:].reshape(21, -1)
    rows = np.packbits(unpacked, axis=1)
    data = bmp(
        padded(rows if top_down else rows[::-1]),
        bits,
        -21 if top_down else 21,
        37,
        palette=colours.tobytes(),
    )
    np.testing.assert_array_equal(read(data, "bmp")[0], colours[index][..., 2::-1])
    np.testing.assert_array_equal(
        np.asarray(Image.open(BytesIO(data)).convert("RGB")), colours[index][..., 2::-1]
    )


@pytest.mark.parametrize("top_down", [False, True])
def test_bmp_of_true_colour(top_down: bool) -> None:
    pixels = picture(21, 37)
    order = slice(None) if top_down else slice(None, None, -1)
    height = -21 if top_down else 21
    stored = pixels[order, :, ::-1]
    np.testing.assert_array_equal(
        read(bmp(padded(stored.reshape(21, -1)), 24, height, 37), "bmp")[0], pixels
    )
    unused = np.dstack([stored, np.zeros((21, 37), np.uint8)])
    np.testing.assert_array_equal(read(bmp(unused.tobytes(), 32, height, 37), "bmp")[0], pixels)
    swapped = np.dstack([pixels[order], np.zeros((21, 37), np.uint8)])  # red in the low byte
    masked = bmp(swapped.tobytes(), 32, height, 37, compression=3, masks=(0xFF, 0xFF00, 0xFF0000))
    np.testing.assert_array_equal(read(masked, "bmp")[0], pixels)


@pytest.mark.parametrize("masks", [(0x7C00, 0x3E0, 0x1F), (0xF800, 0x7E0, 0x1F)])
def test_bmp_of_sixteen_bits(masks: tuple[int, ...]) -> None:
    words = np.random.default_rng(0).integers(0, 2**16, (20, 32), np.uint16)
    data = bmp(words[::-1].tobytes(), 16, 20, 32, compression=3, masks=masks)
    shifts = [(mask & -mask).bit_length() - 1 for mask in masks]
    values = [
        np.rint(((words & mask) >> shift) * (255 / (mask >> shift)))
        for mask, shift in zip(masks, shifts, strict=True)
    ]
    np.testing.assert_array_equal(read(data, "bmp")[0], np.stack(values, axis=-1))


def test_bitmaps_that_are_refused() -> None:
    rows = padded(picture(21, 37).reshape(21, -1))
    assert refused(bmp(rows[:-4], 24, 21, 37), "bmp") is RejectReason.TRUNCATED
    packed = bmp(rows, 8, 21, 37, compression=1, palette=bytes(1024))
    assert refused(packed, "bmp") is RejectReason.UNSUPPORTED_ENCODING
    assert refused(bmp(rows, 24, 2**31 - 1, 37), "bmp") is RejectReason.TOO_MANY_PIXELS
    assert refused(bmp(rows, 24, -(2**31), 37), "bmp") is RejectReason.TOO_MANY_PIXELS
    assert refused(bmp(rows, 24, 0, 37), "bmp") is RejectReason.UNREADABLE
    overlapping = bmp(rows, 32, 5, 37, compression=3, masks=(0xFF, 0xFF, 0xFF00))
    assert refused(overlapping, "bmp") is RejectReason.UNREADABLE
    index = bmp(bytes([0, 9, 0, 0]), 8, 1, 4, palette=bytes(8))
    used = index[:46] + struct.pack("<I", 2) + index[50:]
    assert refused(used, "bmp") is RejectReason.UNREADABLE


def test_bmp_with_the_oldest_and_the_newest_header() -> None:
    pixels = picture(21, 37)
    rows = padded(pixels[::-1, :, ::-1].reshape(21, -1))
    old = struct.pack("<2sIIIIHHHH", b"BM", 26 + len(rows), 0, 26, 12, 37, 21, 1, 24)
    np.testing.assert_array_equal(read(old + rows, "bmp")[0], pixels)
    profile = display_p3()
    info = struct.pack("<IiiHHIIiiII", 124, 37, 21, 1, 24, 0, 0, 0, 0, 0, 0) + bytes(16)
    info += b"DEBM" + bytes(48) + struct.pack("<IIII", 4, 124 + len(rows), len(profile), 0)
    new = struct.pack("<2sIII", b"BM", 0, 0, 14 + len(info)) + info + rows + profile
    frames, flags = read_raster(new, "bmp", DEFAULT_LIMITS)
    expected = read_raster(encode(pixels, "png", icc_profile=profile), "png", DEFAULT_LIMITS)
    assert flags == (PictureFlag.COLOURS_CONVERTED,)
    np.testing.assert_array_equal(frames, expected[0])


def test_bmp_with_opacity() -> None:
    stored = np.dstack([picture(20, 32)[..., ::-1], np.full((20, 32), 128, np.uint8)])
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    data = bmp(stored[::-1].tobytes(), 32, 20, 32, compression=6, masks=masks)
    expected = picture(20, 32) * (128 / 255) + 127
    assert np.abs(read(data, "bmp")[0] - expected).max() <= 1
    stored[..., 3] = 0  # written by programs that know no opacity
    data = bmp(stored[::-1].tobytes(), 32, 20, 32, compression=6, masks=masks)
    np.testing.assert_array_equal(read(data, "bmp")[0], picture(20, 32))
