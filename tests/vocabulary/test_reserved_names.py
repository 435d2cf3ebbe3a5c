"""The replacement of a missing identifier is distinguished from the identifiers of a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from triage.data.manifest import Case
from triage.data.spec import DataSpec
from triage.intake.case_table import read_unlabelled
from triage.vocabulary.reserved_names import is_reserved

TABLE = "image,case_id,patient_id\na.png,a,p\nb.png,b,\nc.png,,p\nd.png,NA,-\na,,\n"


@pytest.fixture
def cases(tmp_path: Path, phantom_spec: DataSpec) -> list[Case]:
    (tmp_path / "new.csv").write_text(TABLE)
    return read_unlabelled(tmp_path / "new.csv", tmp_path, phantom_spec)


def test_a_case_that_the_table_does_not_name_is_marked(cases: list[Case]) -> None:
    assert {case.case_id: case.id_derived for case in cases} == {
        "a": False, "b": False, "c.png": True, "d.png": True, "(image) a": True,
    }  # fmt: skip


def test_only_a_patient_of_the_table_is_stated(cases: list[Case]) -> None:
    assert [case.stated_patient for case in cases] == ["p", None, "p", None, None]
    assert [is_reserved(case.patient_id) for case in cases] == [False, True, False, True, True]


def test_without_the_columns_nothing_is_stated(tmp_path: Path, phantom_spec: DataSpec) -> None:
    (tmp_path / "new.csv").write_text("image\na.png\n")
    (case,) = read_unlabelled(tmp_path / "new.csv", tmp_path, phantom_spec)
    assert case.id_derived
    assert case.stated_patient is None


@pytest.mark.parametrize("name", ["(case) a", "(image) a.png"])
def test_a_reserved_name(name: str) -> None:
    assert is_reserved(name)
    assert not is_reserved(name.strip("("))
