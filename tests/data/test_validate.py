import os
from pathlib import Path

import pandas as pd
import pytest

from tests.data.make import ROLES, make_content, make_rows, make_spec, write_clinic, write_csv
from tests.shared_data import SHARED
from triage.data.spec import DataSpec
from triage.data.spec_files import load_spec, shipped_spec
from triage.data.validate import examine_data, level_conflicts, validate_data

DERM = SHARED / "data" / "derm"


def with_rows(**keys: object) -> DataSpec:
    return make_spec(rows=make_content()["rows"] | keys)


def problems_after(
    root: Path, rows: list[dict[str, str]], spec: DataSpec | None = None
) -> list[str]:
    """Problems of a clinic whose images are all there."""
    write_clinic(root, rows)
    return validate_data(spec or make_spec(), root)[0]


def test_a_sound_clinic_has_none(tmp_path: Path) -> None:
    problems, counts = validate_data(make_spec(), write_clinic(tmp_path), decode=True)
    assert problems == []
    assert set(counts) == set(ROLES)
    assert sum(sum(row.values()) for row in counts.values()) == 140


@pytest.mark.realdata
@pytest.mark.skipif(not DERM.is_dir(), reason="the research data are not beside the checkout")
@pytest.mark.parametrize(
    ("name", "n_cases"), [("derm_fitzpatrick17k", 2982), ("derm_ham10000", 2770)]
)
def test_the_research_data_have_none(name: str, n_cases: int) -> None:
    problems, counts = validate_data(load_spec(shipped_spec(name)), DERM)
    assert problems == []
    assert sum(sum(row.values()) for row in counts.values()) == n_cases


def test_images_missing_empty_and_broken_are_named_by_row(tmp_path: Path) -> None:
    root = write_clinic(tmp_path)
    (root / "acne0.png").unlink()
    (root / "acne2.png").write_bytes(b"")
    (root / "acne4.png").write_text("no picture")
    seen: list[tuple[int, int]] = []

    problems, _ = validate_data(make_spec(), root, progress=lambda *done: seen.append(done))
    assert problems == ["row 2: acne0.png: missing file", "row 4: acne2.png: empty file"]
    assert seen == [(k, 140) for k in range(1, 141)]

    problems, _ = validate_data(make_spec(), root, decode=True)
    assert len(problems) == 3
    assert problems[2].startswith("row 6: acne4.png: ")


def test_row_numbers_are_the_files_own_after_a_filter(tmp_path: Path) -> None:
    rows = [{**row, "set": "ab"[k % 2]} for k, row in enumerate(make_rows(40))]
    root = write_clinic(tmp_path, rows)
    (root / rows[7]["image"]).unlink()
    problems, _ = validate_data(with_rows(where={"set": ["b"]}), root)
    assert problems == [f"row 9: {rows[7]['image']}: missing file"]


def test_a_row_without_image(tmp_path: Path) -> None:
    rows = make_rows()
    rows[0]["image"] = rows[1]["image"] = ""
    assert problems_after(tmp_path, rows) == [
        "row 2: no image is named",
        "row 3: no image is named",
    ]


def test_a_table_that_cannot_be_read_is_the_only_problem(tmp_path: Path) -> None:
    (problem,) = validate_data(make_spec(), tmp_path)[0]
    assert "no such manifest" in problem
    (tmp_path / "rows.csv").write_text("image,condition,case_id,patient_id\na,b\nc,d,e,f,g\n")
    problems, counts = validate_data(make_spec(), tmp_path)
    assert counts == {}
    assert [problem.rsplit(": ", 2)[1] for problem in problems] == ["row 2", "row 3"]
    assert all("rows.csv" in problem for problem in problems)


def test_unknown_labels_are_counted(tmp_path: Path) -> None:
    rows = make_rows()
    rows += [
        {"image": f"w{k}.png", "condition": name, "case_id": f"w{k}", "patient_id": f"w{k}"}
        for k, name in enumerate(["wart", "wart", ""])
    ]
    problems = problems_after(tmp_path, rows)
    assert [problem.split(" is no")[0] for problem in problems] == [
        "condition: no label in 1 rows",
        "condition: 'wart' in 2 rows",
    ]
    assert problems_after(tmp_path, rows, with_rows(unlisted_conditions="ignore")) == []


def test_no_row_of_a_known_condition(tmp_path: Path) -> None:
    rows = [row | {"condition": "wart"} for row in make_rows(1)]
    (problem,) = problems_after(tmp_path, rows)
    assert "'wart' in 7 rows" in problem


