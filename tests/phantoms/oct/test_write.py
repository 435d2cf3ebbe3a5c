"""Phantom volumes on disk: files that agree with memory, resumed or refused."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pydicom
import pytest

from triage.array_file import load_arrays
from triage.decoding.read_volume import read_volume
from triage.errors import UsageError
from triage.hashing import hash_file
from triage.phantoms.oct import generate_volumes, write_oct_phantoms
from triage.vocabulary.diagnoses import DIAGNOSES

SIZE = (4, 48, 40)
COLUMNS = [
    "image", "annotation", "case_id", "patient_id", "condition", "phenotype", *DIAGNOSES,
    "eye", "age", "sex", "device", "quality",
]  # fmt: skip


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hash_file(path) for path in files}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("phantoms") / "set"
    write_oct_phantoms(place, 12, 3, device="B", size=SIZE, rare_fraction=0.4)
    return place


class TestFiles:
    def test_manifest_and_files_agree_with_memory(self, folder: Path) -> None:
        rows = _read(folder / "manifest.csv")
        assert list(rows[0]) == COLUMNS
        phantoms = list(generate_volumes(12, 3, device="B", size=SIZE, rare_fraction=0.4))
        for row, phantom in zip(rows, phantoms, strict=True):
            assert row["case_id"] == phantom.case_id
            assert row["condition"] == phantom.condition
            assert row["eye"] == phantom.laterality
            for name in DIAGNOSES:
                known = phantom.diagnoses.get(name)
                assert row[name] == ("" if known is None else str(int(known)))
            loaded = load_arrays(folder / row["annotation"])
            assert loaded is not None
            arrays, header = loaded
            assert np.array_equal(arrays["tissue"], phantom.tissue)
            for name, surface in phantom.surfaces.items():
                assert np.array_equal(arrays[f"surfaces/{name}"], surface, equal_nan=True)
            assert header["volumes_nl"] == phantom.truth["volumes_nl"]
        assert any(row["normal"] == "" for row in rows)

    def test_the_reader_gets_the_geometry(self, folder: Path) -> None:
        phantom = next(generate_volumes(1, 3, device="B", size=SIZE, rare_fraction=0.4))
        volume = read_volume(folder / "volumes" / f"{phantom.case_id}.dcm")
        assert np.array_equal(volume.bscans, phantom.bscans)
        assert volume.spacing.complete == pytest.approx(phantom.spacing, rel=1e-5)
        assert volume.laterality == phantom.laterality
        assert volume.device == "Phantom Imaging B-20"
        assert volume.flags == ()

    def test_the_dicom_file_says_what_it_is(self, folder: Path) -> None:
        path = sorted((folder / "volumes").iterdir())[0]
        file = pydicom.dcmread(path)
        assert file.SOPClassUID == "1.2.840.10008.5.1.4.1.1.77.1.5.4"
        assert file.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
        assert file.NumberOfFrames == len(file.PerFrameFunctionalGroupsSequence) == SIZE[0]
        assert file.PatientBirthDate == ""
        assert file.PatientID.startswith("oct-patient-")
        shared = file.SharedFunctionalGroupsSequence[0]
        assert shared.FrameAnatomySequence[0].FrameLaterality == file.ImageLaterality

    def test_no_patient_is_in_two_blocks(self, folder: Path) -> None:
        rows = _read(folder / "manifest.csv")
        first = {row["patient_id"] for row in rows[:10]}
        assert not first & {row["patient_id"] for row in rows[10:]}


class TestFolder:
    def test_same_arguments_same_bytes(self, folder: Path, tmp_path: Path) -> None:
        write_oct_phantoms(tmp_path / "again", 12, 3, device="B", size=SIZE, rare_fraction=0.4)
        assert _hashes(tmp_path / "again") == _hashes(folder)

    def test_an_unfinished_folder_is_completed(self, folder: Path, tmp_path: Path) -> None:
        class Stop(Exception):
            pass

        def stop(done: int) -> None:
            if done == 5:
                raise Stop

        arguments = {"device": "B", "size": SIZE, "rare_fraction": 0.4}
        place = tmp_path / "set"
        with pytest.raises(Stop):
            write_oct_phantoms(place, 12, 3, progress=stop, **arguments)  # type: ignore[arg-type]
        assert not (place / "manifest.csv").exists()
        next((place / "truth").iterdir()).write_bytes(b"torn")
        seen: list[int] = []
        write_oct_phantoms(place, 12, 3, progress=seen.append, **arguments)  # type: ignore[arg-type]
        assert seen == list(range(1, 13))
        assert _hashes(place) == _hashes(folder)

    def test_a_finished_folder_is_left_alone(self, folder: Path) -> None:
        seen: list[int] = []
        manifest = write_oct_phantoms(
            folder, 12, 3, device="B", size=SIZE, rare_fraction=0.4, progress=seen.append
        )
        assert manifest == folder / "manifest.csv"
        assert seen == []

    def test_other_arguments_are_refused(self, folder: Path) -> None:
        with pytest.raises(UsageError, match="other arguments"):
            write_oct_phantoms(folder, 12, 4, device="B", size=SIZE, rare_fraction=0.4)

    def test_a_foreign_folder_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "letter.txt").write_text("mine")
        with pytest.raises(UsageError, match="taken"):
            write_oct_phantoms(tmp_path, 1, 0, size=SIZE)
        assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]

    def test_a_bad_size_leaves_no_folder(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="size"):
            write_oct_phantoms(tmp_path / "set", 1, 0, size=(1, 4, 4))
        assert not (tmp_path / "set").exists()

    def test_unlabelled(self, tmp_path: Path) -> None:
        place = tmp_path / "set"
        rows = _read(write_oct_phantoms(place, 4, 1, size=SIZE, labelled=False))
        hidden = {"annotation", "condition", "phenotype", *DIAGNOSES}
        assert list(rows[0]) == [name for name in COLUMNS if name not in hidden]
        truth = _read(place / "truth.csv")
        assert list(truth[0]) == ["case_id", "condition", "phenotype"]
        assert [row["case_id"] for row in truth] == [row["case_id"] for row in rows]

    def test_not_annotated(self, tmp_path: Path) -> None:
        place = tmp_path / "set"
        rows = _read(write_oct_phantoms(place, 2, 1, size=SIZE, annotated=False))
        assert {row["annotation"] for row in rows} == {""}
        assert not (place / "truth").exists()
