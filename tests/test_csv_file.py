import csv
import io
from pathlib import Path

import numpy as np
import pytest

from triage.csv_file import cell_text, csv_text, plain_text, write_csv
from triage.data.csv_table import read_csv

FORMULAS = [
    "=1+1", '=HYPERLINK("http://x","y")', "+1-1", "-1+1", "@SUM(A1)", "=", "-", "--1",
    "-5 dioptres", "\uff1d1+1", "\uff0b1", "\uff0d1+1", "\uff20x",
]  # fmt: skip
NUMBERS = ["-5", "+5", "-0.5", "1e-3", "-1.5E+10", "-.5", "007"]
PLAIN = ["", "a", "case 1", "a=b", "1-2", "'quoted'", "'", "''", "a'=b", "it's", "x,y", 'a"b', "ä"]


@pytest.mark.parametrize("text", FORMULAS)
def test_text_that_a_spreadsheet_would_run_is_marked(text: str) -> None:
    assert cell_text(text) == f"'{text}"


@pytest.mark.parametrize("text", NUMBERS + PLAIN)
def test_other_text_stays(text: str) -> None:
    assert cell_text(text) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-3, "-3"),
        (-3.5, "-3.5"),
        (np.float64(-0.25), "-0.25"),
        (np.int64(-7), "-7"),
        (float("-inf"), "-inf"),
        (float("nan"), ""),
        (np.float32("nan"), ""),
        (None, ""),
        (True, "True"),
    ],
)
def test_numbers_stay_numbers(value: object, text: str) -> None:
    assert cell_text(value) == text


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("\t=1", r"\t=1"),
        ("\r=1", r"\r=1"),
        ("\0x", r"\x00x"),
        ("a\nb", r"a\nb"),
        ("\x1b[2J", r"\x1b[2J"),
    ],
)
def test_control_characters_are_escapes_and_begin_no_cell(text: str, cell: str) -> None:
    assert cell_text(text) == cell


@pytest.mark.parametrize(
    "text", [*FORMULAS, *(f"'{each}" for each in FORMULAS), *NUMBERS, *PLAIN, "''=1", "'''-x"]
)
def test_marks_are_taken_off_again(text: str) -> None:
    assert plain_text(cell_text(text)) == text


def test_each_row_is_one_line() -> None:
    rows = [("a\nb", "=1"), ('x,"y"', -1)]
    text = csv_text(("case_id", "=column"), rows)
    assert text.split("\n") == [
        "case_id,'=column",
        r"a\nb,'=1",
        '"x,""y""",-1',
        "",
    ]
    assert len(list(csv.reader(io.StringIO(text)))) == 3


def test_a_table_reads_back_as_what_was_written(tmp_path: Path) -> None:
    names = [*FORMULAS, *(f"'{each}" for each in FORMULAS), *PLAIN]
    path = tmp_path / "new" / "t.csv"
    write_csv(path, ("case_id", "note"), [(name, "-1") for name in names])
    found = read_csv(path)
    assert list(found["case_id"]) == names
    assert set(found["note"]) == {"-1"}
    assert [each.name for each in path.parent.iterdir()] == ["t.csv"]
