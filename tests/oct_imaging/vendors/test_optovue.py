"""Optovue `.OCT`: synthetic files only, with oct-converter as the oracle."""

from __future__ import annotations

import numpy as np
import pytest

from tests.oct_imaging.vendors import writers
from triage.errors import ImageRejected, RejectReason
from triage.oct_imaging.intensity import to_bytes
from triage.oct_imaging.limits import VolumeLimits
from triage.oct_imaging.vendors import identify_vendor, read_vendor

VOLUME = np.random.default_rng(6).random(writers.SHAPE).astype(np.float32)


def read(path):
    assert identify_vendor(path.read_bytes()[:65536], path) == "optovue"
    return read_vendor("optovue", path, VolumeLimits())


@pytest.mark.parametrize("eye", ["OD", "OS"])
def test_pixels_and_eye_and_no_scale(tmp_path, eye):
    writers.write_optovue(tmp_path / "a.OCT", VOLUME, eye=eye)
    draft = read(tmp_path / "a.OCT")
    np.testing.assert_array_equal(draft.bscans, to_bytes(VOLUME))
    assert [claim.value for claim in draft.claims["laterality"]] == [eye]
    assert not [name for name in draft.claims if name.endswith("spacing")]


def test_as_oct_converter_reads_it(tmp_path):
    readers = pytest.importorskip("oct_converter.readers")
    writers.write_optovue(tmp_path / "a.oct", VOLUME)
    (theirs,) = readers.POCT(tmp_path / "a.oct").read_oct_volume()
    expected = to_bytes(np.stack(theirs.volume))
    np.testing.assert_array_equal(read(tmp_path / "a.oct").bscans, expected)


def test_the_text_is_needed(tmp_path):
    writers.write_optovue(tmp_path / "a.OCT", VOLUME)
    (tmp_path / "a.txt").unlink()
    with pytest.raises(ImageRejected, match=r"\.txt") as caught:
        read(tmp_path / "a.OCT")
    assert caught.value.reason is RejectReason.MISSING


def test_two_scans_in_one_export(tmp_path):
    writers.write_optovue(tmp_path / "a.OCT", VOLUME)
    text = tmp_path / "a.txt"
    text.write_text(text.read_text() * 2)
    with pytest.raises(ImageRejected, match="2 scans"):
        read(tmp_path / "a.OCT")


def test_samples_that_are_no_numbers(tmp_path):
    volume = VOLUME.copy()
    volume[0, 0, 0], volume[1, 1, 1] = np.nan, np.inf
    writers.write_optovue(tmp_path / "a.OCT", volume)
    expected = to_bytes(np.nan_to_num(volume, nan=0, posinf=0))
    np.testing.assert_array_equal(read(tmp_path / "a.OCT").bscans, expected)
