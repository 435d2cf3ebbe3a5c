"""Which stored case a file belongs to that comes again, and which it does not."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image as Photograph
from sqlalchemy import select

import triage.intake.ingest as module
from tests.intake.test_ingest import counts, put
from tests.pipelines.command import Command
from tests.tiny import TinyBundle, noise
from triage.intake.ingest import IngestResult
from triage.intake.score import ScoreResult, score
from triage.store import Laterality, Store, find_case, get_case
from triage.store.records import StoredCase
from triage.store.tables import Image


def photographs(folder: Path, numbers: Sequence[int], start: int = 0) -> Path:
    """Write `img0.png`, `img1.png` and so on, one of each number's content."""
    folder.mkdir(parents=True)
    for position, number in enumerate(numbers, start=start):
        Photograph.fromarray(noise(number)).save(folder / f"img{position}.png")
    return folder


def table(root: Path, rows: Sequence[dict[str, str]] | None = None) -> Path:
    """Write a table of every photograph below a root, or of some rows."""
    if rows is None:
        rows = [{"image": str(path.relative_to(root))} for path in sorted(root.rglob("*.png"))]
    path = root / "new.csv"
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


class Clinic:
    """One source whose tables are scored into one database."""

    def __init__(self, store: Store, bundle: TinyBundle, out: Path) -> None:
        self.store, self.bundle, self.out = store, bundle.folder, out

    def score(self, root: Path, rows: Sequence[dict[str, str]] | None = None) -> ScoreResult:
        return score(self.bundle, table(root, rows), root, self.out)

    def put(self, root: Path, rows: Sequence[dict[str, str]] | None = None) -> IngestResult:
        return put(self.store, self.score(root, rows), self.bundle, root)

    def case(self, name: str) -> StoredCase:
        with self.store.reading() as session:
            number = find_case(session, "derm_phantoms", name)
            assert number is not None
            return get_case(session, number)


@pytest.fixture
def clinic(store: Store, tiny_bundle: TinyBundle, tmp_path: Path) -> Clinic:
    return Clinic(store, tiny_bundle, tmp_path / "out.parquet")


def test_a_folder_without_names_that_moved_or_is_scored_from_above_adds_nothing(
    clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 2)
    folder = photographs(tmp_path / "a" / "inbox", [0, 1, 2, 2, 3])
    assert clinic.put(folder) == IngestResult(5)
    before = counts(clinic.store)
    assert clinic.put(folder.parent) == IngestResult(5)
    assert counts(clinic.store) == before
    for number in range(5):
        (image,) = clinic.case(f"img{number}.png").images
        assert image.path == f"inbox/img{number}.png"
    folder.rename(tmp_path / "moved")
    for path in (tmp_path / "moved").glob("*.png"):
        path.rename(path.with_stem(f"renamed {path.stem}"))
    assert clinic.put(tmp_path / "moved") == IngestResult(5)
    assert counts(clinic.store) == before
    for number in range(5):
        (image,) = clinic.case(f"img{number}.png").images
        assert (Path(image.root) / image.path).is_file()


def test_a_new_file_with_the_name_of_one_that_was_renumbered_is_refused(
    clinic: Clinic, tmp_path: Path
) -> None:
    clinic.put(photographs(tmp_path / "a", [0, 1, 2]))
    found = clinic.put(photographs(tmp_path / "b", [1, 2, 7]))
    assert found.stored == 2
    assert [one.case_id for one in found.not_stored] == ["img2.png"]
    assert "renamed" in str(found.not_stored[0].error)
    assert counts(clinic.store)["case"] == 3
    paths = [clinic.case(f"img{number}.png").images[0].path for number in range(3)]
    assert paths == ["img0.png", "img0.png", "img1.png"]


def test_equal_images_of_cases_that_are_named_are_of_several_cases(
    clinic: Clinic, tmp_path: Path
) -> None:
    folder = photographs(tmp_path / "inbox", [0, 0])
    clinic.put(folder, [{"image": "img0.png", "case_id": "a"}])
    clinic.put(folder, [{"image": "img1.png", "case_id": "b"}])
    assert counts(clinic.store)["case"] == 2


