"""JPEGs with faults in their header that decoders report and that leave every pixel as it is."""

from __future__ import annotations

import re
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms
from pydicom.uid import JPEGBaseline8Bit

from tests.imaging.reading import read, refused
from tests.imaging.samples import dicom_dataset, encapsulated, encode, picture
from triage.errors import RejectReason
from triage.imaging.dicom.read import read_dicom
from triage.imaging.limits import DEFAULT_LIMITS
from triage.imaging.picture import PictureFlag
from triage.imaging.raster.read import read_raster

PLAIN = encode(picture(), "jpeg", quality=90, subsampling=0)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def icc_segment(number: int, count: int, content: bytes = PROFILE[:200]) -> bytes:
    body = b"ICC_PROFILE\0" + bytes([number, count]) + content
    return b"\xff\xe2" + struct.pack(">H", 2 + len(body)) + body


def adobe_segment(transform: int) -> bytes:
    return b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0" + bytes([transform])


def with_junk(jpeg: bytes, junk: bytes, before: bytes = b"\xff\xdb") -> bytes:
    place = jpeg.index(before)
    return jpeg[:place] + junk + jpeg[place:]


def without_jfif(jpeg: bytes) -> bytes:
    return jpeg[:2] + jpeg[20:]


DEVIATIONS = {
    "second ICC chunk lost": PLAIN[:20] + icc_segment(1, 2) + PLAIN[20:],
    "ICC chunk 0": PLAIN[:20] + icc_segment(0, 1, PROFILE) + PLAIN[20:],
    "ICC chunk twice": PLAIN[:20] + 2 * icc_segment(1, 2) + PLAIN[20:],
    "Adobe transform 2": PLAIN[:2] + adobe_segment(2) + PLAIN[20:],
    "Adobe transform 7": PLAIN[:2] + adobe_segment(7) + PLAIN[20:],
    "JFIF version 3": PLAIN[:11] + b"\3" + PLAIN[12:],
    "junk": with_junk(PLAIN, b"\0\1\2"),
    "junk in two places": with_junk(with_junk(PLAIN, b"\0" * 32), b"\1" * 32, b"\xff\xc0"),
    "junk before the scan": with_junk(PLAIN, b"\0\1\2", b"\xff\xda"),
    "several at once": with_junk(
        PLAIN[:2] + adobe_segment(7) + icc_segment(1, 2) + PLAIN[20:], b"\0\1\2"
    ),
}


@pytest.mark.parametrize("name", DEVIATIONS)
def test_deviations_of_the_header_change_no_pixel(name: str) -> None:
    np.testing.assert_array_equal(read(DEVIATIONS[name], "jpeg"), read(PLAIN, "jpeg"))


@pytest.mark.parametrize("name", DEVIATIONS)
def test_deviations_in_dicom(name: str) -> None:
    stored = picture()
    data = dicom_dataset(stored)
    data.PhotometricInterpretation = "YBR_FULL_422"
    expected, *_ = read_dicom(
        encapsulated(data, [PLAIN], JPEGBaseline8Bit), DEFAULT_LIMITS, photographs_only=True
    )
    frame = DEVIATIONS[name] + b"\0" * (len(DEVIATIONS[name]) % 2)
    frames, *_ = read_dicom(
        encapsulated(data, [frame], JPEGBaseline8Bit), DEFAULT_LIMITS, photographs_only=True
    )
    np.testing.assert_array_equal(frames, expected)


@pytest.mark.parametrize("name", DEVIATIONS)
@pytest.mark.parametrize("progressive", [False, True])
def test_missing_data_behind_a_deviation_are_refused(name: str, progressive: bool) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (40, 60, 3), np.uint8)
    whole = encode(noise, "jpeg", quality=90, subsampling=0, progressive=progressive)
    deviation = DEVIATIONS[name]
    start = deviation[: deviation.index(b"\xff\xdb")]
    jpeg = start + whole[whole.index(b"\xff\xdb") :]
    np.testing.assert_array_equal(read(jpeg, "jpeg"), read(whole, "jpeg"))
    for missing in (40, 200):
        assert refused(jpeg[:-missing] + b"\xff\xd9", "jpeg") is RejectReason.TRUNCATED


def test_unknown_adobe_transform_of_four_inks() -> None:
    inks = np.dstack([picture(), picture(seed=2)[..., :1]])
    jpeg = encode(Image.fromarray(inks, "CMYK"), "jpeg", quality=90)
    place = jpeg.index(b"Adobe") + 11
    # libjpeg takes an unknown transform of four components for YCCK
    known, unknown = (jpeg[:place] + bytes([value]) + jpeg[place + 1 :] for value in (2, 5))
    np.testing.assert_array_equal(read(unknown, "jpeg"), read(known, "jpeg"))


@pytest.mark.parametrize("name", ["second ICC chunk lost", "ICC chunk twice"])
def test_a_profile_with_missing_parts_is_flagged(name: str) -> None:
    _, flags = read_raster(DEVIATIONS[name], "jpeg", DEFAULT_LIMITS)
    assert PictureFlag.COLOUR_PROFILE_UNUSABLE in flags
    late = with_junk(PLAIN, icc_segment(1, 1), b"\xff\xda")
    _, flags = read_raster(late, "jpeg", DEFAULT_LIMITS)
    assert PictureFlag.COLOUR_PROFILE_UNUSABLE in flags
    _, flags = read_raster(PLAIN, "jpeg", DEFAULT_LIMITS)
    assert PictureFlag.COLOUR_PROFILE_UNUSABLE not in flags


def test_much_junk_is_damage() -> None:
    assert refused(with_junk(PLAIN, bytes(65)), "jpeg") is RejectReason.UNREADABLE
    twice = with_junk(with_junk(PLAIN, bytes(33)), bytes(33), b"\xff\xc0")
    assert refused(twice, "jpeg") is RejectReason.UNREADABLE


def test_twelve_bits_are_an_unsupported_encoding() -> None:
    frame = re.search(rb"\xff\xc0..", PLAIN, re.DOTALL)
    assert frame
    twelve = PLAIN[: frame.start()] + b"\xff\xc1" + PLAIN[frame.start() + 2 :]
    twelve = twelve[: frame.end()] + b"\x0c" + twelve[frame.end() + 1 :]
    assert refused(twelve, "jpeg") is RejectReason.UNSUPPORTED_ENCODING


@pytest.mark.parametrize("reserved", [b"\1\0\0\0", b"\xff\xff\xff\xff"])
def test_reserved_bytes_of_a_bmp(reserved: bytes) -> None:
    bmp = encode(picture(), "bmp")
    np.testing.assert_array_equal(read(bmp[:6] + reserved + bmp[10:], "bmp")[0], picture())