def test_a_subgroup_column_with_a_typo(tmp_path: Path) -> None:
    spec = make_spec(subgroups=[{"column": "skin_typ"}])
    assert problems_after(tmp_path, make_rows(), spec) == [
        "subgroups: there is no column 'skin_typ'"
    ]


def test_rows_of_one_case_that_disagree(tmp_path: Path) -> None:
    rows = make_rows()
    rows[1]["case_id"] = rows[0]["case_id"]  # two patients
    rows[20]["case_id"] = rows[3]["case_id"]  # two patients and two conditions
    rows[20]["patient_id"] = rows[3]["patient_id"]
    assert problems_after(tmp_path, rows) == [
        "case_id c-acne-3: its rows disagree on condition",
        "case_id c-acne-0: its rows disagree on patient_id",
    ]


def test_too_many_images_of_a_case(tmp_path: Path) -> None:
    rows = make_rows()
    for row in rows[:7]:
        row |= {"case_id": "c", "patient_id": "p"}
    assert problems_after(tmp_path, rows) == [
        "case_id c: 7 images, more than max_images_per_case (6)"
    ]


def test_an_image_listed_twice(tmp_path: Path) -> None:
    rows = make_rows()
    rows[1]["image"] = rows[0]["image"]
    assert problems_after(tmp_path, rows) == ["image: acne0.png is listed twice"]


def split_rows() -> list[dict[str, str]]:
    names = ("train", "validation", "test")
    return [row | {"split": names[k % 3]} for k, row in enumerate(make_rows())]


def test_a_manifest_with_its_own_split(tmp_path: Path) -> None:
    assert problems_after(tmp_path, split_rows(), with_rows(split="split")) == []


def test_two_rows_of_one_patient_in_two_splits(tmp_path: Path) -> None:
    rows = split_rows()
    rows[1]["patient_id"] = rows[0]["patient_id"]
    (problem,) = problems_after(tmp_path, rows, with_rows(split="split"))
    assert problem == (
        f"patient:{rows[0]['patient_id']}: its cases are in train and validation; "
        "a group belongs in one split"
    )


def test_near_duplicates_of_two_patients_in_two_splits(tmp_path: Path) -> None:
    rows = [row | {"twin": "t" if k < 2 else ""} for k, row in enumerate(split_rows())]
    (problem,) = problems_after(tmp_path, rows, with_rows(split="split", group=["twin"]))
    assert "train and validation" in problem


def test_a_split_of_another_name(tmp_path: Path) -> None:
    rows = split_rows()
    rows[0]["split"] = "tset"
    assert problems_after(tmp_path, rows, with_rows(split="split")) == [
        "split: 'tset' is none of train, validation, test, gate"
    ]
    assert len(problems_after(tmp_path, [r | {"split": "x"} for r in rows])) == 0  # not named


def test_an_inlier_with_one_case(tmp_path: Path) -> None:
    rows = [row for row in make_rows() if row["condition"] != "acne" or row["image"] == "acne0.png"]
    (problem,) = problems_after(tmp_path, rows)
    assert problem.startswith("condition 'acne': 1 independent cases; an inlier needs at least 3")


def test_many_images_of_one_patient_are_one_independent_case(tmp_path: Path) -> None:
    rows = [
        row | ({"patient_id": "p"} if row["condition"] == "acne" else {}) for row in make_rows()
    ]
    (problem,) = problems_after(tmp_path, rows)
    assert "'acne': 1 independent" in problem


def test_an_outlier_without_cases(tmp_path: Path) -> None:
    rows = [row for row in make_rows() if row["condition"] != "keloid"]
    assert "condition 'keloid': no case at all" in problems_after(tmp_path, rows)


def test_empty_roles(tmp_path: Path) -> None:
    roles = {"acne": "inlier", "keloid": "outlier_train"}
    problems = problems_after(tmp_path, make_rows(20, roles), make_spec(roles))
    assert problems == [
        "conditions: at least two inliers are needed",
        "roles: no validation outlier has a case in validation",
        "roles: no test outlier has a case in test",
    ]


