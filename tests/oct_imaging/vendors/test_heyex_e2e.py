"""Heidelberg `.e2e`: synthetic files only, with eyepy and oct-converter as oracles."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from tests.oct_imaging.vendors import writers
from triage.errors import ImageRejected, RejectReason
from triage.oct_imaging.limits import VolumeLimits
from triage.oct_imaging.vendors import identify_vendor, read_vendor


def read(path: Path, content: bytes):
    path.write_bytes(content)
    assert identify_vendor(content[:65536], path) == "heyex_e2e"
    return read_vendor("heyex_e2e", path, VolumeLimits())


def values(draft, name):
    return [claim.value for claim in draft.claims.get(name, [])]


@pytest.mark.parametrize("shift", [0, 64])
def test_pixels_eye_depth_and_order(tmp_path, shift):
    draft = read(tmp_path / "a.e2e", writers.e2e_bytes(shift=shift))
    assert draft.bscans.shape == writers.SHAPE
    # a power of two doubles with each step of the stored exponent, and so does the logarithm
    steps = (writers.exponents() >> 10).astype(int) - 63
    expected = 255 * np.clip((np.log(2.0**steps + 2.44e-4) + 8.3) / 8.285, 0, 1)
    assert np.abs(draft.bscans - expected).max() <= 0.51
    assert values(draft, "laterality") == ["R"]
    assert values(draft, "depth_spacing") == ["0.00387"]
    assert values(draft, "model") == ["Heidelberg Retina Angiograph"]
    np.testing.assert_array_equal(draft.localizer.pixels, writers.slo_picture())
    np.testing.assert_array_equal(draft.positions[:, 0, 1], [3, 2, 1])
    np.testing.assert_array_equal(draft.surfaces["ILM"][:, 0], [2.5, 3.5, 4.5])


def test_degrees_are_no_millimetres(tmp_path):
    draft = read(tmp_path / "a", writers.e2e_bytes())
    assert "column_spacing" not in draft.claims
    assert "bscan_spacing" not in draft.claims
    assert draft.localizer.spacing is None
    assert draft.localizer.lines is None


def test_as_oct_converter_reads_it(tmp_path):
    readers = pytest.importorskip("oct_converter.readers")
    draft = read(tmp_path / "a.e2e", writers.e2e_bytes())
    (theirs,) = readers.E2E(tmp_path / "a.e2e").read_oct_volume()
    np.testing.assert_allclose(draft.bscans / 255, np.stack(theirs.volume), atol=0.003)
    assert theirs.pixel_spacing[1] == pytest.approx(float(values(draft, "depth_spacing")[0]))


def test_as_eyepy_reads_it(tmp_path):
    he = pytest.importorskip("eyepy.io.he")
    draft = read(tmp_path / "a.e2e", writers.e2e_bytes(eyes=("L",)))
    with he.HeE2eReader(tmp_path / "a.e2e") as reader:
        (series,) = reader.series
        slices = [series.slices[2 * index] for index in range(writers.COUNT)]
        ends = [(s.get_meta()["start_pos"], s.get_meta()["end_pos"]) for s in slices]
        linear = np.stack([s.get_bscan() for s in slices])
        layers = np.stack([s.get_layers()[0] for s in slices])
        assert series.laterality() == str(ord("L"))
    np.testing.assert_allclose(draft.positions, ends)
    np.testing.assert_allclose(draft.surfaces["ILM"], layers)
    assert values(draft, "laterality") == ["L"]
    order = np.argsort(linear, axis=None, kind="stable")
    assert (np.diff(draft.bscans.reshape(-1)[order].astype(int)) >= 0).all()


def test_brightness_grows_with_the_stored_number(tmp_path):
    stored = np.sort(np.random.default_rng(0).integers(48 << 10, 63 << 10, writers.SHAPE[1:]), None)
    volume = np.broadcast_to(stored.reshape(writers.SHAPE[1:]), writers.SHAPE).astype("<u2")
    bscan = read(tmp_path / "a", writers.e2e_bytes(stored=volume)).bscans[0]
    assert (np.diff(bscan.reshape(-1).astype(int)) >= 0).all()


def test_contradicting_eyes_are_both_claimed(tmp_path):
    draft = read(tmp_path / "a", writers.e2e_bytes(eyes=("R",), other_eye="L"))
    assert sorted(values(draft, "laterality")) == ["L", "R"]


@pytest.mark.parametrize(
    ("eyes", "sentence"),
    [
        (("R", "L"), "The file holds 2 volumes of both eyes, one is expected."),
        (("L", "L", "L"), "The file holds 3 volumes of the left eye, one is expected."),
    ],
)
def test_several_volumes(tmp_path, eyes, sentence):
    with pytest.raises(ImageRejected) as caught:
        read(tmp_path / "a", writers.e2e_bytes(eyes=eyes))
    assert caught.value.what == sentence
    assert caught.value.hint == "Export one volume of one eye a file."


def test_circle_and_star(tmp_path):
    assert values(read(tmp_path / "a", writers.e2e_bytes(pattern=2)), "fixation") == ["disc"]
    with pytest.raises(ImageRejected, match="star"):
        read(tmp_path / "a", writers.e2e_bytes(pattern=5))


def test_directories_in_a_ring(tmp_path):
    content = bytearray(writers.e2e_bytes())
    content[88 + 44 : 88 + 48] = struct.pack("<I", 88)  # the directory before it is itself
    with pytest.raises(ImageRejected, match="ring") as caught:
        read(tmp_path / "a", bytes(content))
    assert caught.value.reason is RejectReason.UNREADABLE
