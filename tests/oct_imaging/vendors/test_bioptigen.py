"""Bioptigen `.OCT`: synthetic files only, with oct-converter as the oracle of the pixels."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from tests.oct_imaging.vendors import writers
from triage.errors import ImageRejected
from triage.oct_imaging.intensity import to_bytes
from triage.oct_imaging.limits import VolumeLimits
from triage.oct_imaging.vendors import identify_vendor, read_vendor


def read(path, content):
    path.write_bytes(content)
    assert identify_vendor(content[:65536], path) == "bioptigen"
    return read_vendor("bioptigen", path, VolumeLimits())


def test_pixels_and_geometry(tmp_path):
    volume = np.random.default_rng(4).integers(0, 2**16, writers.SHAPE, dtype=np.uint16)
    draft = read(tmp_path / "a.OCT", writers.bioptigen_bytes(volume=volume))
    np.testing.assert_array_equal(draft.bscans, to_bytes(volume))
    for name, value in (("column", 0.06 / 6), ("depth", 0.0272 / 8), ("bscan", 0.3 / 3)):
        (claim,) = draft.claims[f"{name}_spacing"]
        assert float(claim.value) == pytest.approx(value)
    assert "laterality" not in draft.claims


def test_as_oct_converter_reads_it(tmp_path):
    readers = pytest.importorskip("oct_converter.readers")
    path = tmp_path / "a.OCT"
    draft = read(path, writers.bioptigen_bytes())
    (theirs,) = readers.BOCT(path).read_oct_volume()
    # theirs is [B-scan, A-scan, sample]
    expected = to_bytes(np.stack(theirs.volume).transpose(0, 2, 1))
    np.testing.assert_array_equal(draft.bscans, expected)


def test_scans_that_are_no_raster(tmp_path):
    with pytest.raises(ImageRejected, match="star"):
        read(tmp_path / "a", writers.bioptigen_bytes(scantype=3))
    assert "bscan_spacing" not in read(tmp_path / "b", writers.bioptigen_bytes(scantype=0)).claims


def test_fields_without_end_are_refused(tmp_path):
    field = struct.pack("<I", 1) + b"x" + struct.pack("<I", 0)
    (tmp_path / "a").write_bytes(bytes(6) + field * 100_000)
    with pytest.raises(ImageRejected, match="more fields"):
        read_vendor("bioptigen", tmp_path / "a", VolumeLimits())


def test_repeated_bscans_are_refused(tmp_path):
    with pytest.raises(ImageRejected, match="repeats"):
        read(tmp_path / "a", writers.bioptigen_bytes(frames=2))
