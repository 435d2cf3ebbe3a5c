"""Every format of photographs: right pixels or a refusal; WebP, HEIC, AVIF and JPEG in detail."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.imaging.icc import display_p3
from tests.imaging.reading import read, refused
from tests.imaging.samples import encode, picture, png_chunk
from tests.shared_data import SHARED
from triage.errors import RejectReason
from triage.imaging.limits import DEFAULT_LIMITS, Limits
from triage.imaging.picture import PictureFlag
from triage.imaging.raster.raster_formats import raster_kind
from triage.imaging.raster.read import raster_header, read_raster

CASES = SHARED / "data" / "intake_cases"


def heic(pixels: np.ndarray, mode: str = "RGB", **options: Any) -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif")
    file = pillow_heif.from_bytes(
        mode=mode, size=(pixels.shape[1], pixels.shape[0]), data=pixels.tobytes()
    )
    stream = BytesIO()
    file.save(stream, **{"quality": 95, "chroma": 444, **options})
    return stream.getvalue()


def avif(pixels: np.ndarray, **options: Any) -> bytes:
    return encode(pixels, "avif", **{"quality": 95, "subsampling": "4:4:4", **options})


ENCODERS: dict[str, Callable[..., bytes]] = {
    "jpeg": lambda pixels, **options: encode(pixels, "jpeg", quality=95, subsampling=0, **options),
    "png": lambda pixels, **options: encode(pixels, "png", **options),
    "tiff": lambda pixels, **options: encode(pixels, "tiff", **options),
    "webp": lambda pixels, **options: encode(pixels, "webp", quality=95, **options),
    "bmp": lambda pixels, **options: encode(pixels, "bmp", **options),
    "heif": heic,
    "avif": avif,
}


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("size", [(40, 60), (1, 40), (64, 64), (129, 63)])
def test_every_format_is_close(kind: str, size: tuple[int, int]) -> None:
    if kind == "heif" and min(size) < 16:
        pytest.skip("x265 encodes no such picture")
    pixels = picture(*size)
    frames = read(ENCODERS[kind](pixels), kind)
    assert frames.shape == (1, *size, 3)
    assert np.abs(frames[0].astype(int) - pixels).mean() < 3
    header = raster_header(ENCODERS[kind](pixels), kind, DEFAULT_LIMITS)
    assert (header.height, header.width, header.frames) == (*size, 1)


@pytest.mark.realdata
@pytest.mark.skipif(not CASES.is_dir(), reason=f"no research data in {CASES}")
def test_the_sample_files_of_other_programs() -> None:
    wrong = {}
    for path in sorted(CASES.iterdir()):
        truth = path.with_name(path.name + ".truth.png")
        if path.suffix in (".dcm", ".json") or not truth.exists():
            continue
        data = path.read_bytes()
        kind = raster_kind(data[:64])
        assert kind is not None
        frames, _ = read_raster(data, kind, DEFAULT_LIMITS)
        expected = np.asarray(Image.open(truth).convert("RGB")).astype(int)
        most = 3 if kind == "avif" else 0.1
        if frames.shape[1:] != expected.shape or np.abs(frames[0] - expected).mean() > most:
            wrong[path.name] = frames.shape
    assert wrong == {}


@pytest.mark.parametrize("kind", ["jpeg", "png", "tiff", "webp", "bmp", "heif", "avif"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.98])
def test_incomplete_files_are_refused(kind: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    data = ENCODERS[kind](noise)
    reason = refused(data[: int(len(data) * share)], kind)
    assert reason in (RejectReason.TRUNCATED, RejectReason.UNREADABLE)


@pytest.mark.parametrize("kind", ["webp", "avif"])
@pytest.mark.parametrize("value", range(1, 9))
def test_orientation(kind: str, value: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    exif[0x010F], exif[0x0110] = "Lens Works", "M1"
    stored = picture(48, 64)
    plain = Image.fromarray(read(ENCODERS[kind](stored), kind)[0])
    turned = read(ENCODERS[kind](stored, exif=exif), kind)[0]
    plain.getexif()[0x0112] = value
    from PIL import ImageOps

    expected = np.asarray(ImageOps.exif_transpose(plain))
    assert turned.shape == expected.shape
    assert np.abs(turned.astype(int) - expected).mean() < 1
    assert raster_header(ENCODERS[kind](stored, exif=exif), kind, DEFAULT_LIMITS).device == (
        "Lens Works M1"
    )


@pytest.mark.parametrize("value", [1, 3, 6, 8])
def test_heic_is_turned_once(value: int) -> None:
    """The encoder writes the file's own properties of orientation; EXIF repeats them."""
    pillow_heif = pytest.importorskip("pillow_heif")
    exif = Image.Exif()
    exif[0x0112] = value
    file = pillow_heif.from_bytes(mode="RGB", size=(64, 48), data=picture(48, 64).tobytes())
    file[0].info["exif"] = exif.tobytes()
    stream = BytesIO()
    file.save(stream, quality=95, chroma=444)
    assert (b"irot" in stream.getvalue()) == (value != 1)
    turn = {1: 0, 3: 2, 6: -1, 8: 1}[value]
    frames = read(stream.getvalue(), "heif")
    expected = np.rot90(picture(48, 64), turn)
    assert frames.shape[1:] == expected.shape
    assert np.abs(frames[0].astype(int) - expected).mean() < 3


