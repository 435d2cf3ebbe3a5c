"""The DICOM parser keeps what pixels need and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom import uid

from tests.decoding.hostile import bare_dicom, deflate_bomb
from tests.imaging.samples import dicom_dataset, encode, file_bytes, picture
from triage.errors import ImageRejected, RejectReason
from triage.imaging.dicom.part10 import looks_like_dicom, parse_part10
from triage.imaging.limits import DEFAULT_LIMITS, Limits


@pytest.mark.parametrize(
    "syntax",
    [
        uid.ImplicitVRLittleEndian,
        uid.ExplicitVRLittleEndian,
        uid.ExplicitVRBigEndian,
        uid.DeflatedExplicitVRLittleEndian,
    ],
)
def test_wanted_elements_are_kept_and_patients_are_not(syntax: uid.UID) -> None:
    data = parse_part10(file_bytes(dicom_dataset(picture(), syntax=syntax)), DEFAULT_LIMITS)
    assert (data.Rows, data.Columns, data.BitsStored) == (40, 60, 8)
    assert data.PixelData == picture().tobytes()
    assert data.file_meta.TransferSyntaxUID == syntax
    for keyword in ("PatientName", "PatientID", "DeviceSerialNumber", "SOPInstanceUID"):
        assert keyword not in data


def test_every_cut_is_noticed() -> None:
    content = file_bytes(dicom_dataset(picture(8, 8)))
    between_elements = 0
    for length in range(400, len(content)):
        try:
            data = parse_part10(content[:length], DEFAULT_LIMITS)
        except ImageRejected as refusal:
            assert refusal.reason is RejectReason.TRUNCATED  # noqa: PT017
        else:
            # A cut between two elements cannot be distinguished from an object without pixels.
            assert "PixelData" not in data
            between_elements += 1
    assert between_elements < 20


def test_what_follows_the_pixels_is_not_read() -> None:
    content = file_bytes(dicom_dataset(picture()))
    assert parse_part10(content + b"rubbish", DEFAULT_LIMITS).PixelData == picture().tobytes()


def test_inflation_is_bounded() -> None:
    bomb = deflate_bomb(3)
    assert len(bomb) < 2**20 // 64
    with pytest.raises(ImageRejected) as refusal:
        parse_part10(bomb, Limits(max_bytes=2**20))
    assert refusal.value.reason is RejectReason.TOO_LARGE
    assert len(parse_part10(bomb, Limits(max_bytes=2**22)).PixelData) == 3 * 2**20


def test_damaged_and_cut_deflation() -> None:
    for content, reason in (
        (deflate_bomb(1)[:-200], RejectReason.TRUNCATED),
        (
            bare_dicom(b"\xff" * 50, uid.DeflatedExplicitVRLittleEndian),
            RejectReason.UNREADABLE,
        ),
    ):
        with pytest.raises(ImageRejected) as refusal:
            parse_part10(content, DEFAULT_LIMITS)
        assert refusal.value.reason is reason


@pytest.mark.parametrize("syntax", ["1.2.3.4", "1.2.840.10008.1.2.8.1", uid.MRImageStorage])
def test_unknown_transfer_syntaxes(syntax: str) -> None:
    with pytest.raises(ImageRejected) as refusal:
        parse_part10(bare_dicom(b"", uid.UID(syntax)), DEFAULT_LIMITS)
    assert refusal.value.reason is RejectReason.UNSUPPORTED_ENCODING


def test_only_dicom_looks_like_dicom() -> None:
    content = file_bytes(dicom_dataset(picture()))
    for data in (content, content[128:], content[132:], content[132:4096]):
        assert looks_like_dicom(data)
    others = [encode(picture(), kind) for kind in ("jpeg", "png", "tiff", "webp", "bmp", "gif")]
    rng = np.random.default_rng(0)
    noise = [rng.bytes(600) for _ in range(2000)]
    # the first tag of a data set, and then anything
    tags = [b"\x08\0\x05\0", b"\x08\0\x16\0", b"\0\x08\0\x05", b"\x02\0\0\0", b"\x02\0\x10\0"]
    noise += [tag + vr + rng.bytes(600) for tag in tags for vr in (b"UI\x04\0", b"\x04\0\0\0", b"")]
    for data in (*others, *noise, b"", b"DIC", bytes(4000), b"\x08\0" * 900, b"II*\0" + bytes(200)):
        assert not looks_like_dicom(data)


def test_pixel_data_are_not_copied() -> None:
    content = file_bytes(dicom_dataset(picture()))
    data = parse_part10(content, DEFAULT_LIMITS)
    assert data.PixelData.obj is content


def test_a_file_without_a_header_is_refused() -> None:
    for content in (b"", b"text", bytes(500)):
        with pytest.raises(ImageRejected) as refusal:
            parse_part10(content, DEFAULT_LIMITS)
        assert refusal.value.reason is RejectReason.UNREADABLE
