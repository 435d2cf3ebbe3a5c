"""Reading of pictures: formats by content, refusals without a traceback, inspection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.imaging.samples import dicom_dataset, encode, file_bytes, picture
from triage.decoding.inspect_file import FileReport, inspect_file
from triage.decoding.read_volume import read_volume
from triage.errors import ImageRejected, RejectReason
from triage.oct_imaging import Flag
from triage.oct_imaging.decode import decode_volume, is_volume
from triage.oct_imaging.limits import VolumeLimits

from ..oct_imaging.samples import meta, npz_bytes, opt_dataset, retina, write_folder


def reason(path: Path, limits: VolumeLimits | None = None) -> RejectReason:
    with pytest.raises(ImageRejected) as caught:
        read_volume(path, limits or VolumeLimits())
    assert caught.value.where == path.name
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value.reason


def test_what_a_file_is_is_told_by_its_content(tmp_path: Path) -> None:
    for data in (file_bytes(opt_dataset(retina())), npz_bytes(volume=retina())):
        for name in ("scan.png", "scan", "scan.vol"):
            (tmp_path / name).write_bytes(data)
            assert (read_volume(tmp_path / name).bscans == retina()).all()


def test_empty_absent_and_foreign_files(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "text").write_text("not a scan\n" * 100)
    assert reason(tmp_path / "empty") is RejectReason.EMPTY
    assert reason(tmp_path / "text") is RejectReason.UNKNOWN_FORMAT
    assert reason(tmp_path / "none") is RejectReason.MISSING
    assert reason(tmp_path / "text" / "none") is RejectReason.MISSING
    assert reason(Path("/dev/null")) is RejectReason.MISSING
    (tmp_path / "large").write_bytes(bytes(1000))
    assert reason(tmp_path / "large", VolumeLimits(max_bytes=999)) is RejectReason.TOO_LARGE


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (MemoryError("Doe"), RejectReason.TOO_LARGE),
        (RuntimeError("Doe"), RejectReason.UNREADABLE),
        (RecursionError("Doe"), RejectReason.UNREADABLE),
        (KeyError("Doe"), RejectReason.UNREADABLE),
    ],
)
def test_messages_of_decoders_never_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: Exception, expected: RejectReason
) -> None:
    def fail(*_: Any) -> None:
        raise raised

    path = tmp_path / "scan.dcm"
    path.write_bytes(file_bytes(opt_dataset(retina())))
    monkeypatch.setattr("triage.oct_imaging.dicom_reader.read_opt", fail)
    with pytest.raises(ImageRejected) as caught:
        decode_volume(path, VolumeLimits())
    assert caught.value.reason is expected
    assert "Doe" not in str(caught.value)
    assert caught.value.__context__ is None


def test_an_interrupt_passes_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "scan.dcm"
    path.write_bytes(file_bytes(opt_dataset(retina())))
    monkeypatch.setattr("triage.oct_imaging.dicom_reader.read_opt", interrupt)
    with pytest.raises(KeyboardInterrupt):
        decode_volume(path, VolumeLimits())


def inspected(path: Path) -> FileReport:
    report = inspect_file(path)
    assert FileReport.model_validate_json(report.model_dump_json()) == report
    assert str(path.parent) not in report.model_dump_json()
    assert "Secret" not in report.model_dump_json()
    return report


def test_inspection_of_a_volume(tmp_path: Path) -> None:
    path = tmp_path / "scan_OS.dcm"
    path.write_bytes(file_bytes(opt_dataset(retina())))
    report = inspected(path)
    assert report.readable
    assert (report.kind, report.frames, report.height, report.width) == ("dicom", 5, 48, 40)
    assert report.device == "Lens Works M1"
    assert report.volume is not None
    assert report.volume.spacing_mm == (0.12, 0.004, 0.011)
    assert report.volume.laterality is None
    assert report.volume.flags == (Flag.LATERALITY_CONFLICT,)
    assert report.volume.claims["laterality"] == (
        ("R", "ImageLaterality (0020,0062)"),
        ("L", "file name"),
    )
    assert "5 B-scans of 48 x 40" in report.message
    assert Flag.LATERALITY_CONFLICT.sentence in report.message


def test_inspection_of_folders_and_archives(tmp_path: Path) -> None:
    report = inspected(write_folder(tmp_path / "export", retina(), sidecar=meta()))
    assert report.readable
    assert (report.kind, report.bytes, report.device) == ("images", None, None)
    assert "right eye" in report.message
    (tmp_path / "bad.npz").write_bytes(npz_bytes(volume=retina())[:-300])
    report = inspected(tmp_path / "bad.npz")
    assert (report.readable, report.reason) == (False, RejectReason.TRUNCATED)
    (tmp_path / "empty").mkdir()
    assert inspected(tmp_path / "empty").reason is RejectReason.EMPTY


def test_photographs_are_still_inspected_as_photographs(tmp_path: Path) -> None:
    files = {
        "a.png": encode(picture(), "png"),
        "grey.png": encode(retina()[0], "png"),
        "photo.dcm": file_bytes(dicom_dataset(picture())),
    }
    for name, data in files.items():
        path = tmp_path / name
        path.write_bytes(data)
        assert not is_volume(path)
        report = inspected(path)
        assert report.readable
        assert report.volume is None
        assert report.quality is not None
    (tmp_path / "text").write_text("not a scan")
    assert inspected(tmp_path / "text").reason is RejectReason.UNKNOWN_FORMAT
    assert inspected(tmp_path / "none").reason is RejectReason.MISSING
