"""Every vendor's reader against files that are cut, altered, lying or carry a person's name."""

from __future__ import annotations

import logging
import shutil
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.oct_imaging.vendors import writers
from triage.decoding.read_volume import read_volume
from triage.errors import ImageRejected, RejectReason
from triage.oct_imaging.draft import Draft
from triage.oct_imaging.limits import VolumeLimits
from triage.oct_imaging.vendors import VENDORS, identify_vendor, read_vendor

MUTANTS = 250
LITTLE = 4 * 2**20


def _whole(name: str, content: Callable[[], bytes]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content())
        return path

    return write


def _xml(folder: Path) -> Path:
    writers.write_xml(folder, image_laterality="L")
    return folder / "export.xml"


def _optovue(folder: Path) -> Path:
    volume = np.random.default_rng(8).random(writers.SHAPE).astype(np.float32)
    writers.write_optovue(folder / "a.OCT", volume)
    return folder / "a.OCT"


def _zeiss(folder: Path) -> Path:
    path = folder / "1x2.img"
    path.write_bytes(bytes(range(256)) * 8)
    return path


FILES = {
    "heyex_vol": _whole("a.vol", writers.vol_bytes),
    "heyex_xml": _xml,
    "heyex_e2e": _whole("a.e2e", writers.e2e_bytes),
    "topcon": _whole("a.fda", writers.topcon_bytes),
    "topcon raw": _whole("a.fds", lambda: writers.topcon_bytes("fds")),
    "bioptigen": _whole("a.OCT", writers.bioptigen_bytes),
    "optovue": _optovue,
    "zeiss": _zeiss,
}
each_file = pytest.mark.parametrize("name", FILES)


def attempt(name: str, path: Path) -> Draft | ImageRejected:
    """Read as its kind; anything but a draft or a refusal is the test's failure."""
    try:
        draft = read_vendor(name.split()[0], path, VolumeLimits())
    except ImageRejected as refusal:
        return refusal
    count, _, width = draft.bscans.shape
    assert all(surface.shape == (count, width) for surface in draft.surfaces.values())
    assert draft.positions is None or draft.positions.shape == (count, 2, 2)
    lines = draft.localizer.lines if draft.localizer else None
    assert lines is None or len(lines) == count
    return draft


def test_every_format_is_here():
    assert {name.split()[0] for name in FILES} == set(VENDORS)


@each_file
def test_it_is_identified_and_read_whole(name, tmp_path):
    path = FILES[name](tmp_path)
    assert identify_vendor(path.read_bytes()[:65536], path) == name.split()[0]
    assert isinstance(attempt(name, path), Draft)


@each_file
def test_empty_and_missing(name, tmp_path):
    path = FILES[name](tmp_path)
    path.write_bytes(b"")
    refusal = attempt(name, path)
    assert isinstance(refusal, ImageRejected)
    assert refusal.reason is RejectReason.EMPTY
    path.unlink()
    refusal = attempt(name, path)
    assert isinstance(refusal, ImageRejected)
    assert refusal.reason is RejectReason.MISSING


@each_file
def test_truncated(name, tmp_path):
    path = FILES[name](tmp_path)
    content = path.read_bytes()
    whole = attempt(name, path)
    assert isinstance(whole, Draft)
    refused = 0
    for length in np.linspace(1, len(content) - 1, 60).astype(int):
        path.write_bytes(content[:length])
        outcome = attempt(name, path)
        if isinstance(outcome, Draft):
            # only what follows the last B-scan may be missing unnoticed
            np.testing.assert_array_equal(outcome.bscans, whole.bscans)
        else:
            refused += 1
    # of an .fda more than half is what follows the B-scans
    assert refused >= 15


@each_file
def test_mutants(name, tmp_path):
    path = FILES[name](tmp_path)
    content = np.frombuffer(path.read_bytes(), np.uint8)
    random = np.random.default_rng(20)
    header = min(len(content), 4096)
    bad = [0, 1, 0x7F, 0x80, 0xFF]
    if name == "heyex_xml":  # what leaves it an XML
        bad = list(b"0123456789.-eX")
    tracemalloc.start()
    try:
        for mutant in range(MUTANTS):
            altered = content.copy()
            where = random.integers(0, header if mutant % 2 else len(content), 1 + mutant % 6)
            altered[where] = random.choice(
                np.array([*bad, random.integers(256)], np.uint8), len(where)
            )
            path.write_bytes(altered.tobytes())
            outcome = attempt(name, path)
            if isinstance(outcome, ImageRejected):
                assert not any(token in str(outcome) for token in writers.TOKENS)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 32 * 2**20


