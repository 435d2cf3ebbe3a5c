"""JPEG, PNG and TIFF: every mode, turn and page against arrays worked out here."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.imaging.samples import encode, picture
from triage.errors import ImageRejected, RejectReason
from triage.imaging.limits import DEFAULT_LIMITS, Limits
from triage.imaging.raster.read import raster_header, read_raster

# EXIF 2.32, 4.6.4: how the stored array is turned into the upright one.
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, 1),
}


def read(data: bytes, kind: str, limits: Limits = DEFAULT_LIMITS) -> np.ndarray:
    frames, _ = read_raster(data, kind, limits)
    assert frames.dtype == np.uint8
    assert frames.ndim == 4
    return frames


def orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_lossless_formats_are_exact(kind: str) -> None:
    np.testing.assert_array_equal(read(encode(picture(), kind), kind)[0], picture())


def test_jpeg_is_close() -> None:
    pixels = read(encode(picture(), "jpeg", quality=95), "jpeg")[0].astype(int)
    assert np.abs(pixels - picture()).mean() < 2


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_every_orientation_is_pixel_exact(kind: str, value: int) -> None:
    data = encode(picture(), kind, exif=orientation(value))
    np.testing.assert_array_equal(read(data, kind)[0], UPRIGHT[value](picture()))


@pytest.mark.parametrize("value", range(1, 9))
def test_every_orientation_of_a_jpeg(value: int) -> None:
    plain = read(encode(picture(), "jpeg"), "jpeg")[0]
    turned = read(encode(picture(), "jpeg", exif=orientation(value)), "jpeg")[0]
    np.testing.assert_array_equal(turned, UPRIGHT[value](plain))


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_unknown_orientations_leave_the_picture(value: int) -> None:
    data = encode(picture(), "png", exif=orientation(value))
    np.testing.assert_array_equal(read(data, "png")[0], picture())


def test_damaged_exif_leaves_the_picture() -> None:
    data = encode(picture(), "jpeg", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    np.testing.assert_array_equal(read(data, "jpeg")[0], read(encode(picture(), "jpeg"), "jpeg")[0])


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_sixteen_bit_grey_is_scaled(kind: str) -> None:
    stored = np.linspace(0, 65535, 40 * 60).astype(np.uint16).reshape(40, 60)
    expected = np.rint(stored / 257.0).astype(np.uint8)
    pixels = read(encode(stored, kind), kind)[0]
    np.testing.assert_array_equal(pixels, np.repeat(expected[..., None], 3, axis=2))


def test_big_endian_sixteen_bit_tiff() -> None:
    stored = np.linspace(0, 65535, 40 * 60).astype(">u2").reshape(40, 60)
    image = Image.frombytes("I;16B", (60, 40), stored.tobytes())
    pixels = read(encode(image, "tiff"), "tiff")[0, ..., 0]
    np.testing.assert_array_equal(pixels, np.rint(stored / 257.0).astype(np.uint8))


def test_grey_bilevel_and_palette() -> None:
    grey = picture()[..., 0]
    np.testing.assert_array_equal(read(encode(grey, "png"), "png")[0], np.dstack([grey] * 3))
    bilevel = Image.fromarray(grey > 100)
    expected = np.where(grey > 100, 255, 0)
    np.testing.assert_array_equal(read(encode(bilevel, "png"), "png")[0, ..., 1], expected)
    palette = Image.fromarray(picture()).quantize(16)
    np.testing.assert_array_equal(
        read(encode(palette, "png"), "png")[0], np.asarray(palette.convert("RGB"))
    )


def test_alpha_lies_over_white() -> None:
    alpha = np.linspace(0, 255, 40 * 60).astype(np.uint8).reshape(40, 60, 1)
    expected = picture() * (alpha / 255) + 255 * (1 - alpha / 255)
    pixels = read(encode(np.dstack([picture(), alpha]), "png"), "png")[0]
    assert np.abs(pixels - expected).max() <= 1
    grey = np.dstack([picture()[..., 0], alpha[..., 0]])
    assert np.abs(read(encode(grey, "png"), "png")[0, ..., 0] - expected[..., 0]).max() <= 1


def test_a_transparent_colour_turns_white() -> None:
    stored = picture()
    colour = tuple(int(sample) for sample in stored[3, 4])
    pixels = read(encode(stored, "png", transparency=colour), "png")[0]
    assert (pixels[3, 4] == 255).all()
    other = (stored != stored[3, 4]).any(axis=2)
    np.testing.assert_array_equal(pixels[other], stored[other])


def test_cmyk() -> None:
    stored = np.dstack([255 - picture(), np.zeros((40, 60), np.uint8)])
    data = encode(Image.fromarray(stored, "CMYK"), "tiff")
    np.testing.assert_array_equal(read(data, "tiff")[0], picture())


def test_profiles_of_other_colours_leave_the_picture() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    data = encode(picture(), "png", icc_profile=profile)
    np.testing.assert_array_equal(read(data, "png")[0], picture())


@pytest.mark.parametrize("mode", ["F", "I"])
def test_samples_without_a_range_are_refused(mode: str) -> None:
    data = encode(Image.new(mode, (8, 8), 7), "tiff")
    with pytest.raises(ImageRejected) as refusal:
        read(data, "tiff")
    assert refusal.value.reason is RejectReason.UNSUPPORTED_ENCODING


def test_pages_are_frames() -> None:
    pages = [picture(seed=seed) for seed in range(4)]
    images = [Image.fromarray(page) for page in pages]
    for compression in ("raw", "tiff_adobe_deflate", "tiff_lzw"):
        data = encode(
            images[0], "tiff", save_all=True, append_images=images[1:], compression=compression
        )
        np.testing.assert_array_equal(read(data, "tiff"), np.stack(pages))
    assert raster_header(data, "tiff", DEFAULT_LIMITS).frames == 4


def test_previews_are_left_out_and_other_sizes_refused() -> None:
    full, small = Image.fromarray(picture()), Image.fromarray(picture()).reduce(2)
    mixed = encode(full, "tiff", save_all=True, append_images=[small])
    with pytest.raises(ImageRejected) as refusal:
        read(mixed, "tiff")
    assert refusal.value.reason is RejectReason.UNSUPPORTED_ENCODING
    small.encoderinfo = {"tiffinfo": {254: 1}}
    with_preview = encode(full, "tiff", save_all=True, append_images=[small])
    np.testing.assert_array_equal(read(with_preview, "tiff")[0], picture())


def test_animated_png_is_refused() -> None:
    images = [Image.fromarray(picture(seed=seed)) for seed in range(3)]
    data = encode(images[0], "png", save_all=True, append_images=images[1:])
    with pytest.raises(ImageRejected) as refusal:
        read(data, "png")
    assert refusal.value.reason is RejectReason.UNSUPPORTED_ENCODING


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(max_pixels=40 * 60 - 1), RejectReason.TOO_MANY_PIXELS),
        (Limits(max_frames=3), RejectReason.TOO_MANY_FRAMES),
        (Limits(max_total_pixels=4 * 40 * 60 - 1), RejectReason.TOO_MANY_PIXELS),
    ],
)
def test_limits_count_every_page(limits: Limits, reason: RejectReason) -> None:
    images = [Image.fromarray(picture(seed=seed)) for seed in range(4)]
    data = encode(images[0], "tiff", save_all=True, append_images=images[1:])
    assert len(read(data, "tiff", Limits(max_frames=4, max_pixels=40 * 60))) == 4
    with pytest.raises(ImageRejected) as refusal:
        read(data, "tiff", limits)
    assert refusal.value.reason is reason


def test_the_header_tells_geometry_and_device() -> None:
    exif = orientation(6)
    exif[271], exif[272], exif[0x9003] = "Lens Works\n", "M1", "2020:01:01 10:00:00"
    header = raster_header(encode(picture(), "jpeg", exif=exif), "jpeg", DEFAULT_LIMITS)
    assert (header.width, header.height, header.frames) == (60, 40, 1)
    assert (header.channels, header.bits, header.device) == (3, 8, "Lens Works M1")
    deep = encode(picture()[..., 0].astype(np.uint16), "png")
    assert raster_header(deep, "png", DEFAULT_LIMITS).bits == 16