def test_two_folders_with_the_same_names_and_other_content(
    clinic: Clinic, tmp_path: Path, tiny_bundle: TinyBundle, database: str, triage: Command
) -> None:
    """Each refused alone, and what to do is said; in a source of their own they are stored."""
    clinic.put(photographs(tmp_path / "a", [0, 1]))
    before = clinic.case("img0.png"), clinic.case("img1.png")
    other = photographs(tmp_path / "b", [4, 5, 6])
    manifest = table(other)

    def run(*more: object) -> dict[str, object]:
        found = triage(
            "score", "--bundle", tiny_bundle.folder, "--manifest", manifest, "--root", other,
            "--out", clinic.out, "--db", database, "--json", *more,
        )  # fmt: skip
        assert found.code == (0 if more else 3)
        return found.json

    found = run()
    assert found["stored"] == 1
    refused = found["not_stored"]
    assert isinstance(refused, list)
    assert [line.split(":")[0] for line in refused] == ["img0.png", "img1.png"]
    assert all("other images" in line and "--source" in line for line in refused)
    listed = (clinic.out.parent / f"{clinic.out.name}.not_stored.csv").read_text()
    assert listed.count("--source") == 2
    assert (clinic.case("img0.png"), clinic.case("img1.png")) == before
    assert run("--source", "clinic b")["stored"] == 3
    assert counts(clinic.store)["case"] == 3 + 3


def test_visit_laterality_and_age_are_stored(clinic: Clinic, tmp_path: Path) -> None:
    folder = photographs(tmp_path / "inbox", [0, 1])
    clinic.put(
        folder,
        [
            {"image": "img0.png", "case_id": "a", "visit": "35", "laterality": "OD", "age": "61"},
            {"image": "img1.png", "case_id": "b", "visit": "", "laterality": "NA", "age": "-"},
        ],
    )
    first, second = clinic.case("a"), clinic.case("b")
    assert (first.visit, first.laterality, first.age) == (35, Laterality.RIGHT, 61.0)
    assert (second.visit, second.laterality, second.age) == (None, None, None)
    assert not first.id_derived


def test_a_path_elsewhere_is_stored_as_the_table_gives_it(clinic: Clinic, tmp_path: Path) -> None:
    folder = photographs(tmp_path / "inbox", [0])
    photographs(tmp_path / "other", [1])
    outside = str(tmp_path / "other" / "img0.png")
    names = ["img0.png", "../other/img0.png", outside]
    assert clinic.put(folder, [{"image": name} for name in names]) == IngestResult(3)
    with clinic.store.reading() as session:
        rows = session.scalars(select(Image).order_by(Image.id)).all()
    assert {row.path: row.sha256 is None for row in rows} == {
        "img0.png": False, "../other/img0.png": True, outside: True,
    }  # fmt: skip


def test_another_patient_of_a_stored_case_is_refused_alone(clinic: Clinic, tmp_path: Path) -> None:
    folder = photographs(tmp_path / "inbox", [0, 1, 2])

    def rows(*patients: str) -> list[dict[str, str]]:
        return [
            {"image": f"img{number}.png", "case_id": f"c{number}", "patient_id": patient}
            for number, patient in enumerate(patients)
        ]

    clinic.put(folder, rows("p0", "", "p2"))
    found = clinic.put(folder, rows("p0", "p1", "p9"))
    assert found.stored == 2
    ((name, error),) = [(one.case_id, str(one.error)) for one in found.not_stored]
    assert name == "c2"
    assert "another patient" in error
    assert not any(patient in error for patient in ("p2", "p9"))
    assert [clinic.case(f"c{number}").patient for number in range(3)] == ["p0", "p1", "p2"]
    assert counts(clinic.store)["patient"] == 3


def test_a_patient_named_as_another_cases_stand_in_was(clinic: Clinic, tmp_path: Path) -> None:
    folder = photographs(tmp_path / "inbox", [0, 1])
    clinic.put(folder, [{"image": "img0.png"}])
    patient = "derm_phantoms/img0.png"
    clinic.put(folder, [{"image": "img1.png", "case_id": "c", "patient_id": patient}])
    assert clinic.case("c").patient == patient
    assert clinic.case("img0.png").patient == "(case) img0.png"
