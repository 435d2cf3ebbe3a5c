"""DICOM of every supported encoding against the arrays the files were made from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gdcm
import numpy as np
import pytest
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.pixels.processing import convert_color_space
from pydicom.sequence import Sequence

from tests.imaging.samples import (
    compressed,
    compressed_by_gdcm,
    dicom_dataset,
    encapsulated,
    encode,
    file_bytes,
    picture,
)
from triage.errors import ImageRejected, RejectReason
from triage.imaging.dicom.read import PHOTOGRAPH_CLASSES, dicom_header, read_dicom
from triage.imaging.limits import DEFAULT_LIMITS, Limits

LOSSLESS = [uid.RLELossless, uid.JPEGLSLossless, uid.JPEG2000Lossless]


def read(data: bytes, limits: Limits = DEFAULT_LIMITS) -> np.ndarray:
    frames, *_ = read_dicom(data, limits, photographs_only=True)
    assert frames.dtype == np.uint8
    return frames


def refused(data: bytes, **options: Any) -> RejectReason:
    with pytest.raises(ImageRejected) as refusal:
        read(data, **options)
    return refusal.value.reason


@pytest.mark.parametrize(
    "syntax",
    [
        uid.ImplicitVRLittleEndian,
        uid.ExplicitVRLittleEndian,
        uid.ExplicitVRBigEndian,
        uid.DeflatedExplicitVRLittleEndian,
    ],
)
def test_native_colour_is_exact(syntax: uid.UID) -> None:
    data = file_bytes(dicom_dataset(picture(), syntax=syntax))
    np.testing.assert_array_equal(read(data), picture()[None])


def test_planar_colour() -> None:
    data = dicom_dataset(picture(), PlanarConfiguration=1)
    data.PixelData = np.moveaxis(picture(), 2, 0).tobytes()
    np.testing.assert_array_equal(read(file_bytes(data))[0], picture())


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_lossless_compression_is_exact(syntax: uid.UID) -> None:
    data = compressed(dicom_dataset(picture()), picture(), syntax)
    np.testing.assert_array_equal(read(data)[0], picture())


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_compressed_frames_keep_their_order(syntax: uid.UID) -> None:
    stored = np.stack([picture(seed=seed) for seed in range(3)])
    np.testing.assert_array_equal(read(compressed(dicom_dataset(stored), stored, syntax)), stored)


def test_jpeg_lossless(tmp_path: Path) -> None:
    plain = file_bytes(dicom_dataset(picture()))
    data = compressed_by_gdcm(plain, gdcm.TransferSyntax.JPEGLosslessProcess14_1, tmp_path)
    np.testing.assert_array_equal(read(data)[0], picture())


def test_near_lossless_and_lossy() -> None:
    near = compressed(dicom_dataset(picture()), picture(), uid.JPEGLSNearLossless, jls_error=3)
    assert np.abs(read(near)[0].astype(int) - picture()).max() <= 3
    lossy = compressed(dicom_dataset(picture()), picture(), uid.JPEG2000, j2k_cr=[4])
    assert np.abs(read(lossy)[0].astype(int) - picture()).mean() < 3


@pytest.mark.parametrize("photometric", ["YBR_FULL_422", "YBR_FULL"])
def test_baseline_jpeg(photometric: str) -> None:
    frames = [encode(picture(seed=seed), "jpeg", quality=95) for seed in range(2)]
    stored = np.stack([picture(seed=seed) for seed in range(2)])
    data = encapsulated(dicom_dataset(stored, photometric=photometric), frames)
    pixels = read(data)
    assert pixels.shape == stored.shape
    assert np.abs(pixels.astype(int) - stored).mean() < 2


def test_twelve_bit_jpeg(tmp_path: Path) -> None:
    stored = (picture()[..., 0].astype(np.uint16) << 4) + 7
    plain = file_bytes(dicom_dataset(stored, photometric="MONOCHROME2", bits=12))
    data = compressed_by_gdcm(plain, gdcm.TransferSyntax.JPEGExtendedProcess2_4, tmp_path)
    pixels = read(data)[0, ..., 0]
    assert np.abs(pixels - stored * (255 / 4095)).max() < 3


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.RLELossless])
def test_luma_chroma_turns_to_rgb(syntax: uid.UID) -> None:
    # JPEG's colour transform, ITU-T T.871 section 7, in floating point.
    matrix = np.array(
        [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]]
    )
    stored = np.rint(picture() @ matrix.T + [0, 128, 128]).clip(0, 255).astype(np.uint8)
    data = dicom_dataset(stored, photometric="YBR_FULL")
    content = compressed(data, stored, syntax) if syntax == uid.RLELossless else file_bytes(data)
    assert np.abs(read(content)[0].astype(int) - picture()).max() <= 2


def test_subsampled_luma_chroma() -> None:
    full = convert_color_space(picture(), "RGB", "YBR_FULL")
    full[:, 1::2, 1:] = full[:, ::2, 1:]
    data = dicom_dataset(full, photometric="YBR_FULL_422")
    pairs = np.stack([full[:, ::2, 0], full[:, 1::2, 0], full[:, ::2, 1], full[:, ::2, 2]], -1)
    data.PixelData = pairs.tobytes()
    expected = convert_color_space(full, "YBR_FULL", "RGB")
    np.testing.assert_array_equal(read(file_bytes(data))[0], expected)
    data.PixelData = data.PixelData[:-2]
    assert refused(file_bytes(data)) is RejectReason.TRUNCATED


@pytest.mark.parametrize("order", [uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian])
@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
def test_deep_colour_is_scaled(dtype: type, order: uid.UID) -> None:
    most = np.iinfo(dtype).max
    stored = (picture() / 255 * most).astype(dtype)
    expected = stored / most * 255
    pixels = read(file_bytes(dicom_dataset(stored, syntax=order)))[0]
    assert np.abs(pixels - expected).max() <= 0.51


def grey(stored: np.ndarray, photometric: str = "MONOCHROME2", **elements: Any) -> np.ndarray:
    pixels = read(file_bytes(dicom_dataset(stored, photometric=photometric, **elements)))[0]
    assert (pixels == pixels[..., :1]).all()
    return pixels[..., 0].astype(float)


def test_grey_without_a_window_shows_all_stored_bits() -> None:
    stored = picture()[..., 0]
    np.testing.assert_array_equal(grey(stored), stored)
    np.testing.assert_array_equal(grey(stored, "MONOCHROME1"), 255 - stored)
    twelve = stored.astype(np.uint16) * 16
    assert np.abs(grey(twelve, bits=12) - twelve / 4095 * 255).max() <= 0.51
    signed = twelve.astype(np.int16) - 2048
    assert np.abs(grey(signed, bits=12) - twelve / 4095 * 255).max() <= 0.51


def test_bits_beyond_the_stored_ones_are_ignored() -> None:
    stored = np.array([[0, 4095, 0x1000, 0xFFFF]], np.uint16)
    np.testing.assert_array_equal(grey(stored, bits=12), [[0, 255, 0, 255]])


@pytest.mark.parametrize(
    ("function", "width", "expected"),
    [
        # PS3.3 C.11.2.1.2.1: c - 0.5 is the middle, w - 1 the span from black to white.
        ("LINEAR", 101, [0, 0, 127.5, 127.5 + 2.55 * 10, 255, 255]),
        ("LINEAR", 1, [0, 0, 0, 255, 255, 255]),
        ("LINEAR_EXACT", 100, [0, 0, 126.225, 126.225 + 2.55 * 10, 255, 255]),
        ("SIGMOID", 100, None),
    ],
)
def test_windows(function: str, width: float, expected: list[float] | None) -> None:
    # The rescale slope of a half lets whole stored values stand for the halves shown.
    shown = np.array([0, 900, 999.5, 1009.5, 1100, 2000])
    stored = (2 * shown).astype(np.uint16)[None]
    elements = {"RescaleSlope": 0.5, "RescaleIntercept": 0, "VOILUTFunction": function}
    pixels = grey(stored, bits=12, WindowCenter=[1000, 5], WindowWidth=[width, 9], **elements)
    if expected is None:
        expected = list(255 / (1 + np.exp(-4 * (shown - 1000) / width)))
    assert np.abs(pixels[0] - expected).max() <= 0.51
    inverted = grey(
        stored, "MONOCHROME1", bits=12, WindowCenter=1000, WindowWidth=width, **elements
    )
    assert np.abs(255 - inverted[0] - expected).max() <= 0.51


@pytest.mark.parametrize("width", [0, -5, 0.5])
def test_a_window_without_width_is_none(width: float) -> None:
    pixels = grey(picture()[..., 0], WindowCenter=3, WindowWidth=width)
    np.testing.assert_array_equal(pixels, picture()[..., 0])


def test_the_modality_transformation_turns_a_picture_over_without_a_window_too() -> None:
    stored = picture()[..., 0]
    falling = grey(stored, RescaleSlope=-1, RescaleIntercept=255)
    np.testing.assert_array_equal(falling, 255 - stored)
    np.testing.assert_array_equal(grey(stored, RescaleSlope=2, RescaleIntercept=-7), stored)
    table = Dataset()
    table.add_new("LUTDescriptor", "US", [256, 0, 8])
    table.add_new("LUTData", "US", list(range(255, -1, -1)))
    np.testing.assert_array_equal(grey(stored, ModalityLUTSequence=Sequence([table])), 255 - stored)
    np.testing.assert_array_equal(grey(stored, PresentationLUTShape="INVERSE"), 255 - stored)
    np.testing.assert_array_equal(grey(stored, PresentationLUTShape="IDENTITY"), stored)


def test_voi_lut() -> None:
    table = Dataset()
    table.add_new("LUTDescriptor", "US", [4, 10, 8])
    table.add_new("LUTData", "US", [0, 100, 200, 255])
    stored = np.array([[0, 10, 11, 12, 13, 200]], np.uint8)
    pixels = grey(stored, VOILUTSequence=Sequence([table]))
    np.testing.assert_array_equal(pixels, [[0, 0, 100, 200, 255, 255]])


@pytest.mark.parametrize("entry_bits", [8, 16])
def test_palette_colour(entry_bits: int) -> None:
    colours = picture(16, 16)[3, :16]
    stored = (np.arange(40 * 60) % 16).astype(np.uint8).reshape(40, 60)
    data = dicom_dataset(stored, photometric="PALETTE COLOR")
    for name, channel in zip(("Red", "Green", "Blue"), colours.T, strict=True):
        entries = channel.astype(np.uint16) * (257 if entry_bits == 16 else 1)
        raw = entries.astype("<u2" if entry_bits == 16 else np.uint8).tobytes()
        descriptor = f"{name}PaletteColorLookupTableDescriptor"
        data.add_new(descriptor, "US", [16, 0, entry_bits])
        data.add_new(f"{name}PaletteColorLookupTableData", "OW", raw)
    np.testing.assert_array_equal(read(file_bytes(data))[0], colours[stored])


def test_only_photographs_unless_asked() -> None:
    data = file_bytes(dicom_dataset(picture(), sop_class=uid.MRImageStorage))
    with pytest.raises(ImageRejected, match="'MR Image Storage' is not taken") as refusal:
        read(data)
    assert refusal.value.reason is RejectReason.WRONG_MODALITY
    frames, modality, *_ = read_dicom(data, DEFAULT_LIMITS, photographs_only=False)
    np.testing.assert_array_equal(frames[0], picture())
    assert modality == "MR Image Storage"


@pytest.mark.parametrize("sop_class", sorted(PHOTOGRAPH_CLASSES))
def test_photograph_classes(sop_class: uid.UID) -> None:
    data = file_bytes(dicom_dataset(picture(), sop_class=sop_class))
    frames, modality, *_ = read_dicom(data, DEFAULT_LIMITS, photographs_only=True)
    assert len(frames) == 1
    assert modality is not None
    assert modality.endswith("Image Storage") or "Photography" in modality


def test_an_unknown_sop_class_is_not_quoted() -> None:
    data = file_bytes(dicom_dataset(picture(), sop_class=uid.UID("1.2.3.19700101")))
    with pytest.raises(ImageRejected) as refusal:
        read(data)
    assert "19700101" not in str(refusal.value)
    assert read_dicom(data, DEFAULT_LIMITS, photographs_only=False)[1] is None


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"PhotometricInterpretation": "HSV"}, RejectReason.UNSUPPORTED_ENCODING),
        ({"SamplesPerPixel": 1}, RejectReason.UNSUPPORTED_ENCODING),
        ({"BitsStored": 9}, RejectReason.UNSUPPORTED_ENCODING),
        ({"BitsStored": 0}, RejectReason.UNSUPPORTED_ENCODING),
        ({"BitsAllocated": 64}, RejectReason.UNSUPPORTED_ENCODING),
        ({"PixelRepresentation": 1}, RejectReason.UNSUPPORTED_ENCODING),
        ({"Rows": None}, RejectReason.UNREADABLE),
        ({"Rows": 0}, RejectReason.UNREADABLE),
        ({"BitsAllocated": None}, RejectReason.UNREADABLE),
        ({"NumberOfFrames": -1}, RejectReason.UNREADABLE),
        ({"NumberOfFrames": 2}, RejectReason.TRUNCATED),
        ({"NumberOfFrames": 65}, RejectReason.TOO_MANY_FRAMES),
        ({"Rows": 65535, "Columns": 65535}, RejectReason.TOO_MANY_PIXELS),
        ({"Rows": 41}, RejectReason.TRUNCATED),
    ],
)
def test_headers_that_do_not_fit(elements: dict[str, Any], reason: RejectReason) -> None:
    assert refused(file_bytes(dicom_dataset(picture(), **elements))) is reason


def test_absent_pixels() -> None:
    data = dicom_dataset(picture())
    data.PixelData = b""
    assert refused(file_bytes(data)) is RejectReason.NO_PIXELS
    del data.PixelData
    assert refused(file_bytes(data)) is RejectReason.NO_PIXELS
    data.FloatPixelData = bytes(40 * 60 * 4)
    assert refused(file_bytes(data)) is RejectReason.UNSUPPORTED_ENCODING


def test_fewer_compressed_frames_than_announced() -> None:
    stored = np.stack([picture()] * 2)
    data = dicom_dataset(stored, photometric="YBR_FULL_422")
    assert refused(encapsulated(data, [encode(picture(), "jpeg")])) is RejectReason.TRUNCATED


def test_video_is_not_supported() -> None:
    data = encapsulated(dicom_dataset(picture()), [b"\0" * 64], uid.MPEG2MPML)
    assert refused(data) is RejectReason.UNSUPPORTED_ENCODING


def test_the_header_tells_encoding_and_device_but_no_patient() -> None:
    header = dicom_header(file_bytes(dicom_dataset(picture())), DEFAULT_LIMITS)
    assert (header.width, header.height, header.frames) == (60, 40, 1)
    assert (header.channels, header.bits) == (3, 8)
    assert header.transfer_syntax == "Explicit VR Little Endian"
    assert header.sop_class == "Secondary Capture Image Storage"
    assert header.device == "Lens Works M1"


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (["0.05", "0.04"], (0.05, 0.04)),
        (None, None),
        (["0.05"], None),
        (["0", "0.05"], None),
        (["-0.05", "0.05"], None),
        (["1e300", "0.05"], None),
        (["25", "25"], None),
    ],
)
def test_pixel_spacing(stated: list[str] | None, expected: tuple[float, float] | None) -> None:
    data = dicom_dataset(picture())
    if stated is not None:
        data.PixelSpacing = stated
    *_, found = read_dicom(file_bytes(data), DEFAULT_LIMITS, photographs_only=True)
    assert found == expected


def test_a_spacing_that_is_no_number_does_not_refuse_the_picture() -> None:
    data = dicom_dataset(picture(), PixelSpacing=["0.05", "0.04"])
    content = file_bytes(data).replace(b"0.05\\0.04", b"wide\\high")
    frames, *_, found = read_dicom(content, DEFAULT_LIMITS, photographs_only=True)
    np.testing.assert_array_equal(frames[0], picture())
    assert found is None
