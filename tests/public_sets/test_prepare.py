"""Sets of single B-scans: the manifest beside the data, and the spec that reads it."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.public_sets.make import write_grey
from triage.data.dataset import load_dataset
from triage.data.spec_files import load_spec, shipped_spec
from triage.data.validate import validate_data
from triage.errors import SpecError, UsageError
from triage.public_sets import SETS, prepare_set
from triage.public_sets.bscan_table import COLUMNS


def read(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return {row["image"]: row for row in csv.DictReader(stream)}


def problems(name: str, root: Path) -> tuple[str, ...]:
    with pytest.raises(SpecError) as caught:
        prepare_set(name, root)
    return caught.value.problems or (str(caught.value),)


# Kermany


def write_kermany(root: Path, per_class: int = 30) -> Path:
    """Each class has `per_class` patients of two images; two patients are in train and test."""
    for place, label in enumerate(("CNV", "DME", "DRUSEN", "NORMAL")):
        for patient in range(per_class):
            number = 1000 * (place + 1) + patient
            second = "test" if patient < 2 else "train"
            write_grey(root / "OCT2017" / "train" / label / f"{label}-{number}-1.jpeg", number)
            write_grey(root / "OCT2017" / second / label / f"{label}-{number}-2.jpeg", -~number * 7)
    return root


def test_kermany_patients_come_from_the_names(tmp_path: Path) -> None:
    path = prepare_set("oct_kermany2017", write_kermany(tmp_path, 3))
    assert path == tmp_path / "manifest.csv"
    rows = read(path)
    assert len(rows) == 24
    row = rows["OCT2017/test/DME/DME-2001-2.jpeg"]
    assert row["patient_id"] == "2001"
    assert row["condition"] == "DME"
    assert (row["published_split"], row["split"]) == ("test", "")


def test_kermany_splits_leak_no_patient_and_no_copy(tmp_path: Path) -> None:
    write_kermany(tmp_path)
    train = tmp_path / "OCT2017" / "train"
    copy = train / "NORMAL" / "NORMAL-9999-1.jpeg"
    shutil.copy(train / "NORMAL" / "NORMAL-4005-1.jpeg", copy)
    shutil.copy(train / "CNV" / "CNV-1006-1.jpeg", train / "CNV" / "CNV-4006-1.jpeg")
    prepare_set("oct_kermany2017", tmp_path)
    data = load_dataset(load_spec(shipped_spec("oct_kermany2017")), tmp_path)
    clusters: dict[str, set[str]] = {}
    for case in data.cases:
        clusters.setdefault(case.patient_id, set()).add(case.cluster)
    assert all(len(names) == 1 for names in clusters.values())
    assert clusters["9999"] == clusters["4005"]
    assert clusters["1006"] == clusters["4006"], "one patient under two classes is one patient"
    split_of: dict[str, set[str]] = {}
    for case, split in zip(data.cases, data.splits, strict=True):
        if split != "excluded":
            split_of.setdefault(case.patient_id, set()).add(split)
    assert all(len(splits) == 1 for splits in split_of.values())


def test_kermany_lists_every_odd_name(tmp_path: Path) -> None:
    write_kermany(tmp_path, 1)
    folder = tmp_path / "OCT2017" / "train" / "CNV"
    write_grey(folder / "scan.jpeg", 1)
    write_grey(folder / "DME-77-1.jpeg", 2)
    write_grey(folder / "._CNV-1-1.jpeg", 3)
    assert problems("oct_kermany2017", tmp_path) == (
        "OCT2017/train/CNV/DME-77-1.jpeg: the name states DME, the folder CNV",
        "OCT2017/train/CNV/scan.jpeg: the name is not CLASS-PATIENT-NUMBER",
    )
    assert not (tmp_path / "manifest.csv").exists()


def test_two_copies_of_a_set_are_not_guessed_between(tmp_path: Path) -> None:
    write_kermany(tmp_path / "a", 1)
    write_kermany(tmp_path / "b", 1)
    (problem,) = problems("oct_kermany2017", tmp_path)
    assert "a/OCT2017, b/OCT2017" in problem


# OCTDL

CONDITIONS = ("AMD", "DME", "ERM", "NO", "RAO", "RVO", "VID")


def write_octdl(root: Path, per_class: int = 60, suffix: str = "") -> Path:
    lines = ["file_name,disease,subcategory,condition,patient_id,eye,sex,year,image_width"]
    for place, label in enumerate(CONDITIONS):
        for number in range(per_class):
            stem = f"{label.lower()}_{number}_1"
            write_grey(root / "OCTDL" / label / f"{stem}.jpg", 100 * place + number)
            eye = ("OD", "OS", "")[number % 3]
            patient = f"{place}{number // 2}"
            lines.append(f"{stem}{suffix},{label},,MNV,{patient},{eye},F,1950,8")
    (root / "OCTDL_labels.csv").write_text("\n".join(lines) + "\n")
    return root


@pytest.mark.parametrize("suffix", ["", ".jpg"])
def test_octdl_joins_its_table_with_its_folders(tmp_path: Path, suffix: str) -> None:
    rows = read(prepare_set("oct_octdl", write_octdl(tmp_path, 4, suffix)))
    assert len(rows) == 28
    row = rows["OCTDL/RVO/rvo_1_1.jpg"]
    assert (row["condition"], row["patient_id"], row["eye"]) == ("RVO", "50", "L")
    assert (row["sex"], row["year"], row["finding"]) == ("f", "1950", "MNV")
    assert rows["OCTDL/RVO/rvo_2_1.jpg"]["eye"] == ""


def test_octdl_lists_every_broken_row(tmp_path: Path) -> None:
    write_octdl(tmp_path, 2)
    (tmp_path / "OCTDL" / "AMD" / "amd_0_1.jpg").unlink()
    with (tmp_path / "OCTDL_labels.csv").open("a") as stream:
        stream.write("no_0_1,NO,,,p,,,,8\n")
        stream.write("no_1_1x,NO,,,p,,,,8\n")
        stream.write("x,GLAUCOMA,,,p,,,,8\n")
        stream.write("../../secret,NO,,,p,,,,8\n")
        stream.write("dme_0_1,ERM,,,p,,,,8\n")
        stream.write("vid_0_1.jpg,VID,,,,,,,8\n")
    assert set(problems("oct_octdl", tmp_path)) == {
        "no_0_1: named 2 times",
        "dme_0_1: named 2 times",
        "vid_0_1: named 2 times",
        "row 2: there is no image of that name in AMD",
        "row 17: there is no image of that name in NO",
        "row 18: disease 'GLAUCOMA' is none of AMD, DME, ERM, NO, RAO, RVO, VID",
        "row 19: there is no image of that name in NO",
        "row 20: there is no image of that name in ERM",
        "row 21: no patient is named",
    }


def test_octdl_without_its_table_or_columns(tmp_path: Path) -> None:
    write_octdl(tmp_path, 1)
    table = tmp_path / "OCTDL_labels.csv"
    table.write_text("file_name,disease\n")
    assert "['patient_id'] are missing" in problems("oct_octdl", tmp_path)[0]
    table.write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in problems("oct_octdl", tmp_path)[0]
    table.unlink()
    assert "holds 0 files OCTDL_labels.csv" in problems("oct_octdl", tmp_path)[0]


# OCT-C8

EIGHT = ("AMD", "CNV", "CSR", "DME", "DR", "DRUSEN", "MH", "NORMAL")


def write_octc8(root: Path) -> Path:
    for place, label in enumerate(EIGHT):
        for split, count in (("train", 6), ("val", 3), ("test", 3)):
            for number in range(count):
                name = f"{label.lower()}_{split}_{number}.jpg"
                seed = 1000 * place + 100 * count + 10 * number + len(split)
                write_grey(root / "RetinalOCT_Dataset" / split / label / name, seed)
    return root


def test_octc8_keeps_copies_in_the_latest_split(tmp_path: Path) -> None:
    root = write_octc8(tmp_path)
    folder = root / "RetinalOCT_Dataset"
    shutil.copy(folder / "test/MH/mh_test_1.jpg", folder / "train/MH/mh_train_9.jpg")
    shutil.copy(folder / "val/DR/dr_val_0.jpg", folder / "train/DR/dr_train_9.jpg")
    rows = read(prepare_set("oct_octc8", root))
    assert len(rows) == 8 * 12 + 2
    moved = rows["RetinalOCT_Dataset/train/MH/mh_train_9.jpg"]
    assert (moved["published_split"], moved["split"]) == ("train", "test")
    moved = rows["RetinalOCT_Dataset/train/DR/dr_train_9.jpg"]
    assert (moved["published_split"], moved["split"]) == ("train", "validation")
    assert all(row["patient_id"] == "" for row in rows.values())
    assert sum(row["split"] == "train" for row in rows.values()) == 8 * 6


# All of them


def write_octmnist(root: Path) -> Path:
    rng = np.random.default_rng(0)
    arrays = {}
    for name, count in (("train", 40), ("val", 12), ("test", 12)):
        arrays[f"{name}_images"] = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        arrays[f"{name}_labels"] = (np.arange(count, dtype=np.uint8) % 4)[:, None]
    np.savez_compressed(root / "octmnist.npz", **arrays)
    return root


WRITERS: dict[str, Callable[[Path], Path]] = {
    "oct_kermany2017": write_kermany,
    "oct_octdl": write_octdl,
    "oct_octc8": write_octc8,
    "oct_octmnist": write_octmnist,
}


def test_every_set_is_tried() -> None:
    assert WRITERS.keys() == SETS.keys()


@pytest.mark.parametrize("name", SETS)
def test_the_shipped_spec_reads_the_prepared_set(tmp_path: Path, name: str) -> None:
    root = WRITERS[name](tmp_path)
    path = prepare_set(name, root)
    spec = load_spec(shipped_spec(name))
    assert (spec.name, spec.licence, spec.modality) == (name, SETS[name].licence, "oct_bscans")
    found, counts = validate_data(spec, root, decode=True)
    assert found == []
    assert sum(sum(row.values()) for row in counts.values()) == len(read(path))
    data = load_dataset(spec, root)
    assert {"train", "validation", "test"} <= {*data.splits}


@pytest.mark.parametrize("name", SETS)
def test_preparing_twice_changes_nothing(tmp_path: Path, name: str) -> None:
    root = WRITERS[name](tmp_path)
    once = prepare_set(name, root).read_bytes()
    files = sorted(root.rglob("*"))
    assert prepare_set(name, root).read_bytes() == once
    assert sorted(root.rglob("*")) == files


@pytest.mark.parametrize("name", SETS)
def test_a_foreign_manifest_is_not_replaced(tmp_path: Path, name: str) -> None:
    root = WRITERS[name](tmp_path)
    (root / "manifest.csv").write_text("image,condition\n")
    assert "manifest already" in problems(name, root)[0]
    assert (root / "manifest.csv").read_text() == "image,condition\n"


@pytest.mark.parametrize("name", SETS)
def test_an_empty_or_missing_folder(tmp_path: Path, name: str) -> None:
    assert problems(name, tmp_path)
    assert "no such folder" in problems(name, tmp_path / "none")[0]


def test_an_unknown_set_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean oct_octdl"):
        prepare_set("oct_octld", tmp_path)
    with pytest.raises(UsageError, match="There are oct_kermany2017"):
        prepare_set("zzz", tmp_path)


def test_columns_are_those_the_specs_name() -> None:
    for name in SETS:
        spec = load_spec(shipped_spec(name))
        rows = spec.rows
        named = {rows.image, rows.condition, rows.patient, rows.split, *rows.group}
        named |= {axis.column for axis in spec.subgroups}
        assert named - {None} <= {*COLUMNS}
        patients_known = rows.patient is not None
        assert patients_known != (rows.split is not None), name
        assert "optimistic" in spec.roles.note or patients_known
