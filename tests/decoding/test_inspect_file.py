"""What `triage inspect` tells, and what it keeps to itself."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import uid

from tests.imaging.samples import dicom_dataset, encode, file_bytes, picture, png_bomb
from triage.decoding import inspect_file as inspect_module
from triage.decoding.file_report import FileReport
from triage.decoding.inspect_file import inspect_file
from triage.decoding.read_picture import read_picture
from triage.decoding.read_volume import read_volume
from triage.decoding.worker import DecoderPool, WorkerLimits
from triage.errors import RejectReason
from triage.imaging.limits import Limits

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


def test_pixels_are_written_as_the_system_sees_them(tmp_path: Path) -> None:
    grey = np.arange(0, 4096, 2, dtype=np.uint16).reshape(2, 32, 32)
    data = dicom_dataset(grey, photometric="MONOCHROME2", bits=12)
    path = tmp_path / "a.dcm"
    path.write_bytes(file_bytes(data))
    report = inspect_file(path, pixels=tmp_path / "seen" / "3")
    assert report.pixels == ("3_0.png", "3_1.png")
    frames = read_picture(path).frames
    for name, frame in zip(report.pixels, frames, strict=True):
        with Image.open(tmp_path / "seen" / name) as image:
            assert image.mode == "RGB"
            np.testing.assert_array_equal(np.asarray(image), frame)
    assert sorted(file.name for file in (tmp_path / "seen").iterdir()) == list(report.pixels)


def test_bscans_are_written_too(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, volume=np.arange(3 * 40 * 50, dtype=np.uint16).reshape(3, 40, 50))
    report = inspect_file(path, pixels=tmp_path / "0")
    assert report.pixels == ("0_0.png", "0_1.png", "0_2.png")
    assert report.volume is not None
    assert report.flags == report.volume.flags
    assert "spacing_missing" in report.flags
    bscans = read_volume(path).bscans
    for name, bscan in zip(report.pixels, bscans, strict=True):
        with Image.open(tmp_path / name) as image:
            np.testing.assert_array_equal(np.asarray(image), np.repeat(bscan[..., None], 3, 2))


def test_no_pixels_of_a_refused_file(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encode(picture(), "png")[:-60])
    report = inspect_file(path, pixels=tmp_path / "0")
    assert not report.readable
    assert report.pixels == ()
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


def test_pixels_that_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encode(picture(), "png"))
    report = inspect_file(path, pixels=path / "0")
    assert not report.readable
    assert "--pixels" in report.message


def test_another_class_can_be_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(file_bytes(dicom_dataset(picture(), sop_class=uid.MRImageStorage)))
    report = inspect_file(path, photographs_only=False, pixels=tmp_path / "0")
    assert report.readable
    assert report.pixels == ("0_0.png",)


def test_pixels_of_a_file_that_costs_too_much_are_not_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Large enough for many ticks of the clock by which the kernel counts CPU time, of up to 10 ms.
    (tmp_path / "a.png").write_bytes(png_bomb(4000))
    seen = tmp_path / "seen"
    seen.mkdir()
    for name in ("3_0.png", ".3_1.png.77.partial", "30_0.png", "4_0.png"):
        (seen / name).write_bytes(b"")
    limits = WorkerLimits(cpu_seconds=1e-6, workers=1)
    with DecoderPool(limits) as pool:
        monkeypatch.setattr(inspect_module, "default_pool", lambda: pool)
        report = inspect_file(tmp_path / "a.png", pixels=seen / "3")
    assert report.reason is RejectReason.TOO_MUCH_WORK
    assert (report.file, report.pixels) == ("a.png", ())
    assert sorted(path.name for path in seen.iterdir()) == ["30_0.png", "4_0.png"]
