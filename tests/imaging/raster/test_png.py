"""PNG of every kind, filter and pass, against arrays worked out here; its data are counted."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

from tests.imaging.reading import read, refused
from tests.imaging.samples import picture, png_chunk
from triage.errors import RejectReason
from triage.imaging.limits import DEFAULT_LIMITS
from triage.imaging.picture import PictureFlag
from triage.imaging.raster.read import read_raster

ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)


def filtered(rows: np.ndarray, distance: int) -> bytes:
    """Filter rows of bytes by the types 0 to 4 in turn (PNG, section 9.2)."""
    result = b""
    above = np.zeros(rows.shape[1], int)
    for number, row in enumerate(rows.astype(int)):
        left = np.concatenate([np.zeros(distance, int), row])[: len(row)]
        corner = np.concatenate([np.zeros(distance, int), above])[: len(row)]
        estimate = left + above - corner
        nearest = np.stack([left, above, corner])
        paeth = np.take_along_axis(
            nearest, np.abs(estimate - nearest).argmin(axis=0)[None], axis=0
        )[0]
        kind = number % 5
        predicted = [0, left, above, (left + above) // 2, paeth][kind]
        result += bytes([kind]) + ((row - predicted) % 256).astype(np.uint8).tobytes()
        above = row
    return result


def png(
    samples: np.ndarray,
    bits: int,
    colour: int,
    *,
    interlaced: bool = False,
    chunks: bytes = b"",
    cut: int = 0,
    more: bytes = b"",
) -> bytes:
    """A PNG of samples [H, W, C], every filter used; `cut` bytes of the data are missing."""
    height, width, channels = samples.shape
    body = b""
    for left, top, across, down in ADAM7 if interlaced else ((0, 0, 1, 1),):
        part = samples[top::down, left::across]
        if 0 in part.shape:
            continue
        flat = part.reshape(len(part), -1)
        if bits == 16:
            rows = flat.astype(">u2").view(np.uint8)
        else:
            unpacked = np.unpackbits(flat.astype(np.uint8)[..., None], axis=2)[..., -bits:]
            rows = np.packbits(unpacked.reshape(len(part), -1), axis=1)
        body += filtered(rows, max(1, channels * bits // 8))
    deflated = zlib.compress(body[: len(body) - cut] + more)
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, int(interlaced))
    half = len(deflated) // 2
    data = png_chunk(b"IDAT", deflated[:half]) + png_chunk(b"IDAT", deflated[half:])
    return (
        b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + chunks + data + png_chunk(b"IEND", b"")
    )


PNG_KINDS = [
    *((0, bits) for bits in (1, 2, 4, 8, 16)),
    *((2, bits) for bits in (8, 16)),
    *((3, bits) for bits in (1, 2, 4, 8)),
    *((colour, bits) for colour in (4, 6) for bits in (8, 16)),
]


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("colour", "bits"), PNG_KINDS)
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (33, 47)])
def test_every_kind_of_png(colour: int, bits: int, interlaced: bool, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(bits)
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    samples = rng.integers(0, 2**bits, (*size, channels))
    chunks = b""
    scaled: np.ndarray = samples >> 8 if bits == 16 else samples
    if colour in (0, 4):
        scaled = np.rint(samples[..., :1] * (255 / (2**bits - 1)))
    shown = np.broadcast_to(scaled[..., :3], (*size, 3)) if colour != 3 else scaled
    if colour == 3:
        palette = rng.integers(0, 256, (2**bits, 3), np.uint8)
        opacity = rng.integers(0, 256, 2**bits)
        chunks = png_chunk(b"PLTE", palette.tobytes()) + png_chunk(
            b"tRNS", opacity.astype(np.uint8).tobytes()
        )
        shown = palette[samples[..., 0]]
        alpha = opacity[samples] / 255
    elif colour in (4, 6):
        alpha = (samples[..., -1:] >> 8 if bits == 16 else samples[..., -1:]) / 255
    else:
        alpha = np.ones((*size, 1))
    data = png(samples, bits, colour, interlaced=interlaced, chunks=chunks)
    frames = read(data, "png")
    assert np.abs(frames[0] - (shown * alpha + 255 * (1 - alpha))).max() <= 0.5001


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("colour", "bits"), [(0, 1), (0, 16), (2, 8), (2, 16)])
def test_png_with_one_transparent_colour(colour: int, bits: int, interlaced: bool) -> None:
    channels = 3 if colour == 2 else 1
    samples = np.random.default_rng(0).integers(0, 2**bits, (9, 11, channels))
    samples[4, 5] = samples[4, 6]
    samples[4, 6, 0] ^= 1  # differs in the lowest bit only
    key = png_chunk(b"tRNS", samples[4, 5].astype(">u2").tobytes())
    frames = read(png(samples, bits, colour, interlaced=interlaced, chunks=key), "png")
    plain = read(png(samples, bits, colour, interlaced=interlaced), "png")
    hit = (samples == samples[4, 5]).all(axis=2)
    assert hit[4, 5]
    assert not hit[4, 6]
    assert (frames[0][hit] == 255).all()
    np.testing.assert_array_equal(frames[0][~hit], plain[0][~hit])


@pytest.mark.parametrize("interlaced", [False, True])
def test_png_data_are_counted(interlaced: bool) -> None:
    samples = picture(33, 47).astype(int)
    for cut in (1, 500, 33 * 47 * 3 // 2):
        data = png(samples, 8, 2, interlaced=interlaced, cut=cut)
        assert refused(data, "png") is RejectReason.TRUNCATED
    assert (
        refused(png(samples, 8, 2, interlaced=interlaced, more=b"\0"), "png")
        is RejectReason.UNREADABLE
    )


def test_damaged_png_chunks() -> None:
    data = png(picture(33, 47).astype(int), 8, 2)
    place = data.index(b"IDAT") + 30
    assert refused(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :], "png") is (
        RejectReason.UNREADABLE
    )
    unknown = data[:33] + png_chunk(b"CgBI", bytes(4)) + data[33:]
    assert refused(unknown, "png") is RejectReason.UNREADABLE
    many = data[:33] + png_chunk(b"prVt", b"") * 500_001 + data[33:]
    assert refused(many, "png") is RejectReason.TOO_MUCH_WORK
    palette = png(np.full((4, 4, 1), 9), 8, 3, chunks=png_chunk(b"PLTE", bytes(9)))
    assert refused(palette, "png") is RejectReason.UNREADABLE
    assert refused(png(np.zeros((4, 4, 1), int), 8, 3), "png") is RejectReason.UNREADABLE


def test_png_names_its_colours_by_code_points() -> None:
    chunk = png_chunk(b"cICP", bytes([12, 13, 0, 1]))
    _, flags = read_raster(
        png(picture(33, 47).astype(int), 8, 2, chunks=chunk), "png", DEFAULT_LIMITS
    )
    assert flags == (PictureFlag.COLOURS_CONVERTED,)


def turned_by_exif(value: int) -> bytes:
    return png_chunk(
        b"eXIf", b"MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0" + bytes([value, 0, 0, 0, 0, 0, 0])
    )


@pytest.mark.parametrize("size", [3 * 2**20, 200 * 2**20])
@pytest.mark.parametrize("keyword", [b"note", b"Raw profile type exif"])
def test_large_texts_leave_picture_and_orientation(keyword: bytes, size: int) -> None:
    deflated = zlib.compress(bytes(size), 1)
    texts = (
        png_chunk(b"zTXt", keyword + b"\0\0" + deflated),
        png_chunk(b"iTXt", keyword + b"\0\1\0en\0\0" + deflated),
    )
    for text in texts:
        np.testing.assert_array_equal(read(png(picture(), 8, 2, chunks=text), "png")[0], picture())
        data = png(picture(), 8, 2, chunks=text + turned_by_exif(3))
        np.testing.assert_array_equal(read(data, "png")[0], picture()[::-1, ::-1])


@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt", b"iTXt"])
def test_orientation_by_a_text_of_exif(kind: bytes) -> None:
    exif = b"Exif\0\0" + turned_by_exif(3)[8:-4]
    text = f"\nexif\n{len(exif):8}\n{exif.hex()}\n".encode()
    body = {b"tEXt": text, b"zTXt": b"\0" + zlib.compress(text), b"iTXt": bytes(4) + text}[kind]
    data = png(picture(), 8, 2, chunks=png_chunk(kind, b"Raw profile type exif\0" + body))
    np.testing.assert_array_equal(read(data, "png")[0], picture()[::-1, ::-1])


def test_a_text_compressed_in_no_known_way_leaves_the_picture() -> None:
    body = b"Raw profile type exif\0\7" + zlib.compress(b"text")
    data = png(picture(), 8, 2, chunks=png_chunk(b"zTXt", body))
    np.testing.assert_array_equal(read(data, "png")[0], picture())
