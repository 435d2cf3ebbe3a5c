"""Real Heidelberg files, against values parsed here by other means."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.shared_data import SHARED
from triage.errors import ImageRejected, RejectReason
from triage.oct_imaging.limits import VolumeLimits
from triage.oct_imaging.vendors import identify_vendor, read_vendor

DATA = SHARED / "data" / "oct"
pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not DATA.is_dir(), reason="no research data beside the checkout"),
]


def read(path: Path):
    kind = identify_vendor(b"" if path.is_dir() else path.read_bytes()[:65536], path)
    assert kind
    return read_vendor(kind, path, VolumeLimits())


def numbers(draft, name) -> list[float]:
    return [float(claim.value) for claim in draft.claims[name]]


def test_xml_export():
    folder = DATA / "heidelberg_xml_AMD_patient1"
    draft = read(folder)
    text = next(folder.glob("*.xml")).read_text()
    names = re.findall(r"<ExamURL>.*\\([^<]*)</ExamURL>", text)
    rows = [float(y) for y in re.findall(r"<Start>\s*<Coord>\s*<X>[^<]*</X>\s*<Y>([^<]*)", text)]
    assert draft.bscans.shape == (49, 496, 512)
    for index in (0, 24, 48):
        picture = np.asarray(Image.open(folder / names[1 + index]).convert("L"))
        np.testing.assert_array_equal(draft.bscans[index], picture)
    assert {claim.value for claim in draft.claims["laterality"]} == {"L"}
    assert numbers(draft, "column_spacing") == [0.0122]
    assert numbers(draft, "depth_spacing") == [0.0039]
    expected = (max(rows) - min(rows)) / 48
    assert numbers(draft, "bscan_spacing") == pytest.approx([expected], abs=1e-6)
    assert draft.localizer.pixels.shape == (768, 768)
    np.testing.assert_allclose(draft.localizer.lines[:, 0, 1], np.array(rows) / 0.0121, rtol=1e-5)


@pytest.mark.parametrize("name", ["valid.vol", "Willis_B_716_0.vol"])
def test_vol(name):
    draft = read(DATA / "heidelberg_vol" / name)
    head = (DATA / "heidelberg_vol" / name).read_bytes()[:2048]
    assert draft.bscans.shape == (1, 496, 768)
    assert numbers(draft, "column_spacing") == pytest.approx(
        [struct.unpack_from("<d", head, 24)[0]]
    )
    assert numbers(draft, "depth_spacing") == pytest.approx([struct.unpack_from("<d", head, 40)[0]])
    assert "bscan_spacing" not in draft.claims
    assert [claim.value for claim in draft.claims["laterality"]] == ["OD"]
    # boundaries lie where the picture is brighter below than above
    ilm = draft.surfaces["ILM"][0]
    columns = np.flatnonzero(np.isfinite(ilm))
    around = np.array([draft.bscans[0, int(ilm[c]) - 8 : int(ilm[c]) + 9, c] for c in columns])
    assert around[:, 9:].mean() > 1.5 * around[:, :8].mean()
    if name == "Willis_B_716_0.vol":
        assert draft.localizer.lines[0, 0] == pytest.approx([0, 384], abs=0.01)
        assert draft.localizer.lines[0, 1] == pytest.approx([768, 384], abs=0.01)
    else:
        assert [claim.value for claim in draft.claims["fixation"]] == ["disc"]


def test_vol_pixels_as_eyepy_shows_them():
    reader = pytest.importorskip("eyepy.io.he")
    utils = pytest.importorskip("eyepy.core.utils")
    path = DATA / "heidelberg_vol" / "Willis_B_716_0.vol"
    theirs = utils.from_vol_intensity(reader.HeVolReader(path).parsed_file.bscans[0].data.copy())
    assert np.abs(read(path).bscans[0].astype(int) - theirs.astype(int)).max() <= 1


def test_invalid_vol():
    path = DATA / "heidelberg_vol" / "invalid.vol"
    with pytest.raises(ImageRejected) as caught:
        read_vendor("heyex_vol", path, VolumeLimits())
    assert caught.value.reason is RejectReason.EMPTY


def test_the_synthetic_exports_of_eyepy_are_the_same_scan():
    vol = read(DATA / "eyepy_synthetic" / "heyex_vol" / "test_volume.vol")
    xml = read(DATA / "eyepy_synthetic" / "heyex_xml" / "test_volume")
    np.testing.assert_array_equal(vol.bscans, xml.bscans)
    for name in ("column_spacing", "depth_spacing"):
        assert numbers(vol, name) == numbers(xml, name)
    assert numbers(vol, "bscan_spacing")[0] == pytest.approx(numbers(xml, "bscan_spacing")[0])
    np.testing.assert_allclose(vol.localizer.lines, xml.localizer.lines, rtol=1e-5)
