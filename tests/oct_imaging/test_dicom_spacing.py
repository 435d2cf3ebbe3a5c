"""What is a distance of samples in a DICOM header, and what is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.imaging.samples import file_bytes
from tests.shared_data import SHARED
from triage.oct_imaging import Flag, OctVolume, Spacing
from triage.oct_imaging.decode import decode_volume
from triage.oct_imaging.limits import VolumeLimits

from .samples import SPACING, groups, opt_dataset, retina

INTAKE = SHARED / "data" / "intake_cases"


def read(path: Path, **elements: Any) -> OctVolume:
    path.write_bytes(file_bytes(opt_dataset(retina(), **elements)))
    return decode_volume(path, VolumeLimits())


def measured(**measures: Any) -> dict[str, Any]:
    """Functional groups with these Pixel Measures in place of the usual ones."""
    elements = groups(5)
    (given,) = elements["SharedFunctionalGroupsSequence"][0].PixelMeasuresSequence
    for keyword in ("PixelSpacing", "SpacingBetweenSlices"):
        delattr(given, keyword)
    for keyword, value in measures.items():
        setattr(given, keyword, value)
    return elements


@pytest.mark.parametrize("where", ["functional groups", "top"])
def test_a_thickness_is_no_distance(tmp_path: Path, where: str) -> None:
    elements: dict[str, Any] = measured(PixelSpacing=list(SPACING[1:]), SliceThickness=SPACING[0])
    if where == "top":
        elements = groups(5, spacing=None)
        elements |= {"PixelSpacing": list(SPACING[1:]), "SliceThickness": SPACING[0]}
    volume = read(tmp_path / "scan", **elements)
    assert volume.spacing == Spacing(None, *SPACING[1:])
    assert volume.flags == (Flag.SPACING_MISSING,)
    assert "bscan_spacing" not in volume.claims


@pytest.mark.parametrize("value", [0, -0.12, 1e-7, 40.0])
def test_a_distance_that_can_be_none_is_missing(tmp_path: Path, value: float) -> None:
    spacing = {"PixelSpacing": list(SPACING[1:]), "SpacingBetweenSlices": value}
    volume = read(tmp_path / "scan", **measured(**spacing))
    assert volume.spacing == Spacing(None, *SPACING[1:])
    assert volume.flags == (Flag.SPACING_MISSING,)
    spacing = {"PixelSpacing": [value, SPACING[2]], "SpacingBetweenSlices": SPACING[0]}
    volume = read(tmp_path / "scan", **measured(**spacing))
    assert volume.spacing == Spacing(SPACING[0], None, SPACING[2])


@pytest.mark.parametrize("values", [[0.004], [0.004, 0.011, 0.12]])
def test_of_another_number_of_values_none_is_believed(tmp_path: Path, values: list[float]) -> None:
    measures = measured(PixelSpacing=values, SpacingBetweenSlices=SPACING[0])
    volume = read(tmp_path / "scan", **measures)
    assert volume.spacing == Spacing(SPACING[0], None, None)
    assert volume.flags == (Flag.SPACING_MISSING,)


def test_other_millimetres_are_not_read(tmp_path: Path) -> None:
    volume = read(
        tmp_path / "scan",
        **groups(5, spacing=None),
        ImagerPixelSpacing=[0.004, 0.011],
        NominalScannedPixelSpacing=[0.004, 0.011],
        PixelAspectRatio=[1, 3],
        SliceThickness=0.12,
    )
    assert volume.spacing == Spacing()
    assert volume.flags == (Flag.SPACING_MISSING,)


@pytest.mark.realdata
@pytest.mark.skipif(not INTAKE.is_dir(), reason=f"no intake cases in {INTAKE}")
def test_the_intake_case_with_a_thickness_only() -> None:
    volume = decode_volume(INTAKE / "08_opt_thickness_only.dcm", VolumeLimits())
    assert volume.spacing.bscan is None
    assert Flag.SPACING_MISSING in volume.flags
