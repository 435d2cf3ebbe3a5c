"""Topcon `.fda` and `.fds`: synthetic files only.

oct-converter's readers of them fail under the NumPy in use, so its structures write the files and
eyepy's scale and box are computed here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.oct_imaging.vendors import writers
from triage.errors import ImageRejected, RejectReason
from triage.oct_imaging.intensity import to_bytes
from triage.oct_imaging.limits import VolumeLimits
from triage.oct_imaging.vendors import identify_vendor, read_vendor


def read(path: Path, content: bytes):
    path.write_bytes(content)
    assert identify_vendor(content[:65536], path) == "topcon"
    return read_vendor("topcon", path, VolumeLimits())


def values(draft, name):
    return [claim.value for claim in draft.claims.get(name, [])]


@pytest.mark.parametrize(("kind", "eye"), [("fda", 0), ("fda", 1), ("fds", 0), ("fds", 1)])
def test_geometry_eye_and_model(tmp_path, kind, eye):
    draft = read(tmp_path / "a", writers.topcon_bytes(kind, eye=eye))
    assert values(draft, "laterality") == ["RL"[eye]]
    assert float(values(draft, "column_spacing")[0]) == pytest.approx(0.6 / writers.WIDTH)
    assert float(values(draft, "bscan_spacing")[0]) == pytest.approx(0.6 / writers.COUNT)
    assert float(values(draft, "depth_spacing")[0]) == pytest.approx(0.0026)
    assert values(draft, "model") == ["3D OCT-2000"]


def test_compressed_bscans_surfaces_and_lines(tmp_path):
    draft = read(tmp_path / "a", writers.topcon_bytes("fda"))
    np.testing.assert_array_equal(draft.bscans, writers.grey_volume())
    # stored from the last B-scan to the first, in rows above the bottom
    np.testing.assert_array_equal(draft.surfaces["ILM"][:, 0], writers.HEIGHT - np.array([3, 2, 1]))
    np.testing.assert_array_equal(draft.localizer.lines[0], [[1, 2], [9, 2]])
    np.testing.assert_array_equal(draft.localizer.lines[-1], [[1, 10], [9, 10]])
    assert draft.localizer.spacing == pytest.approx(0.6 / 8)
    assert np.abs(draft.localizer.pixels.astype(int) - writers.slo_picture()).max() <= 2


def test_raw_bscans(tmp_path):
    volume = np.random.default_rng(5).integers(0, 2**16, writers.SHAPE, dtype=np.uint16)
    draft = read(tmp_path / "a", writers.topcon_bytes("fds", volume=volume))
    np.testing.assert_array_equal(draft.bscans, to_bytes(volume))
    np.testing.assert_array_equal(draft.localizer.pixels, writers.slo_picture())
    assert draft.localizer.lines is None


@pytest.mark.parametrize("mode", [3, 4])
def test_radial_and_cross_scans_are_refused(tmp_path, mode):
    with pytest.raises(ImageRejected, match="star or cross"):
        read(tmp_path / "a", writers.topcon_bytes(mode=mode))


def test_a_line_scan_has_no_distance_between_bscans(tmp_path):
    draft = read(tmp_path / "a", writers.topcon_bytes(mode=0))
    assert "bscan_spacing" not in draft.claims
    assert draft.localizer.lines is None


def test_without_a_volume(tmp_path):
    content = writers.topcon_bytes().replace(b"@IMG_JPEG", b"@IMG_NONE")
    with pytest.raises(ImageRejected) as caught:
        read(tmp_path / "a", content)
    assert caught.value.reason is RejectReason.NO_PIXELS


def test_an_eye_of_no_known_code_is_no_claim(tmp_path):
    assert "laterality" not in read(tmp_path / "a", writers.topcon_bytes(eye=7)).claims
