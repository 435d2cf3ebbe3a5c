from pathlib import Path

import pytest

from triage.data.csv_table import read_csv
from triage.errors import SpecError


def refused(path: Path, content: bytes) -> SpecError:
    path.write_bytes(content)
    with pytest.raises(SpecError) as caught:
        read_csv(path)
    assert str(caught.value).startswith(str(path))
    return caught.value


def test_values_stay_strings_and_missing_ones_empty(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('image,age,note\n007,NA,""\nb,,"x, ""y"""\n')
    table = read_csv(path)
    assert table.to_dict("list") == {
        "image": ["007", "b"],
        "age": ["NA", ""],
        "note": ["", 'x, "y"'],
    }


def test_rows_are_numbered_as_in_a_spreadsheet(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('image,note\na,1\n\nb,"two\nlines"\nc,3\n')
    assert dict(read_csv(path)["image"]) == {2: "a", 4: "b", 5: "c"}


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_byte_order_mark_and_any_line_ending(tmp_path: Path, newline: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"\xef\xbb\xbf" + newline.join(["image,age", "ä,5"]).encode())
    assert read_csv(path).to_dict("list") == {"image": ["ä"], "age": ["5"]}


def test_a_header_alone_has_no_rows(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("image,age\n")
    table = read_csv(tmp_path / "t.csv")
    assert table.empty
    assert list(table) == ["image", "age"]


def test_an_empty_or_missing_file(tmp_path: Path) -> None:
    assert "is empty" in str(refused(tmp_path / "t.csv", b""))
    with pytest.raises(SpecError, match="no such manifest"):
        read_csv(tmp_path / "none.csv")
    with pytest.raises(SpecError, match="not a readable CSV"):
        read_csv(tmp_path)


def test_every_ragged_row_is_named(tmp_path: Path) -> None:
    error = refused(tmp_path / "t.csv", b"image,age\na,1\nb\nc,1,2\n")
    assert error.problems == ("row 3: 1 values for 2 columns", "row 4: 3 values for 2 columns")


def test_rows_that_are_all_too_long_do_not_shift_the_columns(tmp_path: Path) -> None:
    # pandas would make the first value of each row an index
    assert len(refused(tmp_path / "t.csv", b"image,age\nx,a,1\ny,b,2\n").problems) == 2


def test_a_column_named_twice(tmp_path: Path) -> None:
    error = refused(tmp_path / "t.csv", b"image,age,image\na,1,b\n")
    assert error.problems == ("column 'image' is named 2 times",)


@pytest.mark.parametrize(
    "content",
    [
        b"image\n\xff\xfe\n",
        b'image\n"never closed\n',
        b'image\n"a"b\n',
        b"image\n" + b"x" * 200_000,
        b"image\na\x00b\n",
    ],
)
def test_files_that_are_no_csv(tmp_path: Path, content: bytes) -> None:
    assert "CSV" in str(refused(tmp_path / "t.csv", content))
