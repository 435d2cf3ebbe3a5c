"""All 115 DICOM files beside the checkout, read or refused as their manifest says."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from tests.shared_data import SHARED
from triage.decoding.inspect_file import inspect_file
from triage.decoding.read_picture import read_picture
from triage.errors import ImageRejected, RejectReason
from triage.imaging.dicom.coded_frame import StoredFrame
from triage.imaging.dicom.frames import stored_frames
from triage.imaging.dicom.image_pixel import ImagePixel
from triage.imaging.dicom.part10 import parse_part10
from triage.imaging.limits import DEFAULT_LIMITS

DATA = SHARED / "data"
MANIFEST = DATA / "manifest_volumes_dicom.csv"

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not MANIFEST.is_file(), reason=f"no research data in {DATA}"),
]


def rows() -> list[dict[str, str]]:
    with MANIFEST.open(newline="") as stream:
        return [row for row in csv.DictReader(stream) if row["file"].startswith("dicom/")]


def expected_shape(row: dict[str, str]) -> tuple[int, ...]:
    """Frames, height and width; the manifest gives numpy's shape and the samples per pixel."""
    found = re.match(r"OK \(([\d, ]+)\)", row["expected"])
    assert found is not None
    shape = [int(extent) for extent in found[1].split(",")]
    if re.search(r"spp 3\b", row["what"]):
        assert shape.pop() == 3
    return tuple([1] * (3 - len(shape)) + shape)


# The manifest calls broken what pydicom could not read: JPEG with unusual spectral selection, RLE
# of single bits, files without preamble.
READABLE = {
    **dict.fromkeys(("MR1_JPLY", "MR3_JPLY", "MR4_JPLY"), (1, 512, 512)),
    "RG3_JPLY": (1, 1760, 1760),
    "XA1_JPLY": (1, 1024, 1024),
    "JPEG-lossy.dcm": (1, 1024, 256),
    "liver_rle.dcm": (3, 512, 512),
    "liver_nonbyte_aligned_rle.dcm": (3, 510, 510),
    **dict.fromkeys((f"JLSL_RGB_ILV{mode}.dcm" for mode in range(3)), (1, 256, 256)),
    "JLSN_RGB_ILV0.dcm": (1, 256, 256),
}


def test_every_file_is_read_or_refused_as_the_manifest_says() -> None:
    outcomes: Counter[str] = Counter()
    wrong = []
    for row in rows():
        path = DATA / row["file"]
        fine = row["expected"].startswith("OK") or path.name in READABLE
        try:
            frames = read_picture(path, photographs_only=False).frames
        except ImageRejected as refusal:
            outcomes[refusal.reason] += 1
            if fine or (
                row["expected"] == "no pixel data"
                and refusal.reason not in (RejectReason.NO_PIXELS, RejectReason.TRUNCATED)
            ):
                wrong.append((row["file"], str(refusal)))
        else:
            outcomes["read"] += 1
            shape = READABLE.get(path.name) or (expected_shape(row) if fine else ())
            if not fine or frames.shape != (*shape, 3):
                wrong.append((row["file"], str(frames.shape)))
    assert wrong == []
    assert outcomes == {
        "read": 98,
        "unreadable": 4,
        "unknown_format": 2,
        "no_pixels": 7,
        "truncated": 2,
        "unsupported_encoding": 2,
    }


def stored_values(path: Path) -> list[StoredFrame]:
    dataset = parse_part10(path.read_bytes(), DEFAULT_LIMITS)
    return list(stored_frames(dataset, ImagePixel.of(dataset)))


def test_stored_values_are_those_of_pydicom() -> None:
    compared = 0
    for row in rows():
        path = DATA / row["file"]
        # pydicom converts these colours at once, and has no decoder for JPEG of 12 bits
        passed_over = "YBR_FULL" in row["what"] or "JPEG Extended" in row["what"]
        if passed_over or not row["expected"].startswith("OK"):
            continue
        array = pydicom.dcmread(path).pixel_array
        found = stored_values(path)
        for frame, expected in zip(found, array.reshape(len(found), -1), strict=True):
            np.testing.assert_array_equal(frame.values.ravel(), expected, err_msg=path.name)
        compared += 1
    assert compared > 70


@pytest.mark.skipif(shutil.which("dcmdjpeg") is None, reason="dcmtk is not installed")
def test_unusual_jpegs_as_dcmtk_reads_them(tmp_path: Path) -> None:
    for name in (name for name in READABLE if "JP" in name):
        target = tmp_path / "plain.dcm"
        command = ["dcmdjpeg", str(DATA / "dicom" / name), str(target)]
        subprocess.run(command, check=True, capture_output=True)
        plain = pydicom.dcmread(target)
        stored = np.frombuffer(plain.PixelData, np.uint16).astype(int)
        found = stored_values(DATA / "dicom" / name)[0].values.astype(int)
        assert np.abs(found.ravel() - stored[: found.size]).max() <= 1


def test_interleavings_of_one_picture_agree() -> None:
    first, *others = [
        read_picture(DATA / "dicom" / f"JLSL_RGB_ILV{mode}.dcm").frames for mode in range(3)
    ]
    for other in others:
        assert (other == first).all()
    near = read_picture(DATA / "dicom" / "JLSN_RGB_ILV0.dcm").frames
    assert np.abs(near.astype(int) - first).max() <= 3


CASES = DATA / "intake_cases"


@pytest.mark.skipif(not CASES.is_dir(), reason=f"no {CASES}")
def test_intake_cases() -> None:
    paths = [path for path in sorted(CASES.glob("*.dcm")) if "opt" not in path.name]
    assert len(paths) == 8
    for path in paths:
        with Image.open(f"{path}.truth.png") as image:
            truth = np.asarray(image.convert("RGB")).astype(int)
        frames = read_picture(path).frames
        assert len(frames) == 1
        assert np.abs(frames[0] - truth).mean() < 1, path.name


def test_inspection_never_raises() -> None:
    reports = [inspect_file(DATA / row["file"]) for row in rows()]
    assert len(reports) == 115
    refused = [report for report in reports if not report.readable]
    assert all(report.reason is not None for report in refused)
    foreign = [report for report in refused if report.reason is RejectReason.WRONG_MODALITY]
    assert foreign
    assert all("not taken as a photograph" in report.message for report in foreign)


def test_compressions_of_one_picture_agree() -> None:
    """The same scan, compressed without loss in three ways and with loss in two."""

    def grey(name: str):
        return read_picture(DATA / "dicom" / name, photographs_only=False).frames.astype(int)

    exact = grey("MR4_RLE")
    for name in ("MR4_J2KR", "MR4_JLSL", "MR4_JPLL"):
        assert (grey(name) == exact).all(), name
    for name in ("MR4_J2KI", "MR4_JLSN"):
        assert abs(grey(name) - exact).mean() < 4, name
