"""Colour profiles: converted by the formulas of the standards, or named as unusable."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.imaging.icc import display_p3, gamma, grey_gamma
from tests.imaging.samples import encode, picture
from triage.imaging.colour import MAX_PROFILE, conversion, to_srgb
from triage.imaging.limits import DEFAULT_LIMITS
from triage.imaging.picture import PictureFlag
from triage.imaging.raster.code_points import coded_profile
from triage.imaging.raster.read import read_raster

CONVERTED, UNUSABLE = PictureFlag.COLOURS_CONVERTED, PictureFlag.COLOUR_PROFILE_UNUSABLE

# CSS Color 4, section 18: linear Display P3 to XYZ (D65), and XYZ (D65) to linear sRGB.
P3_TO_XYZ = np.array(
    [
        [0.4865709486, 0.2656676932, 0.1982172852],
        [0.2289745641, 0.6917385218, 0.0792869141],
        [0.0, 0.0451133819, 1.0439443689],
    ]
)
XYZ_TO_SRGB = np.array(
    [
        [3.2409699419, -1.5373831776, -0.4986107603],
        [-0.9692436363, 1.8759675015, 0.0415550574],
        [0.0556300797, -0.2039769589, 1.0569715142],
    ]
)


def p3_to_srgb(stored: np.ndarray) -> np.ndarray:
    value = stored / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ (XYZ_TO_SRGB @ P3_TO_XYZ).T, 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("source", ["assembled", "coded"])
def test_display_p3_by_its_formula(source: str) -> None:
    profile = display_p3() if source == "assembled" else coded_profile((12, 13))
    frame = picture(90, 120)
    before = frame.copy()
    converted, flag = to_srgb(frame, profile)
    assert flag is CONVERTED
    assert np.abs(converted - p3_to_srgb(frame)).max() <= 2
    np.testing.assert_array_equal(frame, before)
    in_place, _ = to_srgb(frame, profile, in_place=True)
    assert in_place is frame
    np.testing.assert_array_equal(in_place, converted)


def test_large_frames_are_converted_in_strips() -> None:
    frame = np.tile(picture(64, 96), (24, 12, 1))
    converted, _ = to_srgb(frame, display_p3())
    np.testing.assert_array_equal(converted[-64:, -96:], to_srgb(picture(64, 96), display_p3())[0])


@pytest.mark.parametrize("profile", [srgb_profile(), coded_profile((1, 13)), coded_profile(None)])
def test_srgb_changes_nothing(profile: bytes | None) -> None:
    assert conversion(profile, "rgb") == (None, None)


@pytest.mark.parametrize(
    "profile",
    [
        b"",
        b"no profile",
        display_p3()[:300],
        display_p3().replace(b"mntr", b"link"),
        display_p3().replace(b"RGB ", b"CMYK"),
        grey_gamma(1.8),
        ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes(),
        display_p3() + bytes(MAX_PROFILE),
        coded_profile((9, 16)),  # BT.2020 with the curve of high dynamic range
        coded_profile((77, 13)),
    ],
)
def test_what_does_not_fit_is_named(profile: bytes) -> None:
    frame = picture()
    result, flag = to_srgb(frame, profile)
    assert flag is UNUSABLE
    assert result is frame


def test_grey_profiles() -> None:
    levels = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    converted, flag = to_srgb(levels, grey_gamma(1.8))
    linear = (levels / 255) ** 1.8
    expected = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    assert flag is CONVERTED
    assert np.abs(converted - 255 * expected).max() <= 2


@pytest.mark.parametrize("kind", ["jpeg", "png", "tiff", "webp"])
def test_profiles_in_files(kind: str) -> None:
    options = {"lossless": True} if kind == "webp" else {}
    data = encode(picture(), kind, icc_profile=display_p3(), **options)
    plain = read_raster(encode(picture(), kind, **options), kind, DEFAULT_LIMITS)
    frames, flags = read_raster(data, kind, DEFAULT_LIMITS)
    assert flags == (CONVERTED,)
    assert plain[1] == ()
    assert np.abs(frames - p3_to_srgb(plain[0])).max() <= 2
    damaged = encode(picture(), kind, icc_profile=b"no profile at all", **options)
    frames, flags = read_raster(damaged, kind, DEFAULT_LIMITS)
    assert flags == (UNUSABLE,)
    np.testing.assert_array_equal(frames, plain[0])


def test_colours_are_converted_before_opacity() -> None:
    stored = np.zeros((8, 8, 4), np.uint8)
    stored[..., 1], stored[..., 3] = 200, 128
    data = encode(stored, "png", icc_profile=display_p3())
    frames, _ = read_raster(data, "png", DEFAULT_LIMITS)
    colour = p3_to_srgb(stored[..., :3])
    assert np.abs(frames[0] - (colour * (128 / 255) + 255 * (127 / 255))).max() <= 2


def test_palettes_are_converted() -> None:
    palette = Image.fromarray(picture()).quantize(16)
    data = encode(palette, "png", icc_profile=display_p3())
    frames, flags = read_raster(data, "png", DEFAULT_LIMITS)
    assert flags == (CONVERTED,)
    assert np.abs(frames[0] - p3_to_srgb(np.asarray(palette.convert("RGB")))).max() <= 2


def test_a_grey_picture_may_have_a_profile_of_rgb() -> None:
    grey = picture()[..., 0]
    data = encode(grey, "jpeg", icc_profile=display_p3(gamma(1.0)), quality=95)
    frames, flags = read_raster(data, "jpeg", DEFAULT_LIMITS)
    assert flags == (CONVERTED,)
    assert np.abs(np.ptp(frames.astype(int), axis=3)).max() <= 1
    assert frames.mean() > grey.mean() + 20  # linear light looks dark until it is converted
