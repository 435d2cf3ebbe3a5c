"""Heidelberg XML exports made here, with defences against what a folder may do."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.oct_imaging.vendors import writers
from triage.errors import ImageRejected, RejectReason
from triage.oct_imaging.limits import VolumeLimits
from triage.oct_imaging.vendors import identify_vendor, read_vendor

BOMB = (
    '<!DOCTYPE HEDX [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)
EXTERNAL = '<!DOCTYPE HEDX [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


def read(path):
    return read_vendor("heyex_xml", path, VolumeLimits())


def values(draft, name):
    return [claim.value for claim in draft.claims.get(name, [])]


def refusal(path) -> ImageRejected:
    with pytest.raises(ImageRejected) as caught:
        read(path)
    return caught.value


@pytest.mark.parametrize("by", ["folder", "file"])
def test_pixels_geometry_and_eye(tmp_path, by):
    bscans = writers.write_xml(tmp_path / "e", image_laterality="L")
    path = tmp_path / "e" if by == "folder" else tmp_path / "e" / "export.xml"
    head = b"" if by == "folder" else path.read_bytes()
    assert identify_vendor(head, path) == "heyex_xml"
    draft = read(path)
    np.testing.assert_array_equal(draft.bscans, bscans)
    assert [(c.value, c.source) for c in draft.claims["laterality"]] == [
        ("L", "Series/Laterality"),
        ("L", "Image/Laterality"),
    ]
    assert values(draft, "column_spacing") == ["0.0122"]
    assert values(draft, "depth_spacing") == ["0.0039"]
    assert float(values(draft, "bscan_spacing")[0]) == pytest.approx(0.12)
    assert values(draft, "model") == ["Spectralis"]
    np.testing.assert_allclose(draft.localizer.lines, writers.raster_ends() / 0.1, rtol=1e-6)
    assert np.isnan(draft.surfaces["ILM"][:, 0]).all()
    assert (draft.surfaces["ILM"][:, 1:] == 4.5).all()


def test_contradicting_eyes_are_both_claimed(tmp_path):
    writers.write_xml(tmp_path / "e", image_laterality="R")
    assert values(read(tmp_path / "e"), "laterality") == ["L", "R"]


def test_a_missing_scale_is_no_claim(tmp_path):
    writers.write_xml(tmp_path / "e", scale_x="")
    assert "column_spacing" not in read(tmp_path / "e").claims


def test_both_eyes_in_one_export(tmp_path):
    writers.write_xml(tmp_path / "e", lateralities=("R", "L"))
    error = refusal(tmp_path / "e")
    assert "2 volumes of both eyes" in error.what
    assert "one eye" in (error.hint or "")


@pytest.mark.parametrize("prolog", [BOMB, EXTERNAL])
def test_entities_are_refused(tmp_path, prolog):
    writers.write_xml(tmp_path / "e", prolog=prolog)
    assert refusal(tmp_path / "e").reason is RejectReason.UNSUPPORTED_ENCODING


def test_deep_nesting_is_refused(tmp_path):
    path = tmp_path / "a.xml"
    path.write_text("<HEDX>" + "<a>" * 100_000)
    assert refusal(path).reason is RejectReason.UNREADABLE


def test_elements_without_end_are_refused(tmp_path):
    path = tmp_path / "a.xml"
    path.write_text("<HEDX>" + "<a/>" * 500_001 + "</HEDX>")
    assert refusal(path).reason is RejectReason.UNREADABLE


@pytest.mark.parametrize("url", ["../", "/etc/", "file:///C:\\x\\..\\"])
def test_references_stay_in_the_folder(tmp_path, url):
    writers.write_xml(tmp_path / "e", url=url)
    assert read(tmp_path / "e").bscans.shape == writers.SHAPE  # by the last part of the path
    for name in ("b0.tif", "b1.tif", "b2.tif"):
        (tmp_path / "e" / name).rename(tmp_path / name)
    assert refusal(tmp_path / "e").reason is RejectReason.MISSING


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    writers.write_xml(tmp_path / "e")
    (tmp_path / "e" / "b0.tif").rename(tmp_path / "b0.tif")
    (tmp_path / "e" / "b0.tif").symlink_to(tmp_path / "b0.tif")
    assert refusal(tmp_path / "e").reason is RejectReason.OUTSIDE_ROOT


def test_a_picture_of_another_size(tmp_path):
    writers.write_xml(tmp_path / "e")
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "e" / "b1.tif")
    assert "another size" in refusal(tmp_path / "e").what


def test_a_colour_photograph_among_the_bscans(tmp_path):
    writers.write_xml(tmp_path / "e")
    colour = np.random.default_rng(0).integers(0, 256, (*writers.SHAPE[1:], 3), dtype=np.uint8)
    Image.fromarray(colour).save(tmp_path / "e" / "b1.tif")
    assert refusal(tmp_path / "e").reason is RejectReason.WRONG_MODALITY


def test_two_exports_in_one_folder(tmp_path):
    writers.write_xml(tmp_path / "e")
    (tmp_path / "e" / "other.xml").write_text("<HEDX/>")
    assert "2 Heidelberg exports" in refusal(tmp_path / "e").what


def test_the_missing_localizer_is_no_reason_to_refuse(tmp_path):
    writers.write_xml(tmp_path / "e")
    (tmp_path / "e" / "slo.tif").unlink()
    draft = read(tmp_path / "e")
    assert draft.localizer is None
    assert draft.positions is not None


def test_names_in_another_code_page(tmp_path):
    writers.write_xml(tmp_path / "e")
    xml = tmp_path / "e" / "export.xml"
    xml.write_bytes(xml.read_bytes().replace(writers.NAME.encode(), "Mül".encode("cp1252")))
    assert read(xml).bscans.shape == writers.SHAPE


def test_other_folders_and_xml_are_not_ours(tmp_path):
    (tmp_path / "a.xml").write_text("<html/>")
    assert identify_vendor(b"", tmp_path) is None
    assert identify_vendor(b"<html/>", tmp_path / "a.xml") is None