def test_heic_of_display_p3_deep_and_transparent() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pixels = picture(64, 64)
    image = Image.fromarray(pixels)
    image.info["icc_profile"] = display_p3()
    stream = BytesIO()
    pillow_heif.from_pillow(image).save(stream, quality=95, chroma=444)
    frames, flags = read_raster(stream.getvalue(), "heif", DEFAULT_LIMITS)
    expected, _ = read_raster(encode(image, "png", icc_profile=display_p3()), "png", DEFAULT_LIMITS)
    assert flags == (PictureFlag.COLOURS_CONVERTED,)
    assert np.abs(frames.astype(int) - expected).mean() < 3

    named = heic(pixels, color_primaries=12, transfer_characteristics=13, save_nclx_profile=True)
    assert read_raster(named, "heif", DEFAULT_LIMITS)[1] == (PictureFlag.COLOURS_CONVERTED,)

    deep = heic((pixels.astype(np.uint16) << 8), mode="RGB;16")
    assert np.abs(read(deep, "heif")[0].astype(int) - pixels).mean() < 3
    assert raster_header(deep, "heif", DEFAULT_LIMITS).bits == 10

    opacity = np.full((64, 64, 1), 128, np.uint8)
    frames = read(heic(np.dstack([pixels, opacity]), mode="RGBA"), "heif")
    assert np.abs(frames[0] - (pixels * (128 / 255) + 127)).mean() < 3


def test_only_the_primary_picture_of_a_heic() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    file = pillow_heif.from_pillow(Image.fromarray(picture(64, 64, seed=1)))
    file.add_from_pillow(Image.fromarray(picture(64, 64, seed=5)))
    stream = BytesIO()
    file.save(stream, quality=95, chroma=444, primary_index=1)
    frames = read(stream.getvalue(), "heif")
    assert frames.shape == (1, 64, 64, 3)
    assert np.abs(frames[0].astype(int) - picture(64, 64, seed=5)).mean() < 3


@pytest.mark.parametrize("kind", ["webp", "avif"])
def test_animations_are_refused(kind: str) -> None:
    images = [Image.fromarray(picture(seed=seed)) for seed in range(3)]
    data = encode(images[0], kind, save_all=True, append_images=images[1:])
    assert refused(data, kind) is RejectReason.UNSUPPORTED_ENCODING


def test_image_sequences_are_refused() -> None:
    data = heic(picture(64, 64))
    data = data[:8] + b"hevc" + data[12:]
    assert raster_kind(data[:64]) == "heif"
    assert refused(data, "heif") is RejectReason.UNSUPPORTED_ENCODING


@pytest.mark.parametrize("kind", ["heif", "avif"])
def test_sizes_are_checked_before_decoding(kind: str) -> None:
    data = ENCODERS[kind](picture(64, 64))
    place = data.index(b"ispe") + 8
    huge = data[:place] + struct.pack(">II", 30_000, 30_000) + data[place + 8 :]
    assert refused(huge, kind) is RejectReason.TOO_MANY_PIXELS
    assert refused(data, kind, Limits(max_pixels=4095)) is RejectReason.TOO_MANY_PIXELS


def test_webp_headers() -> None:
    data = encode(picture(), "webp", lossless=True)
    assert read(data, "webp").shape == (1, 40, 60, 3)
    np.testing.assert_array_equal(read(data, "webp")[0], picture())
    huge = data[:21] + struct.pack("<I", 16_382 | 16_382 << 14) + data[25:]
    assert refused(huge, "webp") is RejectReason.TOO_MANY_PIXELS
    assert refused(b"RIFF\x04\0\0\0WEBP", "webp") is RejectReason.UNREADABLE


