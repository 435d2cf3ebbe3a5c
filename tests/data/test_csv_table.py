import csv
import gc
import os
import warnings
from contextlib import suppress
from pathlib import Path

import pytest

from triage.data import csv_table
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
    with pytest.raises(SpecError, match="is a folder, a pipe"):
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


def limited(monkeypatch: pytest.MonkeyPatch, name: str, most: int) -> None:
    monkeypatch.setattr(csv_table, name, most)


def test_a_table_of_too_many_columns(tmp_path: Path) -> None:
    names = ",".join(f"c{number}" for number in range(200_000))
    error = refused(tmp_path / "t.csv", f"{names}\n{names}\n".encode())
    assert "more than 1000 columns. Leave out" in str(error)


def test_a_row_far_longer_than_the_header(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path / "t.csv", b"a,b\n" + b"x," * 100_000 + b"\n").problems
    assert problem == "row 2: 100001 values for 2 columns"


def test_a_table_of_too_many_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, "MAX_ROWS", 3)
    path = tmp_path / "t.csv"
    path.write_text("a\n1\n2\n3\n")
    assert list(read_csv(path)["a"]) == ["1", "2", "3"]
    assert "more than 3 rows. Split it" in str(refused(path, b"a\n1\n2\n3\n4\n"))
    assert "more than 3 rows" in str(refused(path, b"a\n" + b"\n" * 5))  # empty ones too


def test_a_table_of_too_many_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, "MAX_VALUES", 4)
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n3,4\n")
    assert len(read_csv(path)) == 2
    assert "more than 4 values" in str(refused(path, b"a,b\n1,2\n3,4\n5,6\n"))


def test_a_file_of_too_many_bytes(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    with path.open("wb") as stream:
        stream.truncate(csv_table.MAX_BYTES + 1)  # takes no room on disk
    with pytest.raises(SpecError, match="larger than 256 MiB, the most that is read"):
        read_csv(path)


@pytest.mark.parametrize("mark", [b"", b'"'])
def test_a_row_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mark: bytes) -> None:
    limited(monkeypatch, "MAX_ROW_CHARACTERS", 1000)
    error = refused(tmp_path / "t.csv", b"a\n" + mark + (b"x,\n" if mark else b"x,") * 1000)
    assert "more than 1000 characters in a row" in str(error)
    assert "never closed" in str(error)


def test_values_of_many_lines_that_make_a_row_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited(monkeypatch, "MAX_ROW_CHARACTERS", 1000)
    error = refused(tmp_path / "t.csv", b"a\n" + b'"\n",' * 1000)
    assert "characters in a row" in str(error)


def test_a_value_longer_than_a_spreadsheet_holds(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "x" * 32_767 + ",y\n")
    assert len(read_csv(path)) == 1
    before = csv.field_size_limit()
    (problem,) = refused(path, b"a,b\n1,2\n" + b"x" * 32_768 + b",y\n").problems
    assert problem == "row 3: a value of more than 32767 characters"
    assert csv.field_size_limit() == before


def test_problems_without_end_are_cut(tmp_path: Path) -> None:
    problems = refused(tmp_path / "t.csv", b"a,b\n" + b"x\n" * 5000).problems
    assert len(problems) == 1001
    assert problems[-1] == "the rows after these were not looked at"


def test_a_table_in_several_pieces_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_table, "_PIECE_ROWS", 2)
    monkeypatch.setattr(csv_table, "_PIECE_VALUES", 4)
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "".join(f"{n},x\n" for n in range(7)))
    table = read_csv(path)
    assert list(table["a"]) == [str(n) for n in range(7)]
    assert list(table.index) == list(range(2, 9))


def test_the_quote_that_spreadsheets_need_is_taken_off(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("case_id,image\n'=1+1,'-a.png\n''@x,'b.png\n")
    assert read_csv(path).to_dict("list") == {
        "case_id": ["=1+1", "'@x"],
        "image": ["-a.png", "'b.png"],
    }


def test_two_forms_of_one_value_are_not_joined(tmp_path: Path) -> None:
    error = refused(tmp_path / "t.csv", b"case_id,n\n'=1,a\n=1,b\n")
    assert len(error.problems) == 1
    assert error.problems[0].startswith("row 2: case_id: ")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path: Path, alarm: None) -> None:
    os.mkfifo(tmp_path / "t.csv")
    with pytest.raises(SpecError, match="a pipe"):
        read_csv(tmp_path / "t.csv")


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"a,b\n1\n", b"a\n\xff\n", b"", b'a\n"1\n'])
def test_the_file_is_closed_by_who_opened_it(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        with suppress(SpecError):
            read_csv(path)
        gc.collect()
    assert [one for one in caught if one.category is ResourceWarning] == []
