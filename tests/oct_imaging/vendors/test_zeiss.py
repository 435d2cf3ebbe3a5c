"""Zeiss `.img`: synthetic files only, with oct-converter as the oracle."""

from __future__ import annotations

import numpy as np
import pytest

from triage.errors import ImageRejected, RejectReason
from triage.oct_imaging.limits import VolumeLimits
from triage.oct_imaging.vendors import identify_vendor, read_vendor


def read(path):
    assert identify_vendor(path.read_bytes()[:65536], path) == "zeiss"
    return read_vendor("zeiss", path, VolumeLimits())


def test_as_oct_converter_reads_it(tmp_path):
    readers = pytest.importorskip("oct_converter.readers")
    path = tmp_path / "Cube 4x3_OD_cube_z.img"
    path.write_bytes(np.random.default_rng(7).bytes(4 * 3 * 1024))
    draft = read(path)
    theirs = readers.IMG(path).read_oct_volume(rows=1024, cols=4)
    np.testing.assert_array_equal(draft.bscans, np.stack(theirs.volume))
    assert set(draft.claims) == {"manufacturer", "model"}  # neither scale nor eye


def test_a_cube_is_known_by_its_size(tmp_path):
    path = tmp_path / "a.img"
    with path.open("wb") as stream:
        stream.truncate(200 * 200 * 1024)
    assert read(path).bscans.shape == (200, 1024, 200)


def test_a_name_that_contradicts_the_size_is_not_believed(tmp_path):
    path = tmp_path / "512x128.img"
    path.write_bytes(bytes(5000))
    with pytest.raises(ImageRejected) as caught:
        read(path)
    assert caught.value.reason is RejectReason.UNSUPPORTED_ENCODING
