from pathlib import Path

import pytest

from tests.data.make import make_spec
from triage.errors import SpecError
from triage.intake.case_table import read_unlabelled

SPEC = make_spec(
    subgroups=[{"column": "sex"}, {"column": "age", "bands": [0, 50, 100]}], max_images_per_case=2
)


def write(folder: Path, text: str) -> Path:
    path = folder / "cases.csv"
    path.write_text(text, encoding="utf-8")
    return path


def refused(folder: Path, text: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        read_unlabelled(write(folder, text), folder, SPEC)
    assert "cases.csv" in str(caught.value)
    return caught.value


def test_images_alone(tmp_path: Path) -> None:
    table = write(tmp_path, "image\na.jpg\nsub/b.jpg\n")
    first, second = read_unlabelled(table, Path("/data"), SPEC)
    assert first.images == (Path("/data/a.jpg"),)
    assert second.images == (Path("/data/sub/b.jpg"),)
    assert (first.case_id, first.patient_id) == ("a.jpg", "(case) a.jpg")
    assert first.condition is None
    assert first.split is None
    assert first.subgroups == {"sex": "unknown", "age": "unknown"}
    assert first.cluster != second.cluster


def test_all_columns_and_others_that_are_not_read(tmp_path: Path) -> None:
    text = (
        "case_id,image,patient_id,age,condition,split\n"
        "1,a,p,49,melanoma,test\n1,b,p,49,acne,train\n2,c,p,51,x,y\n"
    )
    first, second = read_unlabelled(write(tmp_path, text), tmp_path, SPEC)
    assert [path.name for path in first.images] == ["a", "b"]
    assert first.condition is None
    assert first.subgroups == {"sex": "unknown", "age": "0-50"}
    assert second.subgroups["age"] == "50-100"
    assert first.cluster == second.cluster == "patient:p"


def test_a_byte_order_mark(tmp_path: Path) -> None:
    assert len(read_unlabelled(write(tmp_path, "\ufeffimage\na.jpg\n"), tmp_path, SPEC)) == 1


def test_unusable_tables(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no such manifest"):
        read_unlabelled(tmp_path / "none.csv", tmp_path, SPEC)
    assert "is empty" in str(refused(tmp_path, ""))
    assert "`image` is missing" in str(refused(tmp_path, "file\na.jpg\n"))
    assert "no row to score" in str(refused(tmp_path, "image\n"))
    assert "row 3" in str(refused(tmp_path, "image,sex\na.jpg,f\nb.jpg\n"))


def test_every_problem_is_listed(tmp_path: Path) -> None:
    text = (
        "image,case_id,patient_id\n"
        "../up.jpg,1,p\n/etc/passwd,2,q\n,3,r\nsub/../../x.jpg,4,s\n"
        "a,5,t\na,6,u\n"
        "b,7,v\nc,7,v\nd,7,v\n"
        "e,8,w\nf,8,x\n"
    )
    problems = refused(tmp_path, text).problems
    assert problems == (
        "row 4: no image is named",
        "image: a is listed twice",
        "case_id 8: its rows disagree on patient_id",
        "case_id 7: 3 images, more than max_images_per_case (2)",
    )


def test_a_table_without_a_header_row_is_not_quoted(tmp_path: Path) -> None:
    manifest = tmp_path / "new.csv"
    manifest.write_text("photo.png,Jane Canary,1970-01-01\nother.png,Ann,1980-01-01\n")
    with pytest.raises(SpecError, match="none of the 3 cells of the first row") as caught:
        read_unlabelled(manifest, tmp_path, SPEC)
    assert "Canary" not in str(caught.value)
    assert "1970" not in str(caught.value)


def test_rows_of_a_case_that_disagree_on_a_subgroup_are_listed(tmp_path: Path) -> None:
    text = (
        "case_id,image,sex\n1,a,female\n1,b,male\n2,c,\n2,d,male\n3,e,male\n3,f,\n"
        "4,g,Male\n4,h,male\n,i,male\n,j,female\n"
    )
    warnings: list[str] = []
    cases = read_unlabelled(write(tmp_path, text), tmp_path, SPEC, warnings)
    listed = [warning for warning in warnings if "disagree" in warning]
    used = "a case has one level, and that of its first row is used,"
    assert listed == [
        f"sex: rows 2, 3 of case_id 1 disagree ('female', 'male'): {used} 'female'",
        f"sex: rows 4, 5 of case_id 2 disagree ('unknown', 'male'): {used} 'unknown'",
    ]
    assert [case.subgroups["sex"] for case in cases[:2]] == ["female", "unknown"]


def test_two_ages_in_a_case_stay_a_problem(tmp_path: Path) -> None:
    error = refused(tmp_path, "case_id,image,age\n1,a,20\n1,b,70\n")
    assert error.problems == ("case_id 1: its rows disagree on age",)