@pytest.mark.parametrize("lossless", [False, True])
def test_webp_cut_and_closed_again(lossless: bool) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    data = encode(noise, "webp", lossless=lossless)
    assert data[12:16] in (b"VP8 ", b"VP8L")
    body = data[20 : 20 + (len(data) - 20) // 4 * 2]
    closed = struct.pack("<4sI4s4sI", b"RIFF", 12 + len(body), b"WEBP", data[12:16], len(body))
    assert refused(closed + body, "webp") is RejectReason.TRUNCATED


def test_opacity_of_webp_and_avif() -> None:
    alpha = np.linspace(0, 255, 40 * 60).astype(np.uint8).reshape(40, 60, 1)
    pixels = np.dstack([picture(), alpha])
    expected = picture() * (alpha / 255) + 255 * (1 - alpha / 255)
    webp = read(encode(pixels, "webp", lossless=True, exact=True), "webp")
    assert np.abs(webp[0] - expected).max() <= 1
    assert np.abs(read(avif(pixels), "avif")[0] - expected).mean() < 3


# JPEG


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_of_inks(progressive: bool) -> None:
    inks = np.dstack([255 - picture(), picture()[..., 0] // 3])
    data = encode(Image.fromarray(inks, "CMYK"), "jpeg", quality=95, progressive=progressive)
    frames = read(data, "jpeg")
    expected = np.asarray(Image.open(BytesIO(data)).convert("RGB"))
    assert np.abs(frames[0].astype(int) - expected).max() <= 1
    assert refused(data[: len(data) // 2] + b"\xff\xd9", "jpeg") is RejectReason.TRUNCATED


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_cut_and_closed_again(progressive: bool) -> None:
    data = encode(picture(96, 128), "jpeg", quality=95, progressive=progressive)
    for share in (0.5, 0.8, 0.95):
        closed = data[: int(len(data) * share)] + b"\xff\xd9"
        assert refused(closed, "jpeg") is RejectReason.TRUNCATED


# Limits


@pytest.mark.parametrize(
    ("height", "width", "reason"),
    [
        (1, 60_000, RejectReason.TOO_MANY_PIXELS),
        (1, 60_000_000, RejectReason.TOO_MANY_PIXELS),
        (40_000, 900, RejectReason.TOO_MANY_PIXELS),
        (10, 1_001, RejectReason.BAD_SHAPE),
        (1_001, 10, RejectReason.BAD_SHAPE),
    ],
)
def test_long_and_narrow_pictures(height: int, width: int, reason: RejectReason) -> None:
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    body = png_chunk(b"IDAT", zlib.compress(bytes(1000)))
    data = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + body + png_chunk(b"IEND", b"")
    assert refused(data, "png") is reason


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "heif"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "avif"),
        (b"\0\0\0\x18ftypavif\0\0\0\0mif1miaf", "avif"),
        (b"\0\0\0\x18ftypisom\0\0\0\0mp41heic", None),
        (b"RIFF\0\0\0\0WAVE", None),
        (b"BM\0\0\0\0\0\0\0\0\0\0\0\0\x28\0\0\0", "bmp"),
        (b"BM is no bitmap but a text", None),
        (b"", None),
    ],
)
def test_formats_are_told_by_their_content(head: bytes, kind: str | None) -> None:
    assert raster_kind(head) == kind


def test_grey_of_every_format() -> None:
    grey = picture(64, 64)[..., 0]
    expected = np.repeat(grey[..., None], 3, axis=2).astype(int)
    files = {
        "heif": heic(grey, mode="L", chroma=None),
        "avif": encode(grey, "avif", quality=95),
        "bmp": encode(grey, "bmp"),
        "webp": encode(Image.fromarray(grey).convert("RGB"), "webp", quality=95),
        "jpeg": encode(grey, "jpeg", quality=95),
    }
    for kind, data in files.items():
        assert np.abs(read(data, kind)[0].astype(int) - expected).mean() < 3, kind


@pytest.mark.parametrize("kind", ["jpeg", "webp", "heif", "avif"])
def test_copies_that_were_broken_off(kind: str) -> None:
    """The file has its full size, but its second half is zeros."""
    noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    data = ENCODERS[kind](noise)
    half = len(data) // 2
    assert refused(data[:half] + bytes(len(data) - half), kind) is RejectReason.TRUNCATED


def test_jpeg_of_an_unknown_revision() -> None:
    data = encode(picture(), "jpeg")
    place = data.index(b"JFIF\0") + 5
    newer = data[:place] + b"\x09" + data[place + 1 :]
    np.testing.assert_array_equal(read(newer, "jpeg"), read(data, "jpeg"))
    closed = newer[: len(newer) * 3 // 4] + b"\xff\xd9"
    assert refused(closed, "jpeg") is RejectReason.TRUNCATED
