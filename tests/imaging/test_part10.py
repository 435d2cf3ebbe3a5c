"""The DICOM parser keeps what pixels need and nothing else."""

from __future__ import annotations

import pytest
from pydicom import uid

from triage.errors import ImageRejected, RejectReason
from triage.imaging.limits import DEFAULT_LIMITS, Limits
from triage.imaging.part10 import parse_part10

from .hostile import bare_dicom, deflate_bomb
from .samples import dicom_dataset, file_bytes, picture


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
            # A cut between two elements cannot be told from an object without pixels.
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
