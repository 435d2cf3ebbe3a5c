"""The real volumes beside the checkout that are not in a vendor's own format."""

from __future__ import annotations

import json

import numpy as np
import pydicom
import pytest

from tests.shared_data import SHARED
from triage.decoding.read_volume import read_volume
from triage.errors import ImageRejected, RejectReason
from triage.oct_imaging import Flag, Spacing

DATA = SHARED / "data"
OPT = DATA / "oct" / "constructed_opt" / "OPT_AMD_patient2_49f_j2k.dcm"
NPZ = DATA / "oct" / "volumes_npz" / "healthy_subject2.npz"

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not OPT.is_file(), reason=f"no research data in {DATA}"),
]


def test_an_ophthalmic_tomography_file() -> None:
    volume = read_volume(OPT)
    assert volume.spacing == Spacing(0.11971, 0.0039, 0.0112)
    assert (volume.laterality, volume.flags) == ("R", ())
    assert volume.device == "Heidelberg Engineering Spectralis"
    assert (volume.bscans == pydicom.dcmread(OPT).pixel_array).all()
    text = repr(volume)
    assert not any(secret in text for secret in ("Patient2", "patient2", "AMD", "1.2.826", "2000"))


def test_a_numpy_archive() -> None:
    volume = read_volume(NPZ)
    with np.load(NPZ) as archive:
        assert (volume.bscans == archive["volume"]).all()
        facts = json.loads(str(archive["meta"]))
    assert volume.spacing == Spacing(0.12225, 0.0039, 0.0115)
    assert (volume.laterality, volume.flags) == ("R", ())
    assert volume.localizer is not None
    assert volume.localizer.pixels.shape == (768, 768)
    lines = volume.localizer.lines
    assert lines is not None
    start = np.array(facts["starts"], float).reshape(-1, 2)
    assert np.allclose(lines[:, 0] * 0.0115, start, atol=1e-4)
    # the lines lie as far apart as the scale says
    assert np.allclose(np.abs(np.diff(lines[:, 0, 1])) * 0.0115, 0.12225, atol=1e-3)
    assert lines[0, 1, 0] - lines[0, 0, 0] == pytest.approx(512, abs=3)


def test_a_folder_of_real_bscans_without_a_scale() -> None:
    volume = read_volume(DATA / "oct" / "segmentation" / "duke_fluid" / "images")
    assert volume.bscans.shape == (11, 496, 768)
    assert volume.spacing == Spacing()
    assert set(volume.flags) == {Flag.SPACING_MISSING, Flag.LATERALITY_UNKNOWN}


def test_no_ordinary_dicom_file_passes_for_an_oct() -> None:
    files = sorted(path for path in (DATA / "dicom").rglob("*") if path.is_file())
    assert len(files) >= 100
    reasons = set()
    for path in files:
        with pytest.raises(ImageRejected) as caught:
            read_volume(path)
        assert caught.value.where == path.name
        reasons.add(caught.value.reason)
    assert RejectReason.WRONG_MODALITY in reasons