def test_a_training_outlier_whose_cases_are_all_left_out(tmp_path: Path) -> None:
    roles = {
        "acne": "inlier",
        "melanoma": "inlier",
        "keloid": "outlier_train",
        "lentigo": "outlier_train",
        "eczema": "outlier_validation",
        "sarcoid": "outlier_test",
    }
    rows = make_rows(20, roles)
    for row in rows:
        if row["condition"] in ("keloid", "sarcoid"):
            row["patient_id"] = "p"
    assert problems_after(tmp_path, rows, make_spec(roles)) == [
        "condition 'keloid': no case in train, though its role is to train"
    ]


def test_a_share_of_nothing(tmp_path: Path) -> None:
    spec = make_spec(split={"train": 0.8, "validation": 0.2, "test": 0.0})
    assert problems_after(tmp_path, make_rows(), spec) == [
        f"condition {name!r}: no case in test (change split.seed or its shares)"
        for name in ("acne", "melanoma")
    ]


def test_folders(tmp_path: Path) -> None:
    rows = [row | {"image": f"{row['condition']}/{row['image']}"} for row in make_rows()]
    write_clinic(tmp_path / "photos", rows)
    spec = make_spec(rows={"folders": "photos"})
    assert validate_data(spec, tmp_path, decode=True)[0] == []
    (tmp_path / "photos" / "wart").mkdir()
    (tmp_path / "photos" / "wart" / "1.jpg").write_bytes(b"")
    problems, _ = validate_data(spec, tmp_path)
    assert len(problems) == 2
    assert "'wart'" in problems[0]
    assert problems[1].endswith("wart/1.jpg: empty file")


def test_problems_of_many_kinds_are_all_listed(tmp_path: Path) -> None:
    rows = split_rows()
    rows[0]["split"] = "tset"
    rows[5]["condition"] = "wart"
    rows[7]["image"] = rows[6]["image"]
    rows[10]["patient_id"] = rows[9]["patient_id"]
    write_csv(tmp_path / "rows.csv", rows)
    problems, _ = validate_data(with_rows(split="split"), tmp_path)
    assert len(problems) == 4 + len(rows)  # and every image is missing


@pytest.mark.parametrize("decode", [False, True])
def test_files_that_lead_out_of_the_root_or_are_none(
    tmp_path: Path, decode: bool, alarm: None
) -> None:
    root = write_clinic(tmp_path / "root")
    outside = tmp_path / "outside.png"
    (root / "acne0.png").rename(outside)
    (root / "acne0.png").symlink_to(outside)  # row 2
    (root / "acne1.png").unlink()
    os.mkfifo(root / "acne1.png")
    (root / "acne2.png").unlink()
    (root / "acne2.png").mkdir()
    (root / "acne3.png").unlink()
    (root / "acne3.png").symlink_to("acne4.png")  # stays within the root
    problems, _ = validate_data(make_spec(), root, decode=decode)
    no_file = "not a file but a folder, a pipe, a socket or a device"
    assert problems == [
        "row 2: acne0.png: leads out of the folder of the data, by a symbolic link or `..`",
        f"row 3: acne1.png: {no_file}",
        f"row 4: acne2.png: {no_file}",
    ]


def test_names_that_no_system_has_are_missing_files(tmp_path: Path) -> None:
    rows = make_rows()
    rows[0]["image"] = "x" * 5000
    write_csv(tmp_path / "rows.csv", rows)
    problems, _ = validate_data(make_spec(), tmp_path)
    assert problems[0].endswith("xxx: missing file")


def test_rows_of_a_case_that_disagree_on_any_subgroup_are_warnings(tmp_path: Path) -> None:
    rows = [row | {"skin_type": "1", "years": "20"} for row in make_rows()]
    rows.insert(1, rows[0] | {"image": "more.png", "skin_type": "3", "years": "70"})
    axes = [{"column": "skin_type"}, {"column": "years", "bands": [0, 50, 100]}]
    found = examine_data(make_spec(subgroups=axes), write_clinic(tmp_path, rows))
    assert found.problems == ()
    used = "a case has one level, and that of its first row is used,"
    of = "rows 2, 3 of case_id c-acne-0 disagree"
    assert [text for text in found.warnings if "disagree" in text] == [
        f"skin_type: {of} ('1', '3'): {used} '1'",
        f"years: {of} ('0-50', '50-100'): {used} '0-50'",
    ]


def test_the_list_of_cases_that_disagree_is_cut(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {"case_id": [str(k // 2) for k in range(420)], "sex": ["f", "m"] * 210}, dtype=str
    )
    found = level_conflicts(table, make_spec(subgroups=[{"column": "sex"}]))
    assert len(found) == 201
    assert found[-1] == "rows of 10 more cases disagree"
