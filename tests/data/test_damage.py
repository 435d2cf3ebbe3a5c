"""Damaged cells are listed, never silently used; tables that are in order give no warning."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.damaged_tables import (
    DAMAGES,
    NO_IDENTIFIERS,
    ORDINARY,
    PLACEHOLDERS,
    damaged_number,
)
from tests.data.make import make_content, make_rows, make_spec, write_csv
from triage.data.case_facts import parse_laterality
from triage.data.csv_table import read_csv
from triage.data.identifier_damage import (
    damaged_identifiers,
    of_another_form,
    placeholders,
    without_zeros,
)
from triage.data.level_warnings import factor_warnings
from triage.data.lookalikes import without_eye
from triage.data.row_warnings import row_warnings
from triage.data.spec import DataSpec
from triage.data.validate import examine_data
from triage.errors import SpecError
from triage.intake.case_table import read_unlabelled

N_ROWS = 60
SPEC = make_spec(
    rows=make_content()["rows"] | {"laterality": "eye", "age": "age", "visit": "visit"},
    subgroups=[
        {"column": "sex"},
        {"column": "age", "bands": [0, 30, 60, 120]},
        {"column": "site"},
    ],
)
SITES = ("left arm", "right arm", "upper back", "lower back", "head/neck", "palms/soles")


def ordinary_rows(name_of: Callable[[int], str]) -> list[dict[str, str]]:
    return [
        {
            "image": f"{name_of(k)}.png",
            "condition": "acne",
            "case_id": name_of(k),
            "patient_id": name_of(k // 2),
            "age": str(20 + k // 2 % 60),
            "sex": ("female", "male")[k // 2 % 2],
            "site": SITES[k % len(SITES)],
            "eye": ("OD", "OS")[k % 2],
            "visit": str(k % 2 * 30),
        }
        for k in range(N_ROWS)
    ]


def warnings_on(rows: list[dict[str, str]], spec: DataSpec = SPEC) -> list[str]:
    found: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        table = write_csv(
            Path(name) / "new.csv", [{**row, "laterality": row["eye"]} for row in rows]
        )
        read_unlabelled(table, Path(name), spec, found)
    return found


@pytest.mark.parametrize("name_of", ORDINARY, ids=lambda name_of: str(name_of(7)))
def test_ordinary_tables_give_no_warning(name_of: Callable[[int], str]) -> None:
    rows = ordinary_rows(name_of)
    assert warnings_on(rows) == []
    assert row_warnings(pd.DataFrame(rows, index=range(2, N_ROWS + 2)), SPEC) == []


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.integers(0, N_ROWS - 1).flatmap(lambda k: st.tuples(st.just(k), damaged_number(k + 11))))
def test_a_damaged_identifier_is_listed_with_its_row(drawn: tuple[int, str]) -> None:
    place, cell = drawn
    rows = ordinary_rows(lambda k: f"P{k + 11:05d}")
    for row, number in zip(rows, range(N_ROWS), strict=True):
        row["patient_id"] = f"P{number + 11:05d}"
    rows.append(rows[place] | {"image": "again.png", "case_id": "P99999", "patient_id": cell})
    found = [text for text in warnings_on(rows) if text.startswith("patient_id")]
    assert found
    assert any(str(N_ROWS + 2) in text for text in found)


def test_every_damage_is_one() -> None:
    for damage in DAMAGES:
        assert damage("P00012") != "P00012"


def test_columns_of_identifiers() -> None:
    long = ["1234567890123450000", "1234567890123460000", "1234567890123470000"]
    assert set(damaged_identifiers(long, "id")) == {*long}
    assert damaged_identifiers([str(1234567890123456 + 7919 * k) for k in range(99)], "id") == {}
    assert damaged_identifiers(["MAR-01", "ABC-02", "XYZ-03", "JKL-04"], "id") == {}
    assert damaged_identifiers(["Mar-01", "ABC2"], "id") == {"Mar-01": "a date"}
    assert damaged_identifiers(["id"], "id") == {"id": "the name of the column"}
    assert set(damaged_identifiers(["P1", "P2", "P1; P2", "A & B"], "id")) == {"P1; P2"}
    assert without_zeros(["007", "012", "12", "100", "7"]) == [(["12", "7"], "007")]
    assert without_zeros(["P09", "P10", "P100"]) == []
    assert of_another_form([*(f"P{k}" for k in range(20)), "44197"], ()) == ["44197"]
    assert of_another_form(["P1", "44197"], ()) == []


def random_looking(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()[:8]


@pytest.mark.parametrize("word", [*NO_IDENTIFIERS, *PLACEHOLDERS])
def test_a_word_that_several_rows_share_is_listed(word: str) -> None:
    rows = ordinary_rows(random_looking)
    for number, row in enumerate(rows):
        row["patient_id"] = word if number < 5 else random_looking(number)
    found = [text for text in warnings_on(rows) if "rows 2, 3, 4, 5, 6 " in text]
    (said,) = (text for text in found if text.startswith("patient_id"))
    joined = word in PLACEHOLDERS
    assert ("probably a placeholder" if joined else "means that there is none") in said


def test_placeholders_by_their_number_of_rows() -> None:
    counts = {random_looking(k): 2 for k in range(20)}
    assert placeholders(counts | {"gone": 5}, 3) == ["gone"]
    assert placeholders(counts | {"gone": 4}, 3) == []  # no more than twice as many as others
    assert placeholders(counts | {"gone1": 5}, 3) == []
    names = dict.fromkeys(("amber", "brisk", "calm", "dusty", "eager"), 1)
    assert placeholders(names | {"gone": 5}, 3) == []
    assert placeholders(dict.fromkeys(("a", "b", "c"), 3), 3) == []
    assert placeholders({}, 3) == []


@pytest.mark.parametrize(
    "sides",
    [
        ("P{}R", "P{}L"),
        ("{}re", "{}li"),
        ("P{} (re)", "P{} (li)"),
        ("P{}[R]", "P{}[L]"),
        ("OD_P{}", "OS_P{}"),
        ("OD{}", "OS{}"),
        ("R_P{}", "L_P{}"),
        ("RE{}", "LE{}"),
        ("P{} rechts", "P{} links"),
        ("P{}_right_eye", "P{}_left_eye"),
        ("P{} O.D.", "P{} O.S."),
        ("P{}-RE", "P{}-LE"),
    ],
    ids=str,
)
def test_eyes_in_the_identifier_of_a_patient(sides: Sequence[str]) -> None:
    names = [side.format(f"{k:03d}") for k in range(12) for side in sides]
    found = without_eye(names)
    assert sorted(found) == sorted(sorted(names[k : k + 2]) for k in range(0, len(names), 2))


def test_codes_that_are_no_eyes() -> None:
    assert without_eye([f"S{k:03d}-{'LR'[k % 2]}" for k in range(60)]) == []
    assert without_eye([f"{k:03d}{'LR'[k % 2]}" for k in range(60)]) == []
    assert without_eye([f"{'LRM'[k % 3]}-{k // 3:03d}" for k in range(60)]) == []
    assert without_eye([f"{('LE', 'RE', 'HH')[k % 3]}{k // 3:03d}" for k in range(60)]) == []
    assert without_eye([f"S{k // 2:03d}{'AB'[k % 2]}" for k in range(60)]) == []


def test_patients_that_are_several_and_one(tmp_path: Path) -> None:
    rows = ordinary_rows(lambda k: f"P{k:03d}")
    rows[0] |= {"patient_id": "P029_OD", "sex": rows[58]["sex"], "age": rows[58]["age"]}
    rows[3] |= {"sex": "female", "age": "78"}  # P001 is male and 21
    rows[5]["image"] = "photo_OD_5.png"  # of a left eye
    text = "\n".join(warnings_on(rows))
    assert "'P029', 'P029_OD' (rows 60, 2) are probably one patient" in text
    assert "sex: rows 4, 5 are of one patient and disagree" in text
    assert "age: rows 4, 5 are of one patient and lie more than 20 years apart" in text
    assert "laterality: row 7 names another eye than the name of the file" in text


def test_a_patient_of_half_the_table_and_merged_cells() -> None:
    rows = ordinary_rows(lambda k: f"P{k:03d}")
    for k, row in enumerate(rows):
        row |= {"patient_id": f"P{k:03d}" if k % 3 == 0 else ""}
    assert any("as merged cells leave them" in text for text in warnings_on(rows))
    for row in rows[:50]:
        row |= {"patient_id": "P003", "sex": "male", "age": "33"}
    assert any("more than half of the table" in text for text in warnings_on(rows))


def test_levels_that_are_probably_one() -> None:
    rows = ordinary_rows(lambda k: f"P{k:03d}")
    for row, cell in zip(rows[:10:2], ("femle", "F", "w", "female.", "9"), strict=True):
        row |= {"sex": cell}
    text = "\n".join(warnings_on(rows))
    assert "'F', 'female', 'female.', 'w' in rows" in text
    assert "'femle' in row 2 is almost the level 'female'" in text
    assert "'9' in row 10 is a number among words" in text


def test_factors_on_costs_of_levels_that_no_row_has() -> None:
    factors = {"sex": {"female": 2.0, "mal": 2.0}, "age": {"0-30": 2.0}}
    costs = {"multipliers": {"subgroups": factors}}
    spec = DataSpec.model_validate(SPEC.model_dump(mode="json") | {"costs": costs})
    rows = ordinary_rows(lambda k: f"P{k:03d}")
    found = factor_warnings(pd.DataFrame(rows), spec)
    assert found == ["sex: costs.multipliers names the level 'mal', which no row has"]
    assert warnings_on(rows, spec) == []  # a table to score need not have every level


def test_ages_that_are_codes() -> None:
    rows = ordinary_rows(lambda k: f"P{k:03d}")
    for row in rows[:6]:
        row |= {"age": "99"}
    for row in rows[6:10]:
        row |= {"age": "0"}
    found = [text for text in warnings_on(rows) if "code for a missing age" in text]
    assert [text.split(" in rows")[0] for text in found] == ["age: '99'", "age: '0'"]


def test_sides_in_other_words() -> None:
    for text in ("O.D.", "od", "Right", "Rt.", "RE", "OD (right)", "rechts", " right  eye "):
        assert parse_laterality(text) == "right"
    for text in ("O.S.", "lt", "LEFT EYE", "gauche"):
        assert parse_laterality(text) == "left"
    for text in ("0D", "1", "OD/OS", "R/L", ""):
        assert parse_laterality(text) is None


def test_columns_that_are_there_twice() -> None:
    rows = [row | {"patient_id.1": "x", "Age": "1"} for row in ordinary_rows(lambda k: f"P{k:03d}")]
    text = "\n".join(warnings_on(rows))
    assert "column 'patient_id.1' is not read, but is probably a second column 'patient_id'" in text
    assert "column 'Age' is not read, but is probably a second column 'age'" in text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"image;age\na.png;45,5\n", "semicolons"),
        (b"image\tage\na.png\t45\n", "tabs"),
        (b"sep=,\nimage,age\na.png,45\n", "Delete its first line"),
        ("image,age\na.png,45\n".encode("utf-16"), "UTF-16"),
        ("image,age\n\u00e9.png,45\n".encode("cp1252"), "in UTF-8, with commas"),
        (b"PK\x03\x04", "a workbook"),
        (b"\xd0\xcf\x11\xe0\xa1", "a workbook"),
        (b"Export of 2024,,\nimage,age,sex\n", "any line above the header"),
        (b"image,age\na.png,45\nimage,age\nb.png,46\n", "row 3: the header again"),
    ],
)
def test_files_that_are_no_table_of_commas(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    with pytest.raises(SpecError, match=said):
        read_csv(path)


def test_rows_of_empty_cells_are_none(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("image,age\na.png,45\n,\n ,\u00a0\n,,,\nb.png,46\n", encoding="utf-8")
    assert list(read_csv(path).index) == [2, 6]


def test_rows_that_are_left_out_although_they_are_almost_kept(tmp_path: Path) -> None:
    rows = [row | {"set": "1"} for row in make_rows()]
    rows[0]["set"], rows[1]["set"], rows[2]["set"] = "1.0", "2", " 1"
    rows[4]["condition"], rows[5]["condition"], rows[6]["condition"] = "acnes", "", "warts"
    write_csv(tmp_path / "rows.csv", rows)
    keys = make_content()["rows"] | {"where": {"set": ["1"]}, "unlisted_conditions": "ignore"}
    found = examine_data(make_spec(rows=keys), tmp_path).warnings
    assert found == (
        "set: '1.0' in row 2 is left out, but is almost '1'",
        "condition: row 7 without a label are left out",
        "condition: 'acnes' in row 6 is ignored, but is almost 'acne'",
    )


def test_files_that_are_almost_there(tmp_path: Path) -> None:
    rows = make_rows()
    names = ("Acne0.PNG", "acne1", "acne2.jpg", "'acne3.png'", "../x.png", "./acne6.png")
    for row, name in zip(rows, names, strict=False):
        (tmp_path / row["image"]).write_bytes(b"x")
        row["image"] = name
    for row in rows[6:]:
        (tmp_path / row["image"]).write_bytes(b"x")
    write_csv(tmp_path / "rows.csv", rows)
    assert examine_data(make_spec(), tmp_path).problems == (
        "image: acne6.png is listed twice",
        "row 2: Acne0.PNG: missing file; there is 'acne0.png'",
        "row 3: acne1: missing file; there is 'acne1.png'",
        "row 4: acne2.jpg: missing file; there is 'acne2.png'",
        "row 5: 'acne3.png': missing file; there is 'acne3.png'",
        "row 6: ../x.png: leads out of the folder of the data, by a symbolic link or `..`",
    )
