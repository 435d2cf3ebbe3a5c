"""Heidelberg `.vol`, against files that eyepy writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.oct_imaging.vendors import writers
from triage.errors import ImageRejected, RejectReason
from triage.oct_imaging.limits import VolumeLimits
from triage.oct_imaging.vendors import identify_vendor, read_vendor


def read(path: Path, content: bytes):
    path.write_bytes(content)
    assert identify_vendor(content[:65536], path) == "heyex_vol"
    return read_vendor("heyex_vol", path, VolumeLimits())


def values(draft, name: str) -> list[str]:
    return [claim.value for claim in draft.claims.get(name, [])]


def test_geometry_eye_and_surfaces(tmp_path):
    draft = read(tmp_path / "a", writers.vol_bytes(eye="OS"))
    assert draft.bscans.shape == writers.SHAPE
    assert values(draft, "laterality") == ["OS"]
    assert values(draft, "column_spacing") == ["0.0118"]
    assert values(draft, "depth_spacing") == ["0.00387"]
    assert [float(v) for v in values(draft, "bscan_spacing")] == pytest.approx([0.12, 0.12])
    assert [claim.source for claim in draft.claims["bscan_spacing"]] == [
        "Distance",
        "StartX, StartY, EndX, EndY",
    ]
    assert set(draft.surfaces) == {"ILM", "BM"}  # the third holds invalid numbers only
    assert (draft.surfaces["BM"] == 5.5).all()
    np.testing.assert_array_equal(draft.localizer.pixels, writers.slo_picture())
    np.testing.assert_allclose(draft.localizer.lines, writers.raster_ends() / 0.1, rtol=1e-6)
    assert draft.localizer.spacing == pytest.approx(0.1)


def test_brightness_is_that_of_the_picture_export(tmp_path):
    eyepy_utils = pytest.importorskip("eyepy.core.utils")
    reflectivity = np.random.default_rng(3).random(writers.SHAPE).astype(np.float32) ** 4
    reflectivity[0, 0, 0] = np.finfo(np.float32).max
    draft = read(tmp_path / "a", writers.vol_bytes(reflectivity=reflectivity))
    expected = eyepy_utils.from_vol_intensity(reflectivity.copy())
    assert np.abs(draft.bscans.astype(int) - expected.astype(int)).max() <= 1
    assert draft.bscans[0, 0, 0] == 0


def test_positions_that_contradict_the_distance_are_both_claimed(tmp_path):
    draft = read(tmp_path / "a", writers.vol_bytes(distance=0.06))
    assert [float(v) for v in values(draft, "bscan_spacing")] == pytest.approx([0.06, 0.12])


def test_nonsense_scales_are_no_claims(tmp_path):
    content = bytearray(writers.vol_bytes())
    content[24:32] = np.float64(np.nan).tobytes()
    content[40:48] = np.float64(-1).tobytes()
    draft = read(tmp_path / "a", bytes(content))
    assert "column_spacing" not in draft.claims
    assert "depth_spacing" not in draft.claims


def test_a_circle_is_of_the_disc_and_lies_on_no_line(tmp_path):
    draft = read(tmp_path / "a", writers.vol_bytes(pattern=2))
    assert values(draft, "fixation") == ["disc"]
    assert draft.positions is None
    assert draft.localizer.lines is None


@pytest.mark.parametrize("by", ["pattern", "positions"])
def test_a_star_is_refused(tmp_path, by):
    ends = writers.raster_ends()
    if by == "positions":
        ends[1, 1, 1] += 0.4
    content = writers.vol_bytes(pattern=5 if by == "pattern" else 3, ends=ends)
    with pytest.raises(ImageRejected, match="star") as caught:
        read(tmp_path / "a", content)
    assert caught.value.reason is RejectReason.UNSUPPORTED_ENCODING


def test_empty_file(tmp_path):
    (tmp_path / "a.vol").touch()
    with pytest.raises(ImageRejected) as caught:
        read_vendor("heyex_vol", tmp_path / "a.vol", VolumeLimits())
    assert caught.value.reason is RejectReason.EMPTY


def test_the_limits_hold(tmp_path):
    (tmp_path / "a").write_bytes(writers.vol_bytes())
    with pytest.raises(ImageRejected) as caught:
        read_vendor("heyex_vol", tmp_path / "a", VolumeLimits(max_bscans=2))
    assert caught.value.reason is RejectReason.TOO_MANY_FRAMES
