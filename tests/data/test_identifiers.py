"""What is certainly the same, probably the same, probably damaged, and missing."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.damaged_tables import (
    MISSING,
    NO_IDENTIFIERS,
    clean_ids,
    spellings,
)
from triage.data.identifier_damage import damage_of
from triage.data.identifiers import clean_text, has_drive, is_missing, is_no_identifier, path_column
from triage.data.lookalikes import nearest_name, probably_same


@settings(deadline=None, derandomize=True)
@given(clean_ids.flatmap(lambda name: st.tuples(st.just(name), spellings(name))))
def test_a_certain_spelling_is_the_same(pair: tuple[str, str]) -> None:
    meant, written = pair
    assert clean_text(written) == clean_text(meant) == meant


@settings(deadline=None, derandomize=True)
@given(st.text())
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert clean_text(clean_text(text)) == clean_text(text)


@pytest.mark.parametrize("text", [*MISSING, *NO_IDENTIFIERS])
def test_no_identifiers(text: str) -> None:
    assert is_no_identifier(text)


def test_identifiers_that_only_look_like_words_for_missing() -> None:
    for text in (
        "NA1", "0", "-1", "nano", "unknown-7", "#1", "Nan Li", "N-D", "ND", "KA", "S.O.", "1-IND",
        "#A1", "N", "no id 7", "Err:5",
    ):  # fmt: skip
        assert not is_no_identifier(text)
    assert is_missing("  N/A ")
    for text in ("keine", "new", "none_given", "removed"):  # of a label or a level, a value
        assert not is_missing(text)
    assert not is_missing("#REF!")


def test_identifiers_that_are_probably_the_same() -> None:
    alike = [
        ("P1", "p1", "upper and lower case"),
        ("007", "7", "leading zeros"),
        ("P-001", "P001", "blanks or punctuation"),
        ("123", "123.0", "a trailing .0"),
        ("A104", "Al04", "the signs O and 0, or l, I and 1"),
        ("A104", "AI04", "the signs O and 0, or l, I and 1"),
        ("Muller3", "M\u00fcller3", "accents"),
        ("Mueller4", "M\u00fcller4", "an umlaut written as two letters"),
        ("iz4", "\u0130z4", "accents"),
        ("12", "l2", "the signs O and 0, or l, I and 1"),
        ("p07", "po7", "the signs O and 0, or l, I and 1"),
        ("12", "\uff11\uff12", "letters of another alphabet or width"),
        ("A1", "\u04101", "letters of another alphabet or width"),
        ("A1", "\u03911", "letters of another alphabet or width"),
        ("12", "\u0661\u0662", "letters of another alphabet or width"),
        ("12", "Patient 12", "a word such as 'patient' before the number"),
    ]
    for first, second, kind in alike:
        assert probably_same([second, first]) == [([first, second], kind)]
    umlauts = ["Mueller4", "Muller4", "M\u00fcller4", "M\u00fcller5", "Muelle4", "blue1", "blu1"]
    assert [group for group, _ in probably_same(umlauts)] == [umlauts[:3]]
    (found,) = probably_same(["IMG_0012", "img12", "img13"])
    assert found[0] == ["IMG_0012", "img12"]
    assert probably_same(["1-11", "11-1", "1", "10", "100", "p-1-1", "p-11", "A", "B"]) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1.2E+05", "scientific"),
        ("1,2E+05", "scientific"),
        ("5E+10", "scientific"),
        ("Mar-01", "date"),
        ("2-Sep", "date"),
        ("01/03/2020", "date"),
        ("2020-03-01 00:00:00", "date"),
        ("123.0", "fraction"),
        ("TRUE", "truth"),
        ("M\u00c3\u00bcller", "encoding"),
        ("M?ller", "encoding"),
        ("12E+04", "scientific"),
        ("1. M\u00e4rz", "date"),
        ("01JAN2020", "date"),
        ("March 1, 2020", "date"),
        ("01:05:00", "time"),
        ("1,234", "thousands"),
        ('="00123"', "formula"),
        ("'00123", "quotation"),
        ("\u201cP1\u201d", "quotation"),
        ("P\n1", "line break"),
        ("P&nbsp;1", "web page"),
        ("P%201", "web page"),
        ("['P1']", "program"),
        ("Total", "totals"),
        ("5 %", "percentage"),
    ],
)
def test_damage(text: str, kind: str) -> None:
    assert kind in str(damage_of(text))


def test_no_damage() -> None:
    for text in (
        "MAR-001",
        "219E01",
        "2021-03-04_001",
        "IMG_0001",
        "12:30",
        "O'Neill",
        "SEPT1",
        "20200301",
        "12.34",
        "1.2.840.1",
        "p-9",
        "M\u00fcller",
        "0",
    ):
        assert damage_of(text) is None


def test_the_nearest_name() -> None:
    assert nearest_name("case_id", ["image", "Case_ID"]) == "Case_ID"
    assert nearest_name("patient_id", ["patient_id "]) == "patient_id "
    assert nearest_name("patient_id", ["patinet_id"]) == "patinet_id"
    assert nearest_name("age", ["image", "stage"]) is None
    assert nearest_name("sex", ["set"]) is None
    assert nearest_name("age", ["age (years)"]) == "age (years)"
    assert nearest_name("age", ["sex", "patient_age"]) == "patient_age"
    assert nearest_name("patient_id", ["patient_age", "Subject No."]) == "Subject No."
    assert nearest_name("sex", ["gender"]) == "gender"
    assert nearest_name("image", ["image_id"]) == "image_id"
    assert nearest_name("patient_id", ["patient_age"]) is None


def test_paths(tmp_path: Path) -> None:
    (tmp_path / "\u00e9.png").write_bytes(b"x")
    (tmp_path / "odd\\name.png").write_bytes(b"x")
    names = pd.Series(["a\\b.png", " c.png ", "e\u0301.png", "odd\\name.png", "..\\up.png"])
    assert list(path_column(names, tmp_path)) == [
        "a/b.png", "c.png", "\u00e9.png", "odd\\name.png", "../up.png",
    ]  # fmt: skip
    assert has_drive("C:\\a.png")
    assert has_drive("\\\\server\\a.png")
    assert not has_drive("c/a.png")