LIES = {
    "vol size": ("heyex_vol", 12, struct.pack("<3I", 8000, 1000, 70)),
    "vol count": ("heyex_vol", 16, struct.pack("<I", 2**31)),
    "vol slo": ("heyex_vol", 48, struct.pack("<2I", 8000, 8000)),
    "vol slo product": ("heyex_vol", 48, struct.pack("<2I", 2**31, 2**31)),
    "vol layers": ("heyex_vol", 2048 + 100 + 48, struct.pack("<I", 2**31)),
    "e2e entries": ("heyex_e2e", 88 + 36, struct.pack("<I", 2**31)),
    "e2e directory": ("heyex_e2e", 36 + 40, struct.pack("<I", 2**32 - 4)),
    "fda size": ("topcon", 15 + 14 + 9, struct.pack("<3I", 8000, 8000, 9)),
    "fds size": ("topcon raw", 15 + 17 + 1, struct.pack("<2I", 8000, 8000)),
    "chunk": ("topcon", 15 + 10, struct.pack("<I", 2**32 - 1)),
    "optovue": ("optovue", None, b"Window Height = 8000\nScan Length = 8000\nScan Usage = 9\n"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_header_that_claims_gigabytes_costs_nothing(lie, tmp_path):
    name, offset, claim = LIES[lie]
    path = FILES[name](tmp_path)
    if offset is None:
        path.with_suffix(".txt").write_bytes(claim)
    else:
        content = bytearray(path.read_bytes())
        content[offset : offset + len(claim)] = claim
        path.write_bytes(content)
    tracemalloc.start()
    try:
        outcome = attempt(name, path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(outcome, ImageRejected)
    assert peak < LITTLE


def test_a_frame_count_of_bioptigen_that_claims_gigabytes(tmp_path):
    content = writers.bioptigen_bytes()
    at = content.index(b"LINECOUNT") + len(b"LINECOUNT") + 4
    (tmp_path / "a").write_bytes(content[:at] + struct.pack("<I", 8000) + content[at + 4 :])
    outcome = attempt("bioptigen", tmp_path / "a")
    assert isinstance(outcome, ImageRejected)
    assert outcome.reason is RejectReason.TRUNCATED


def test_an_xml_that_claims_gigabytes(tmp_path):
    path = _xml(tmp_path)
    text = path.read_text().replace(f"<Width>{writers.WIDTH}<", "<Width>8000<")
    path.write_text(text.replace(f"<Height>{writers.HEIGHT}<", "<Height>8000<"))
    tracemalloc.start()
    try:
        outcome = attempt("heyex_xml", path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(outcome, ImageRejected)
    assert peak < LITTLE


@each_file
def test_nothing_that_identifies_a_person_comes_out(name, tmp_path, capfd, caplog):
    caplog.set_level(logging.DEBUG)
    path = FILES[name](tmp_path)
    if name != "zeiss":  # which has no header at all
        said = path.with_suffix(".txt") if name == "optovue" else path
        everything = said.read_bytes()
        stored = [token.encode() in everything for token in (writers.NAME, writers.PATIENT_ID)]
        assert all(stored)
    volume = read_volume(path)
    draft = attempt(name, path)
    path.write_bytes(path.read_bytes()[:-200])
    refusal = attempt(name, path)
    printed = capfd.readouterr()
    said = [repr(volume), repr(volume.claims), repr(draft), repr(refusal), str(refusal)]
    said += [printed.out, printed.err, caplog.text]
    # a year may turn up in a hash by chance
    said = [text.replace(volume.sha256, "") for text in said]
    for token in writers.TOKENS:
        assert not any(token in text for text in said)


@each_file
def test_reading_writes_no_file(name, tmp_path):
    path = FILES[name](tmp_path)
    before = {entry.name: entry.stat().st_mtime_ns for entry in tmp_path.iterdir()}
    attempt(name, path)
    assert {entry.name: entry.stat().st_mtime_ns for entry in tmp_path.iterdir()} == before


def test_a_file_of_another_kind_is_no_vendors(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"\xff\xd8\xff" + bytes(100))
    assert identify_vendor(path.read_bytes(), path) is None
    shutil.copy(path, tmp_path / "b.vol")  # a suffix alone makes no .vol
    assert identify_vendor(path.read_bytes(), tmp_path / "b.vol") is None
