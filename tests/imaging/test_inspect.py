"""What `triage inspect` tells, and what it keeps to itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydicom import uid

from triage.errors import RejectReason
from triage.imaging.inspect import FileReport, inspect_file
from triage.imaging.limits import Limits

from .samples import dicom_dataset, encode, file_bytes, picture

SECRETS = ("Doe", "Secret", "4711", "0815", "19700101")


def report_of(tmp_path: Path, data: bytes, name: str = "a.jpg") -> FileReport:
    path = tmp_path / name
    path.write_bytes(data)
    report = inspect_file(path)
    text = report.model_dump_json()
    assert not any(secret in text for secret in SECRETS)
    assert str(tmp_path) not in text
    assert FileReport.model_validate_json(text) == report
    return report


def test_a_photograph(tmp_path: Path) -> None:
    report = report_of(tmp_path, encode(picture(), "jpeg"))
    assert report.readable
    assert report.reason is None
    assert (report.kind, report.width, report.height, report.frames) == ("jpeg", 60, 40, 1)
    assert (report.channels, report.bits) == (3, 8)
    assert report.quality is not None
    assert report.quality.short_side == 40


def test_a_dicom_photograph(tmp_path: Path) -> None:
    data = dicom_dataset(
        picture(), sop_class=uid.DermoscopicPhotographyImageStorage, PatientBirthDate="19700101"
    )
    report = report_of(tmp_path, file_bytes(data))
    assert report.readable
    assert report.device == "Lens Works M1"
    assert report.transfer_syntax == "Explicit VR Little Endian"
    assert report.sop_class is not None
    assert report.sop_class.startswith("Dermoscopic Photography")


def test_another_modality_is_described_but_not_taken(tmp_path: Path) -> None:
    data = dicom_dataset(picture(), sop_class=uid.MRImageStorage)
    report = report_of(tmp_path, file_bytes(data))
    assert not report.readable
    assert report.reason is RejectReason.WRONG_MODALITY
    assert (report.kind, report.sop_class) == ("dicom", "MR Image Storage")
    assert (report.width, report.height, report.frames) == (60, 40, 1)
    assert "not taken as a photograph" in report.message


def test_an_object_without_pixels_has_no_geometry(tmp_path: Path) -> None:
    data = dicom_dataset(picture())
    del data.PixelData, data.Rows, data.Columns
    report = report_of(tmp_path, file_bytes(data))
    assert report.reason is RejectReason.NO_PIXELS
    assert report.width is None
    assert report.sop_class == "Secondary Capture Image Storage"


def test_a_useless_picture_says_so(tmp_path: Path) -> None:
    report = report_of(tmp_path, encode(picture() * 0, "png"))
    assert report.readable
    assert report.message == "The picture is black."


def test_absent_and_oversized_files(tmp_path: Path) -> None:
    report = inspect_file(tmp_path / "none.jpg")
    assert (report.file, report.bytes, report.sha256) == ("none.jpg", None, None)
    assert report.reason is RejectReason.MISSING
    path = tmp_path / "a.png"
    path.write_bytes(encode(picture(), "png"))
    report = inspect_file(path, Limits(max_bytes=100))
    assert report.reason is RejectReason.TOO_LARGE
    assert report.bytes == path.stat().st_size
    report = inspect_file(path, Limits(max_pixels=100))
    assert (report.reason, report.width) == (RejectReason.TOO_MANY_PIXELS, 60)


@pytest.mark.parametrize("name", [b"\xff\xfe.png", b"line\nbreak.png"])
def test_odd_names_can_be_written_as_json(tmp_path: Path, name: bytes) -> None:
    path = Path(str(tmp_path).encode().decode()) / name.decode("utf-8", "surrogateescape")
    path.write_bytes(encode(picture(), "png"))
    report = inspect_file(path)
    assert report.readable
    json.loads(report.model_dump_json().encode())
