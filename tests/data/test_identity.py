"""Identity of cases and patients in tables as they really arrive."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.damaged_tables import (
    DamagedTable,
    bad_cells,
    damaged_tables,
    wild_tables,
)
from tests.data.make import make_content, make_rows, make_spec, write_clinic, write_csv
from triage.data.identifiers import is_no_identifier
from triage.data.manifest import Case, cases_of_rows, rows_of_spec
from triage.data.spec import DataSpec
from triage.data.validate import DataReport, examine_data
from triage.errors import SpecError
from triage.intake.case_table import read_unlabelled
from triage.vocabulary.subgroup_levels import UNKNOWN

SPEC = make_spec(subgroups=[{"column": "sex"}, {"column": "age", "bands": [0, 50, 100]}])
STRICT = make_spec(
    rows=make_content()["rows"]
    | {"split": "split", "visit": "visit", "laterality": "laterality", "age": "age"},
    subgroups=[{"column": "sex", "levels": {"female": ["f"], "male": ["m"]}}],
)


def with_rows(**keys: object) -> DataSpec:
    return make_spec(rows=make_content()["rows"] | keys)


def to_score(
    folder: Path, rows: Sequence[dict[str, str]], spec: DataSpec = SPEC
) -> tuple[list[Case], list[str]]:
    warnings: list[str] = []
    cases = read_unlabelled(write_csv(folder / "new.csv", rows), folder, spec, warnings)
    return cases, warnings


def examined(
    folder: Path, rows: Sequence[dict[str, str]], spec: DataSpec | None = None
) -> DataReport:
    return examine_data(spec or make_spec(), write_clinic(folder, rows))


# Tables


@settings(deadline=None, derandomize=True, max_examples=40)
@given(damaged_tables())
def test_patients_are_neither_merged_nor_split(table: DamagedTable) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cases, _ = to_score(Path(folder), table.rows)
    assert len(cases) == len(table.rows)
    assert len({case.patient_id for case in cases if case.patient_id.startswith("(case) ")}) == (
        table.patients.count(None)
    )
    for case, patient in zip(cases, table.patients, strict=True):
        if patient is not None:
            assert case.patient_id == patient
    clusters = len({case.cluster for case in cases})
    assert clusters == len({*table.patients} - {None}) + table.patients.count(None)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(wild_tables)
def test_any_table_is_read_or_refused(rows: list[dict[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "rows.csv").open("w", newline="", encoding="utf-8", errors="replace") as out:
            writer = csv.DictWriter(out, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        for spec in (SPEC, STRICT):
            found = examine_data(spec, folder)
            assert found.problems  # there are no files
            json.dumps(found.warnings)
            try:
                cases = read_unlabelled(folder / "rows.csv", folder, spec)
            except SpecError:
                continue
            assert len(cases) <= len(rows)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.lists(bad_cells, min_size=1, max_size=8))
def test_an_identifier_is_shared_by_what_is_certainly_the_same_alone(cells: list[str]) -> None:
    rows = [{"image": f"{n}.png", "patient_id": cell} for n, cell in enumerate(cells)]
    with tempfile.TemporaryDirectory() as name:
        try:
            path = Path(name) / "new.csv"
            with path.open("w", newline="", encoding="utf-8", errors="replace") as out:
                writer = csv.DictWriter(out, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
            cases = read_unlabelled(path, Path(name), SPEC)
        except SpecError:
            return
    assert len({case.patient_id for case in cases}) <= len(cases)
    for case in cases:
        assert case.patient_id
        assert not is_no_identifier(case.patient_id)


def test_blanks_do_not_split_patients_across_splits(tmp_path: Path) -> None:
    rows = make_rows()
    rows[1]["patient_id"] = f"\u00a0{rows[0]['patient_id']} "
    found = examined(tmp_path, rows)
    assert (found.problems, found.warnings) == ((), ())
    assert found.patients == len(rows) - 1


def test_missing_patients_stay_strangers_and_are_listed(tmp_path: Path) -> None:
    rows = make_rows()
    for row in rows[:30]:
        row["patient_id"] = "NA"
    found = examined(tmp_path, rows)
    assert found.problems == ()
    assert found.patients == len(rows)
    (warning,) = found.warnings
    assert warning.startswith("patient_id: 'NA' in rows 2, 3, 4, 5, 6 and 25 more")


def test_missing_cases_join_nothing_and_meet_no_other_name(tmp_path: Path) -> None:
    rows = [
        {"image": "a.png", "case_id": "null", "patient_id": "p"},
        {"image": "b.png", "case_id": "null", "patient_id": "q"},
        {"image": "c.png", "case_id": "a.png", "patient_id": "r"},
        {"image": "d.png", "case_id": "r", "patient_id": "-"},
    ]
    cases, warnings = to_score(tmp_path, rows)
    assert [case.case_id for case in cases] == ["(image) a.png", "b.png", "a.png", "r"]
    assert [case.patient_id for case in cases] == ["p", "q", "r", "(case) r"]
    assert len({case.cluster for case in cases}) == 4
    assert len(warnings) == 2
    with pytest.raises(SpecError, match="row 2: patient_id begins with"):
        to_score(tmp_path, [{"image": "a.png", "patient_id": "(case) r"}])


def test_what_is_probably_wrong_is_listed_and_not_used(tmp_path: Path) -> None:
    rows = make_rows()
    rows[0]["patient_id"], rows[1]["patient_id"] = "P-001", "p1"
    rows[2]["patient_id"], rows[3]["case_id"] = "1.2E+05", "Mar-01"
    for row in rows[4:9]:
        row["patient_id"] = "999"
    found = examined(tmp_path, rows)
    assert found.problems == ()
    assert found.patients == len(rows) - 4
    text = "\n".join(found.warnings)
    assert "patient_id: 'P-001', 'p1' (rows 2, 3) are probably the same" in text
    assert "patient_id: '1.2E+05' in row 4 is probably damaged" in text
    assert "case_id: 'Mar-01' in row 5 is probably damaged: a date" in text
    assert "'999' in rows 6, 7, 8, 9, 10 is probably a placeholder" in text
    assert len(found.warnings) == 4


def test_columns_that_are_named_almost_right(tmp_path: Path) -> None:
    rows = [{"image": "a.png", "Case_ID": "1", "patient_id ": "p", "Age": "40"}]
    cases, warnings = to_score(tmp_path, rows)
    assert cases[0].case_id == "a.png"
    assert cases[0].subgroups["age"] == UNKNOWN
    assert [warning.split(" is not read")[0] for warning in warnings] == [
        "column 'Case_ID'", "column 'patient_id '", "column 'Age'",
    ]  # fmt: skip
    with pytest.raises(SpecError, match="Rename the column 'Image'"):
        to_score(tmp_path, [{"Image": "a.png"}])


def test_a_required_column_that_is_almost_there(tmp_path: Path) -> None:
    write_csv(tmp_path / "rows.csv", [{"image": "a", "condition": "b", "Case_ID": "1", "x": "2"}])
    (problem,) = examine_data(make_spec(), tmp_path).problems
    assert "'case_id' is almost 'Case_ID'" in problem
    rows = [row | {"Sex": "f"} for row in make_rows()]
    found = examined(tmp_path, rows, make_spec(subgroups=[{"column": "sex"}]))
    assert found.problems == ("subgroups: there is no column 'sex'; there is 'Sex'",)


def test_a_patient_column_that_the_spec_does_not_name(tmp_path: Path) -> None:
    spec = make_spec(rows={"manifest": "rows.csv", "case": "case_id"})
    found = examined(tmp_path, make_rows(), spec)
    assert "column 'patient_id' is not read" in found.warnings[0]


def test_labels_and_splits_that_are_almost_right(tmp_path: Path) -> None:
    rows = [row | {"split": ("train ", "validation", "test")[k % 3]} for k, row in
            enumerate(make_rows())]  # fmt: skip
    rows[0]["condition"], rows[3]["split"] = " acne\u200b", "Train"
    rows[6]["condition"] = "Acne"
    found = examined(tmp_path, rows, with_rows(split="split"))
    assert found.problems == (
        "condition: 'Acne' in 1 rows is no condition of the spec (add it, or set "
        "rows.unlisted_conditions to ignore); it is almost 'acne'",
        "split: 'Train' is none of train, validation, test, gate; it is almost 'train'",
    )
    spec = with_rows(unlisted_conditions="ignore")
    assert "'Acne' in row 8 is ignored" in examined(tmp_path, rows, spec).warnings[0]


# Subgroups


def test_levels_that_differ_only_in_case_and_blanks_are_one(tmp_path: Path) -> None:
    cells = ["male", "Male", "MALE ", "male", "NA", "?", "", "female"]
    rows = [{"image": f"{n}.png", "sex": cell} for n, cell in enumerate(cells)]
    cases, warnings = to_score(tmp_path, rows)
    assert [case.subgroups["sex"] for case in cases] == [
        *["male"] * 4, *[UNKNOWN] * 3, "female",
    ]  # fmt: skip
    assert len(warnings) == 1
    assert "'MALE', 'Male', 'male' count as one level, 'male'" in warnings[0]


def test_levels_of_the_spec(tmp_path: Path) -> None:
    axis = {"column": "sex", "levels": {"female": ["f", "w"], "male": ["m"], "North": ["NA"]}}
    cells = ["F", " Female", "W", "m", "NA", "x", "?"]
    rows = [{"image": f"{n}.png", "sex": cell} for n, cell in enumerate(cells)]
    cases, warnings = to_score(tmp_path, rows, make_spec(subgroups=[axis]))
    assert [case.subgroups["sex"] for case in cases] == [
        "female", "female", "female", "male", "North", UNKNOWN, UNKNOWN,
    ]  # fmt: skip
    assert warnings == ["sex: 'x' in row 7 is none of the levels female, male, North, and counts "
                        "as unknown"]  # fmt: skip
    for wrong in ({"a": ["x"], "b": ["X "]}, {"a": ["B"], "b": []}):
        with pytest.raises(ValueError, match="spellings of two levels"):
            make_spec(subgroups=[{"column": "sex", "levels": wrong}])
    with pytest.raises(ValueError, match="not both"):
        make_spec(subgroups=[{"column": "a", "levels": {"b": []}, "bands": [0, 1]}])


def test_cells_that_do_not_parse_are_listed(tmp_path: Path) -> None:
    cells = ["forty", "40", "45,5", "120", "", "nan", "inf"]
    rows = [{"image": f"{n}.png", "age": cell} for n, cell in enumerate(cells)]
    cases, warnings = to_score(tmp_path, rows)
    assert [case.subgroups["age"] for case in cases] == [UNKNOWN, "0-50", *[UNKNOWN] * 5]
    assert "age: 'forty', '45,5', 'inf' in rows 2, 4, 8 is no number, and counts as unknown" in (
        warnings
    )
    assert "age: '120' in row 5 is in no band, and counts as unknown" in warnings


# Visits, eyes, ages


def test_visits_eyes_and_ages(tmp_path: Path) -> None:
    spec = with_rows(visit="visit", laterality="eye", age="age")
    rows = [row | {"visit": "0", "eye": "OS", "age": "61"} for row in make_rows()]
    rows[1] |= {"visit": "35.0", "eye": "Right", "age": "NA"}
    rows[2] |= {"visit": "", "eye": "?", "age": "old"}
    root = write_clinic(tmp_path, rows)
    found = examine_data(spec, root)
    assert found.problems == ()
    assert found.warnings == ("age: 'old' in row 4 is no age in years, and counts as missing",)
    facts = [
        (case.visit, case.laterality, case.age)
        for case in cases_of_rows(rows_of_spec(spec, root), spec, root)[:3]
    ]
    assert facts == [(0, "left", 61.0), (35, "right", None), (None, None, None)]


def test_dates_are_no_visits(tmp_path: Path) -> None:
    spec = with_rows(visit="visit")
    rows = [row | {"visit": "0"} for row in make_rows()]
    rows[0]["visit"], rows[1]["visit"], rows[2]["visit"] = "2021-03-04", "20210304", "-3"
    (problem,) = examined(tmp_path, rows, spec).problems
    assert problem.startswith("visit: the cell in rows 2, 3, 4 is no whole number of days since")
    assert "2021" not in problem
    # Of a table to be scored: refused where the spec knows visits, else listed.
    new = [{"image": "a.png", "visit": "2021-03-04"}]
    with pytest.raises(SpecError, match="first visit"):
        to_score(tmp_path, new, spec)
    cases, warnings = to_score(tmp_path, new)
    assert cases[0].visit is None
    assert len(warnings) == 1


def test_rows_of_a_case_that_disagree_on_the_visit(tmp_path: Path) -> None:
    rows = [
        {"image": "a.png", "case_id": "1", "visit": "0", "laterality": "L"},
        {"image": "b.png", "case_id": "1", "visit": "7", "laterality": "left"},
    ]
    with pytest.raises(SpecError, match="disagree on visit") as caught:
        to_score(tmp_path, rows)
    assert len(caught.value.problems) == 1


# Paths and sources


def test_separators_of_windows(tmp_path: Path) -> None:
    rows = [row | {"image": f"photos/{row['image']}"} for row in make_rows()]
    root = write_clinic(tmp_path, rows)
    write_csv(root / "rows.csv", [row | {"image": row["image"].replace("/", "\\")} for row in rows])
    assert examine_data(make_spec(), root).problems == ()
    rows[0]["image"] = "C:\\photos\\acne0.png"
    write_csv(root / "rows.csv", rows)
    (problem,) = examine_data(make_spec(), root).problems
    assert problem.startswith(
        "row 2: C:/photos/acne0.png: missing file: the path is one of another"
    )
    _, warnings = to_score(tmp_path, [{"image": "C:\\a.png"}, {"image": "..\\a.png"}])
    assert warnings == [
        "image: row 2 is a path of another computer: the case is refused",
        "image: row 3 is not a path below the root: the case is refused",
    ]


def test_the_source_of_a_spec() -> None:
    assert make_spec().case_source == "clinic"
    assert make_spec(source_name=" north ").case_source == "north"
    for name in ("", "NA", "a\nb", "x" * 201):
        with pytest.raises(ValueError, match="source_name"):
            make_spec(source_name=name)


def test_optional_keys_leave_no_trace_where_they_are_not_given() -> None:
    content = make_spec(subgroups=[{"column": "sex"}]).model_dump(mode="json")
    assert "source_name" not in content
    assert {"visit", "laterality", "age"}.isdisjoint(content["rows"])
    assert "levels" not in content["subgroups"][0]
    assert DataSpec.model_validate(STRICT.model_dump(mode="json")) == STRICT
