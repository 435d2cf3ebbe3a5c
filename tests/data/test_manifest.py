from pathlib import Path

import pandas as pd
import pytest

from tests.data.make import make_content, make_rows, make_spec, write_clinic, write_csv
from triage.data.manifest import (
    Case,
    cases_of_rows,
    image_folder,
    read_rows,
    rows_of_spec,
    subgroup_levels,
)
from triage.data.spec import DataSpec, Rows, Subgroup
from triage.errors import SpecError
from triage.vocabulary.subgroup_levels import UNKNOWN


def cases(root: Path, rows: list[dict[str, str]], spec: DataSpec | None = None) -> dict[str, Case]:
    spec = spec or make_spec()
    write_csv(root / "rows.csv", rows)
    return {case.case_id: case for case in cases_of_rows(rows_of_spec(spec, root), spec, root)}


def row(
    image: str, case: str, patient: str, condition: str = "acne", /, **more: str
) -> dict[str, str]:
    return {"image": image, "condition": condition, "case_id": case, "patient_id": patient} | more


def test_images_of_a_case_are_joined_in_order(tmp_path: Path) -> None:
    found = cases(
        tmp_path, [row("b.png", "1", "p"), row("x.png", "2", "q"), row("a.png", "1", "p")]
    )
    assert list(found) == ["1", "2"]
    first = found["1"]
    assert first.images == (tmp_path / "b.png", tmp_path / "a.png")
    assert first.cluster == "patient:p"


def test_a_row_without_case_or_patient_stands_for_itself(tmp_path: Path) -> None:
    found = cases(tmp_path, [row("a.png", "", ""), row("b.png", "", ""), row("c.png", "7", "")])
    assert list(found) == ["a.png", "b.png", "7"]
    assert [case.patient_id for case in found.values()] == [f"(case) {name}" for name in found]
    assert len({case.cluster for case in found.values()}) == 3


def test_groups_join_cases_of_different_patients(tmp_path: Path) -> None:
    rows = [
        row("a.png", "1", "p", twin="t"),
        row("b.png", "2", "q", twin="t"),
        row("c.png", "3", "r", twin=""),
        row("d.png", "4", "s", twin=""),
    ]
    spec = make_spec(rows=make_content()["rows"] | {"group": ["twin"]})
    found = cases(tmp_path, rows, spec)
    names = [case.cluster for case in found.values()]
    assert names == ["patient:p", "patient:p", "patient:r", "patient:s"]


def test_a_group_column_called_patient_does_not_replace_the_patient(tmp_path: Path) -> None:
    rows = [
        row("a.png", "1", "p", patient="x"),
        row("b.png", "2", "p", patient="y"),
        row("c.png", "3", "q", patient="y"),
    ]
    spec = make_spec(rows=make_content()["rows"] | {"group": ["patient"]})
    assert len({case.cluster for case in cases(tmp_path, rows, spec).values()}) == 1


def test_rows_can_be_chosen_and_keep_their_number(tmp_path: Path) -> None:
    rows = [row("a.png", "1", "p", set="x"), row("b.png", "2", "q", set="y")]
    spec = make_spec(rows=make_content()["rows"] | {"where": {"set": ["y"]}})
    write_csv(tmp_path / "rows.csv", rows)
    table = read_rows(spec.rows, tmp_path)
    assert list(table.index) == [3]
    assert [case.case_id for case in cases_of_rows(table, spec, tmp_path)] == ["2"]
    none = make_spec(rows=make_content()["rows"] | {"where": {"set": ["z"]}})
    with pytest.raises(SpecError, match="no row is left"):
        read_rows(none.rows, tmp_path)


def test_missing_columns_are_all_named(tmp_path: Path) -> None:
    write_csv(tmp_path / "rows.csv", [{"image": "a", "label": "b"}])
    with pytest.raises(SpecError, match=r"\['condition', 'case_id', 'patient_id'\] are missing"):
        read_rows(make_spec().rows, tmp_path)


def test_unlisted_conditions_can_be_ignored_but_not_all(tmp_path: Path) -> None:
    rows = make_content()["rows"] | {"unlisted_conditions": "ignore"}
    spec = make_spec(rows=rows)
    found = cases(tmp_path, [row("a", "1", "p"), row("b", "2", "q", "wart")], spec)
    assert list(found) == ["1"]
    with pytest.raises(SpecError, match="no row has a condition of the spec"):
        cases(tmp_path, [row("b", "2", "q", "wart")], spec)


def test_folders(tmp_path: Path) -> None:
    for name in ("acne/1.PNG", "acne/2.jpg", "melanoma/1.png", "acne/notes.txt", "acne/._2.jpg"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(b"x")
    spec = make_spec(rows={"folders": "photos"})
    found = cases_of_rows(read_rows(spec.rows, tmp_path), spec, tmp_path)
    assert [(case.case_id, case.condition) for case in found] == [
        ("acne/1.PNG", "acne"),
        ("acne/2.jpg", "acne"),
        ("melanoma/1.png", "melanoma"),
    ]
    assert all(path.is_file() for case in found for path in case.images)
    with pytest.raises(SpecError, match="no images"):
        read_rows(Rows.model_validate({"folders": "elsewhere"}), tmp_path)
    with pytest.raises(SpecError, match="patient_id"):
        read_rows(Rows.model_validate({"folders": "photos", "patient": "patient_id"}), tmp_path)


def test_images_are_relative_to_the_manifest() -> None:
    rows = Rows.model_validate({"manifest": "tables/rows.csv"})
    assert image_folder(rows, Path("/data")) == Path("/data/tables")


def test_bands_are_closed_below_and_open_above() -> None:
    ages = pd.DataFrame({"age": ["0", "29.9", "30", "60", "-1", "", "old", "nan"]})
    levels = subgroup_levels(ages, Subgroup(column="age", bands=(0, 30, 60)))
    assert list(levels) == ["0-30", "0-30", "30-60", *[UNKNOWN] * 5]


def test_levels_without_bands_or_column() -> None:
    table = pd.DataFrame({"sex": ["f", ""]})
    assert list(subgroup_levels(table, Subgroup(column="sex"))) == ["f", UNKNOWN]
    assert list(subgroup_levels(table, Subgroup(column="age"))) == [UNKNOWN] * 2


def test_a_manifest_split_is_kept(tmp_path: Path) -> None:
    rows = [row("a", "1", "p", split="test"), row("b", "2", "q", split="")]
    spec = make_spec(rows=make_content()["rows"] | {"split": "split"})
    found = cases(tmp_path, rows, spec)
    assert [case.split for case in found.values()] == ["test", None]


def test_the_folder_of_a_clinic(tmp_path: Path) -> None:
    root = write_clinic(tmp_path, make_rows(2))
    found = cases_of_rows(rows_of_spec(make_spec(), root), make_spec(), root)
    assert len(found) == 14
    assert all(path.is_file() for case in found for path in case.images)
