"""Tables that cannot be audited are refused in one sentence, which quotes no patient."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.audit_sources.tables import CONDITIONS, frame, plan, write
from triage.audit_sources import read_table
from triage.auditing.audit_plan import Axis, Period
from triage.errors import PredictionsError, UsageError


def refusal(path: Path, **changes: Any) -> str:
    axes = changes.pop("axes", ())
    with pytest.raises(UsageError) as refused:
        read_table(plan(*axes, **changes), path)
    return str(refused.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"y": ["mel"] * 6}, ["one class only"]),
        ({"y": ["mel", "nv", "mole", "nv", "nv", "nv"]}, ["'mole', which is no class"]),
        ({"y": ["mel", "nv", "", "nv", "nv", "nv"]},
         ["1 of 6 cases have no label", "case 3", "unlabelled: exclude"]),
        ({"y": [""] * 6}, ["no label"]),
        ({"case": ["c0", "c1", "c2", "c1", "c4", "c5"]},
         ["names 1 cases more than once", "case 4 is that of case 2"]),
        ({"patient": ["p", "p", "", "p", "p", "p"]}, ["'patient' has no value in case 3"]),
        ({"p_mel": [0.9, 0.2, 0.4, 0.3, 0.6, 0.5]}, ["do not sum to one in case 4"]),
        ({"p_mel": [-0.1, 0.2, 0.4, 0.1, 0.6, 0.5], "p_nv": [1.1, 0.8, 0.6, 0.9, 0.4, 0.5]},
         ["outside 0 to 1 in case 1"]),
        ({"p_mel": [0.9, None, 0.4, 0.1, 0.6, 0.5]}, ["missing or infinite value in case 2"]),
        ({"p_mel": [0.9, float("inf"), 0.4, 0.1, 0.6, 0.5]}, ["missing or infinite"]),
        ({"p_mel": ["0,9", "0.2", "0.4", "0.1", "0.6", "0.5"]}, ["a decimal comma in case 1"]),
        ({"p_mel": ["0.9", "0.2", "0.4", "Jane Doe", "0.6", "0.5"]},
         ["text that is no number in case 4"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_values_that_cannot_be(
    tmp_path: Path, changes: dict[str, Any], words: list[str], name: str
) -> None:
    message = refusal(write(tmp_path, frame(**changes), name))
    for word in words:
        assert word in message
    assert "Jane" not in message
    assert "\n" not in message


def test_an_absent_column_with_the_nearest_name(tmp_path: Path) -> None:
    message = refusal(write(tmp_path), axes=(Axis(name="sex", column="sexx"),))
    assert "no column 'sexx'" in message
    assert "Did you mean 'sex'?" in message
    message = refusal(write(tmp_path, frame(p_nv=None, sex=None)),
                      axes=(Axis(name="sex", column="sex"),))  # fmt: skip
    assert "no column 'p_nv', and 1 more columns of the plan are absent" in message


def test_a_plan_without_probabilities_for_another_table(tmp_path: Path) -> None:
    message = refusal(write(tmp_path), columns={"probabilities": None}, conditions=CONDITIONS)
    assert "no columns of probabilities" in message


@pytest.mark.parametrize("role", ["recommendation", "true_urgency", "first_urgency"])
def test_words_that_are_no_urgencies(tmp_path: Path, role: str) -> None:
    table = pd.concat([frame()] * 2, ignore_index=True)
    table["case"] = [f"c{row}" for row in range(12)]
    table["advice"] = [f"Jane {row}" for row in range(12)]
    message = refusal(write(tmp_path, table), columns={role: "advice"})
    assert "no column of urgencies" in message
    assert "Jane" not in message
    table["advice"] = ["urgnt"] * 12
    assert "'urgnt', which is no urgency" in refusal(
        write(tmp_path, table), columns={role: "advice"}
    )


def test_words_of_a_recommendation_beside_a_queue(tmp_path: Path) -> None:
    table = frame(advice=["urgent", "no_ai_opnion", "", "routine", "urgent", ""])
    table["queue"] = ["urgent", "routine"] * 3
    message = refusal(
        write(tmp_path, table), columns={"recommendation": "advice", "queue_urgency": "queue"}
    )
    assert "column 'advice' holds 'no_ai_opnion', which is no urgency" in message


def test_a_column_of_names_in_place_of_labels(tmp_path: Path) -> None:
    table = pd.concat([frame()] * 10, ignore_index=True)
    table["case"] = [f"c{row}" for row in range(60)]
    table["y"] = [f"Jane {row}" for row in range(60)]
    message = refusal(write(tmp_path, table))
    assert "60 different values that are no class" in message
    assert "Jane" not in message


@pytest.mark.parametrize("values", [[[1]] * 6, [{"a": 1}] * 6])
def test_columns_of_lists(tmp_path: Path, values: list[object]) -> None:
    path = write(tmp_path, frame(sex=values), "t.parquet")
    assert "holds lists" in refusal(path, axes=(Axis(name="sex", column="sex"),))


def test_words_that_are_neither_true_nor_false(tmp_path: Path) -> None:
    message = refusal(write(tmp_path), columns={"ai_shown": "advice"})
    assert "other than true and false" in message


def test_too_many_levels(tmp_path: Path) -> None:
    table = pd.concat([frame()] * 10, ignore_index=True)
    table["case"] = table["sex"] = [f"c{row}" for row in range(60)]
    message = refusal(write(tmp_path, table), axes=(Axis(name="sex", column="sex"),))
    assert "60 levels, more than 50" in message
    assert "bands" in message


def test_times_that_are_none(tmp_path: Path) -> None:
    period = Period(first="2025-01-01", last="2025-02-01", column="sex")  # type: ignore[arg-type]
    assert "no date" in refusal(write(tmp_path), period=period)


def test_no_case_of_the_period(tmp_path: Path) -> None:
    period = Period(first="2025-01-01", last="2025-02-01", column="day")  # type: ignore[arg-type]
    path = write(tmp_path, frame(day=["2024-01-01"] * 6))
    assert "no cases to audit" in refusal(path, period=period)


def text(folder: Path, content: bytes) -> Path:
    path = folder / "t.csv"
    path.write_bytes(content)
    return path


HEADER = b"case,patient,y,p_mel,p_nv\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (HEADER, "has no rows"),
        (b"\n", "is empty"),
        (HEADER + b"c0,p0,mel,0.9\n", "has 4 values for 5 columns"),
        (HEADER + b"c0,p0,mel,0.9,0.1,7\n", "has 6 values for 5 columns"),
        (HEADER.replace(b",", b";") + b"c0;p0;mel;0,9;0,1\n", "semicolons between its columns"),
        (HEADER + b"c0,p0,m\xe9l,0.9,0.1\n", "UTF-8"),
        (HEADER * 300 + b"c0,p0,m\xe9l,0.9,0.1\n", "UTF-8"),
        (HEADER.decode().encode("utf-16"), "UTF-16"),
        (HEADER.replace(b"patient", b"case"), "several columns 'case'"),
        (b"PK\x03\x04 and so on", "a workbook or an archive"),
        (
            HEADER + b'c0,p0,"mel,0.9,0.1\n' + b"c1,p0,mel,0.9,0.1\n" * 3,
            "a quotation mark that is never closed",
        ),
        # Rows that only a strict reader misses: of a column that is not read, and in its middle.
        (
            b"note," + HEADER + b'a,c0,p0,mel,0.9,0.1\n"b,c1,p1,nv,0.9,0.1\nc,c2,p1,nv,0.9,0.1\n',
            "a quotation mark that is never closed",
        ),
        (
            HEADER[:-1] + b",note\n" + b'c0,p0,mel,0.9,0.1,"a\nc1,p1,nv,0.9,0.1,b\n',
            "a quotation mark that is never closed",
        ),
        (
            HEADER[:-1] + b",note\n" + b'c0,p0,mel,0.9,0.1,"a\nc1,p1,nv,0.9,0.1,"b\n',
            "a quotation mark that is never closed",
        ),
        (b"sep=,\n" + HEADER, "instruction to a spreadsheet"),
        (b"PAR1 and no more", "not a readable Parquet table"),
    ],
)
def test_files_that_are_no_tables(tmp_path: Path, content: bytes, words: str) -> None:
    assert words in refusal(text(tmp_path, content))


def test_a_truncated_parquet_file(tmp_path: Path) -> None:
    path = write(tmp_path, name="t.parquet")
    content = path.read_bytes()
    for length in (5, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        assert "it may have been cut off" in refusal(path)
    damaged = bytearray(content)
    damaged[4:60] = b"\0" * 56
    path.write_bytes(bytes(damaged))
    assert "it may have been cut off" in refusal(path)


def test_what_is_no_file(tmp_path: Path) -> None:
    assert "there is no such" in refusal(tmp_path / "absent.csv")
    with pytest.raises(PredictionsError, match=r"is a folder without dataset\.json"):
        refusal(tmp_path)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "is a folder, a pipe" in refusal(pipe)


def test_a_group_of_one_is_no_error(tmp_path: Path) -> None:
    table = frame(sex=["f", "m", "m", "m", "m", "m"])
    found = read_table(plan(Axis(name="sex", column="sex")), write(tmp_path, table))
    assert found.axes["sex"].levels == ("f", "m")


def test_a_full_disk_of_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("tempfile.TemporaryFile", Full)
    message = refusal(write(tmp_path))
    assert "temporary file" in message
    assert os.strerror(errno.ENOSPC) in message
    assert "TMPDIR" in message
