from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.imaging.samples import file_bytes
from tests.oct_imaging.samples import SPACING, groups, meta, opt_dataset, retina, write_folder
from tests.tiny import noise, tiny_oct_settings
from triage.array_file import save_arrays
from triage.data.dataset import Dataset
from triage.data.manifest import Case
from triage.errors import ImageRejected, RejectReason
from triage.oct_imaging.volume import Flag
from triage.systems.oct.opening import open_annotation, open_volume, open_volumes
from triage.vocabulary.tissues import Tissue

SETTINGS = tiny_oct_settings().segmentation
VOLUME = retina(5, 96, 64)


def case_of(*paths: Path, annotation: Path | None = None) -> Case:
    return Case("c", "p", "patient:p", paths, condition=None, annotation=annotation)


def write(path: Path, volume: NDArray[np.uint8] = VOLUME, **elements: object) -> Path:
    path.write_bytes(file_bytes(opt_dataset(volume, **elements)))
    return path


def test_a_volume_on_the_grid_keeps_its_size_in_mm(tmp_path: Path) -> None:
    opened = open_volume(case_of(write(tmp_path / "a.dcm")), SETTINGS)
    assert opened.bscans.shape == (5, 32, 32)
    assert opened.bscans.dtype == np.uint8
    sides = np.array(opened.bscans.shape) * opened.spacing
    assert sides == pytest.approx(np.array(VOLUME.shape) * SPACING)
    assert opened.laterality == "R"
    assert opened.superior_first
    assert opened.signal.shape == (5,)
    assert opened.flags == ()


def test_a_folder_is_the_same_volume(tmp_path: Path) -> None:
    one = open_volume(case_of(write(tmp_path / "a.dcm")), SETTINGS)
    other = open_volume(case_of(write_folder(tmp_path / "b", VOLUME, sidecar=meta())), SETTINGS)
    assert np.array_equal(one.bscans, other.bscans)
    assert one.spacing == pytest.approx(other.spacing)
    assert one.sha256 != other.sha256


def bad_cases(folder: Path) -> dict[str, Case]:
    photograph = folder / "photo.png"
    Image.fromarray(noise(0)).save(photograph)
    empty = folder / "empty.dcm"
    empty.write_bytes(b"")
    good = write(folder / "good.dcm")
    return {
        RejectReason.NOT_A_VOLUME: case_of(write(folder / "one.dcm", VOLUME[:1])),
        RejectReason.NO_SCALE: case_of(write(folder / "bare.dcm", **groups(5, spacing=None))),
        RejectReason.EMPTY: case_of(empty),
        RejectReason.MISSING: case_of(folder / "none.dcm"),
        RejectReason.WRONG_MODALITY: case_of(good, good),
        "photograph": case_of(photograph),
    }


def test_what_cannot_be_read_is_refused_with_its_reason(tmp_path: Path) -> None:
    for reason, case in bad_cases(tmp_path).items():
        with pytest.raises(ImageRejected) as caught:
            open_volume(case, SETTINGS)
        expected = RejectReason.WRONG_MODALITY if reason == "photograph" else reason
        assert caught.value.reason == expected
        assert str(tmp_path) not in str(caught.value)


def test_the_others_are_opened(tmp_path: Path) -> None:
    counted: list[int] = []
    cases = [Case(name, "p", "q", case.images, None) for name, case in bad_cases(tmp_path).items()]
    cases.append(case_of(tmp_path / "good.dcm"))
    kept, volumes, rejected = open_volumes(cases, SETTINGS, counted.append)
    assert [case.case_id for case in kept] == ["c"]
    assert len(volumes) == 1
    assert rejected.keys() == bad_cases(tmp_path).keys()
    assert sum(counted) == len(cases)


def test_a_scan_upside_down_is_flagged(tmp_path: Path) -> None:
    turned = write(tmp_path / "a.dcm", np.ascontiguousarray(VOLUME[:, ::-1]))
    assert Flag.UPSIDE_DOWN in open_volume(case_of(turned), SETTINGS).flags


def test_annotations_lie_on_the_volumes(oct_data: Dataset) -> None:
    case = oct_data.cases[0]
    truth = open_annotation(case, SETTINGS)
    assert truth is not None
    assert truth.shape == open_volume(case, SETTINGS).bscans.shape
    assert Tissue.NEUROSENSORY_RETINA in truth


def test_a_case_without_annotation(tmp_path: Path) -> None:
    assert open_annotation(case_of(tmp_path / "a.dcm"), SETTINGS) is None


@pytest.mark.parametrize(
    "tissue",
    [
        np.full((2, 8, 8), len(Tissue), np.uint8),
        np.zeros((2, 8, 8), np.int32),
        np.zeros((8, 8), np.uint8),
        None,
    ],
)
def test_a_map_of_something_else(tissue: NDArray[np.generic] | None, tmp_path: Path) -> None:
    path = tmp_path / "truth.safetensors"
    if tissue is not None:
        save_arrays(path, {"tissue": tissue}, {})
    with pytest.raises(ImageRejected, match="annotation"):
        open_annotation(case_of(tmp_path / "a.dcm", annotation=path), SETTINGS)


@pytest.mark.parametrize("how", ["link", "dots", "absolute"])
def test_a_map_outside_the_root_is_refused(how: str, tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "truth.safetensors"
    root.mkdir()
    save_arrays(outside, {"tissue": np.zeros(VOLUME.shape, np.uint8)}, {})
    (root / "link.safetensors").symlink_to(outside)
    place = {
        "link": root / "link.safetensors", "dots": root / ".." / outside.name, "absolute": outside,
    }[how]  # fmt: skip
    case = replace(case_of(root / "a.dcm", annotation=place), root=root)
    with pytest.raises(ImageRejected, match="out of the folder") as refusal:
        open_annotation(case, SETTINGS)
    assert refusal.value.reason is RejectReason.OUTSIDE_ROOT
    assert str(tmp_path) not in str(refusal.value)


def test_a_link_to_a_map_within_the_root(tmp_path: Path) -> None:
    save_arrays(tmp_path / "a.safetensors", {"tissue": np.zeros(VOLUME.shape, np.uint8)}, {})
    (tmp_path / "b.safetensors").symlink_to("a.safetensors")
    case = case_of(tmp_path / "a.dcm", annotation=tmp_path / "b.safetensors")
    found = open_annotation(replace(case, root=tmp_path), SETTINGS)
    assert found is not None
    assert not found.any()
