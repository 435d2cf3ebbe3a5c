"""Layouts `retouch`, `duke_dme` and `phantoms`: volumes with neighbouring B-scans."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.data.make import write_csv
from tests.public_sets.make import (
    duke_arrays,
    make_segmentation_spec,
    write_duke,
    write_meta_image,
)
from triage.array_file import save_arrays
from triage.errors import ImageRejected, RejectReason, SpecError
from triage.oct_imaging.limits import VolumeLimits
from triage.oct_imaging.volume import Spacing
from triage.public_sets import duke_dme
from triage.public_sets.segmentation import SegmentationSet
from triage.public_sets.segmentation_spec import (
    SegmentationSpec,
    load_segmentation_spec,
    shipped_segmentation_spec,
)


def shipped(name: str) -> SegmentationSpec:
    return load_segmentation_spec(shipped_segmentation_spec(name))


def problems(spec: SegmentationSpec, root: Path) -> tuple[str, ...]:
    with pytest.raises(SpecError) as caught:
        SegmentationSet(spec, root).check()
    return caught.value.problems or (str(caught.value),)


# RETOUCH


def write_case(root: Path, name: str, *, image: str = "MET_UCHAR", **reference: Any) -> Path:
    rng = np.random.default_rng(len(name))
    kind = np.uint16 if image == "MET_USHORT" else np.uint8
    voxels = rng.integers(0, np.iinfo(kind).max, (4, 7, 5)).astype(kind)
    write_meta_image(root / name / "oct.mhd", voxels, image)
    write_meta_image(
        root / name / "reference.mhd", rng.integers(0, 4, (4, 7, 5), np.uint8), **reference
    )
    return root / name


def test_retouch_cases(tmp_path: Path) -> None:
    first = write_case(tmp_path, "RETOUCH-TrainingSet-Cirrus/TRAIN001")
    write_case(tmp_path, "RETOUCH-TrainingSet-Spectralis/TRAIN025", image="MET_USHORT")
    write_meta_image(tmp_path / "RETOUCH-TestSet-Cirrus/TEST001/oct.mhd", np.zeros((2, 2, 2), "u1"))
    items = SegmentationSet(shipped("retouch"), tmp_path)
    assert items.groups == ("TRAIN001", "TRAIN025")
    item = items[0]
    assert item.name == "RETOUCH-TrainingSet-Cirrus/TRAIN001"
    assert item.bscans.shape == (4, 7, 5)
    assert item.bscans.tobytes() == (first / "oct.raw").read_bytes()
    assert item.masks.tobytes() == (first / "reference.raw").read_bytes()
    assert item.masks.shape == (1, 4, 7, 5)
    assert item.centres == (0, 1, 2, 3)
    assert item.spacing == Spacing(bscan=0.047, depth=0.0035, column=0.0117)
    raw = tmp_path / "RETOUCH-TrainingSet-Spectralis/TRAIN025/oct.raw"
    stored = np.frombuffer(raw.read_bytes(), "<u2").reshape(4, 7, 5)
    np.testing.assert_array_equal(items[1].bscans, stored // 257)


def test_sixteen_bits_that_hold_eight_are_kept(tmp_path: Path) -> None:
    folder = write_case(tmp_path, "T1")
    voxels = np.arange(140, dtype=np.uint16).reshape(4, 7, 5)
    write_meta_image(folder / "oct.mhd", voxels, "MET_USHORT")
    np.testing.assert_array_equal(SegmentationSet(shipped("retouch"), tmp_path)[0].bscans, voxels)


def test_every_bad_case_is_in_one_list(tmp_path: Path) -> None:
    write_case(tmp_path, "T0")
    raw = write_case(tmp_path, "T1") / "reference.raw"
    raw.write_bytes(raw.read_bytes()[:-1])
    write_case(tmp_path, "T2", DimSize="99999999 99999 99999")
    write_meta_image(tmp_path / "T3/oct.mhd", np.zeros((4, 7, 5), np.float32), "MET_FLOAT")
    write_meta_image(tmp_path / "T3/reference.mhd", np.zeros((4, 7, 5), np.uint8))
    write_case(tmp_path, "T4")
    write_meta_image(tmp_path / "T4/oct.mhd", np.zeros((4, 7, 6), np.uint8))
    write_case(tmp_path, "T5")
    write_meta_image(tmp_path / "T5/reference.mhd", np.full((4, 7, 5), 4, np.uint8))
    found = problems(shipped("retouch"), tmp_path)
    assert [problem[:2] for problem in found] == ["T1", "T2", "T3", "T4", "T5"]
    assert "fewer samples" in found[0]
    assert "B-scans" in found[1]
    assert "8- or 16-bit" in found[2]
    assert "(4, 7, 5), the volume (4, 7, 6)" in found[3]
    assert "no class: 4" in found[4]


def test_retouch_without_references_or_images(tmp_path: Path) -> None:
    folder = write_case(tmp_path, "T1")
    (folder / "oct.mhd").unlink()
    assert problems(shipped("retouch"), tmp_path) == ("T1: oct.mhd is missing",)
    (folder / "reference.mhd").unlink()
    assert "no folder holds" in problems(shipped("retouch"), tmp_path)[0]


def test_a_strange_scale_is_no_scale(tmp_path: Path) -> None:
    folder = write_case(tmp_path, "T1")
    for spacing in ("1 1 5000", "1 1 1"):
        write_meta_image(folder / "oct.mhd", np.zeros((4, 7, 5), "u1"), ElementSpacing=spacing)
        assert SegmentationSet(shipped("retouch"), tmp_path)[0].spacing is None


# Duke DME


def test_duke_fluid(tmp_path: Path) -> None:
    arrays = duke_arrays()
    write_duke(tmp_path / "2015_BOE_Chiu" / "Subject_03.mat", arrays)
    (item,) = SegmentationSet(shipped("duke_dme_fluid"), tmp_path)
    assert (item.group, item.centres, item.spacing) == ("Subject_03", (1, 3), None)
    np.testing.assert_array_equal(item.bscans, arrays["images"].transpose(2, 0, 1))
    assert item.masks.shape == (2, 2, 24, 10)
    first, second = item.masks[:, 0]
    assert (first[9:12, 4:6] == 1).all()
    assert (first == 1).sum() == 6
    assert (second == 1).sum() == 4
    assert (first[:, [0, 1, 8, 9]] == 255).all(), "nobody judged these columns"
    assert (first[:, 2:8] != 255).all()


def test_duke_layers_count_rows_from_one(tmp_path: Path) -> None:
    write_duke(tmp_path / "Subject_01.mat", duke_arrays())
    (item,) = SegmentationSet(shipped("duke_dme_layers"), tmp_path)
    column = item.masks[0, 0, :, 4]
    # the ILM at the file's row 3 is our row 2, the BM at its row 17 our row 16
    assert np.flatnonzero(np.diff(column)).tolist() == [1, 3, 5, 7, 9, 11, 13, 15]
    assert (column[0], column[-1]) == (0, 8)
    np.testing.assert_array_equal(item.masks[1, 0, 1:, 4], column[:-1])
    assert (item.masks[:, :, :, 1] == 255).all()


def test_only_what_both_graders_drew_is_annotated(tmp_path: Path) -> None:
    arrays = duke_arrays(annotated=(0, 2, 4))
    arrays["manualLayers2"][:, :, 2] = np.nan
    write_duke(tmp_path / "Subject_01.mat", arrays)
    assert SegmentationSet(shipped("duke_dme_fluid"), tmp_path)[0].centres == (0, 4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": None}, "images: missing"),
        ({"manualFluid2": None}, "manualFluid2: missing"),
        ({"manualFluid1": np.zeros((24, 9, 5))}, "manualFluid1: shape (24, 9, 5), expected"),
        ({"manualLayers1": np.zeros((7, 10, 5))}, "manualLayers1: shape (7, 10, 5), expected"),
        ({"images": np.zeros((24, 10), np.uint8)}, "images: shape (24, 10)"),
        ({"images": np.full((24, 10, 5), 300.0)}, "0 to 255"),
        ({"images": np.full((24, 10, 5), np.nan)}, "0 to 255"),
        ({"images": np.full((24, 10, 5), 1j)}, "other than real numbers"),
        ({"manualLayers1": np.full((8, 10, 5), np.nan)}, "no B-scan is annotated by both"),
    ],
)
def test_odd_subjects(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    arrays = {k: v for k, v in (duke_arrays() | changes).items() if v is not None}
    write_duke(tmp_path / "Subject_01.mat", arrays)
    (problem,) = problems(shipped("duke_dme_fluid"), tmp_path)
    assert message in problem
    assert problem.startswith("Subject_01.mat: ")


def test_damaged_subjects_are_in_one_list(tmp_path: Path) -> None:
    whole = write_duke(tmp_path / "Subject_01.mat", duke_arrays()).read_bytes()
    (tmp_path / "Subject_02.mat").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "Subject_03.mat").write_bytes(b"")
    (tmp_path / "Subject_04.mat").write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    (tmp_path / "Subject_05.mat").write_bytes(bytes(whole[:400]) + b"\xff" * 400 + whole[800:])
    found = problems(shipped("duke_dme_layers"), tmp_path)
    assert {problem.split(":")[0] for problem in found} == {
        f"Subject_0{n}.mat" for n in range(2, 6)
    }
    assert "Subject_02.mat: manualFluid1: missing" not in found, "the layers alone were asked for"
    assert sum("damaged or no MATLAB 5 file" in problem for problem in found) >= 3


def test_a_subject_too_large_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_duke(tmp_path / "Subject_01.mat", duke_arrays())
    monkeypatch.setattr("scipy.io.loadmat", None)
    with pytest.raises(ImageRejected) as caught:
        duke_dme._load(path, ("images",), VolumeLimits(max_voxels=100))
    assert caught.value.reason is RejectReason.TOO_MANY_PIXELS


def test_duke_needs_files_and_the_right_classes(tmp_path: Path) -> None:
    assert "no files Subject_*.mat" in problems(shipped("duke_dme_fluid"), tmp_path)[0]
    spec = make_segmentation_spec(layout="duke_dme", target="layers", ignore=255)
    assert "target layers has 9 classes" in problems(spec, tmp_path)[0]


# Phantoms


def write_phantoms(root: Path) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """Volumes and maps of two annotated cases and one without, read by the real volume reader."""
    rng = np.random.default_rng(5)
    volumes, maps, rows = {}, {}, []
    meta = {"bscan_spacing_mm": 0.1, "depth_spacing_mm": 0.004, "column_spacing_mm": 0.01}
    (root / "volumes").mkdir()
    for case in ("a", "b", "c"):
        volumes[case] = rng.integers(0, 256, (3, 64, 40), dtype=np.uint8)
        maps[case] = rng.integers(0, 15, (3, 64, 40), dtype=np.uint8)
        image, annotation = f"volumes/{case}.npz", f"truth/{case}.safetensors"
        np.savez(root / image, volume=volumes[case], meta=np.array(json.dumps(meta)))
        if case == "c":
            annotation = ""
        else:
            save_arrays(root / annotation, {"tissue": maps[case]}, {})
        rows.append({"image": image, "annotation": annotation, "case_id": case, "patient_id": "p"})
    write_csv(root / "manifest.csv", rows)
    return volumes, maps


def test_phantom_volumes(tmp_path: Path) -> None:
    volumes, maps = write_phantoms(tmp_path)
    items = SegmentationSet(shipped("oct_phantoms"), tmp_path)
    assert items.names == ("a", "b")
    assert items.groups == ("p", "p")
    for item in items:
        np.testing.assert_array_equal(item.masks[0], maps[item.name])
        np.testing.assert_array_equal(item.bscans, volumes[item.name])
        assert item.centres == (0, 1, 2)
        assert item.spacing == Spacing(0.1, 0.004, 0.01)
    expected = np.bincount(np.concatenate([maps["a"], maps["b"]], axis=None), minlength=15)
    assert items.check().tolist() == expected.tolist()


def test_bad_phantoms(tmp_path: Path) -> None:
    _, maps = write_phantoms(tmp_path)
    spec = shipped("oct_phantoms")
    save_arrays(tmp_path / "truth/a.safetensors", {"tissue": maps["a"][:2]}, {})
    save_arrays(tmp_path / "truth/b.safetensors", {"tissues": maps["b"]}, {})
    found = problems(spec, tmp_path)
    assert "(2, 64, 40), the volume (3, 64, 40)" in found[0]
    assert "no tissue map" in found[1]
    save_arrays(tmp_path / "truth/a.safetensors", {"tissue": maps["a"] + 1}, {})
    (tmp_path / "truth/b.safetensors").write_bytes(b"x")
    found = problems(spec, tmp_path)
    assert "no class: 15" in found[0]
    assert "no tissue map" in found[1]
    (tmp_path / "volumes/b.npz").unlink()
    assert problems(spec, tmp_path) == ("row 3: volumes/b.npz: missing file",)
    (tmp_path / "manifest.csv").write_text("image\n")
    assert "are missing" in problems(spec, tmp_path)[0]
