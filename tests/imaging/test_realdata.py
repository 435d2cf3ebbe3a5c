"""All 115 DICOM files beside the checkout, read or refused as their manifest says."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from triage.errors import ImageRejected, RejectReason
from triage.imaging.inspect import inspect_file
from triage.imaging.read import read_picture

DATA = Path(__file__).parents[3] / "shared" / "data"
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


def test_every_file_is_read_or_refused_as_the_manifest_says() -> None:
    outcomes: Counter[str] = Counter()
    wrong = []
    for row in rows():
        path = DATA / row["file"]
        fine = row["expected"].startswith("OK")
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
            if not fine or frames.shape != (*expected_shape(row), 3):
                wrong.append((row["file"], str(frames.shape)))
    assert wrong == []
    assert outcomes == {
        "read": 86,
        "unreadable": 12,
        "unknown_format": 9,
        "no_pixels": 4,
        "truncated": 2,
        "unsupported_encoding": 2,
    }


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
