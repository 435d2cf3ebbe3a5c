"""Columns of a table with the licence and the consent of cases, and the gate share of a spec."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.data.make import make_content, make_rows, make_spec, write_clinic
from triage.data.dataset import load_dataset
from triage.data.spec import DataSpec, Split
from triage.data.validate import examine_data
from triage.hashing import hash_json
from triage.vocabulary.learning import Consent

STATED = make_spec(rows=make_content()["rows"] | {"licence": "terms", "consent": "agreed"})


def rows(*changes: dict[str, str]) -> list[dict[str, str]]:
    made = [row | {"terms": "", "agreed": ""} for row in make_rows()]
    for row, change in zip(made, changes, strict=False):
        row |= change
    return made


def test_cases_state_their_licence_and_consent(tmp_path: Path) -> None:
    write_clinic(
        tmp_path,
        rows({"terms": " CC0 ", "agreed": "given"}, {"agreed": "withdrawn"}, {"agreed": "n/a"}),
    )
    data = load_dataset(STATED, tmp_path)
    first, second, third = data.cases[:3]
    assert (first.licence, first.consent) == ("CC0", Consent.GIVEN)
    assert (second.licence, second.consent) == (None, Consent.WITHDRAWN)
    assert third.consent is Consent.NOT_RECORDED
    assert data.splits[1] == "excluded"
    assert "excluded" not in (data.splits[0], data.splits[2])
    without = load_dataset(make_spec(), tmp_path)
    assert without.cases[1].consent is Consent.NOT_RECORDED
    assert (data.splits[0], *data.splits[2:]) == (without.splits[0], *without.splits[2:])


def test_another_word_for_a_consent_is_a_problem(tmp_path: Path) -> None:
    write_clinic(tmp_path, rows({"agreed": "yes"}, {"agreed": "givn"}))
    problems = examine_data(STATED, tmp_path).problems
    assert "agreed: 'yes' is none of given, withdrawn" in problems
    assert "agreed: 'givn' is none of given, withdrawn; it is almost 'given'" in problems


def test_rows_of_a_case_that_disagree(tmp_path: Path) -> None:
    twice = rows({"agreed": "given"}, {"case_id": "c-acne-0", "patient_id": "p-acne-0"})
    write_clinic(tmp_path, twice)
    assert (
        "case_id c-acne-0: its rows disagree on agreed" in examine_data(STATED, tmp_path).problems
    )


def test_a_spec_without_these_keys_has_the_hash_of_before() -> None:
    content = make_spec().model_dump(mode="json")
    assert "gate" not in content["split"]
    assert {"licence", "consent"}.isdisjoint(content["rows"])
    again = DataSpec.model_validate(content)
    assert hash_json(again.model_dump(mode="json")) == hash_json(content)


def test_shares_sum_to_one_with_the_gate() -> None:
    assert Split(train=0.5, validation=0.2, test=0.2, gate=0.1).gate == 0.1
    with pytest.raises(ValidationError, match=r"train \+ validation \+ test \+ gate is 1.1, not 1"):
        Split(gate=0.1)
    with pytest.raises(ValidationError, match=r"train \+ validation \+ test is 0.9, not 1"):
        Split(test=0.1)


def test_the_gate_needs_a_case_of_each_inlier_where_a_share_is_asked_for(tmp_path: Path) -> None:
    write_clinic(tmp_path)
    shares = {"train": 0.6, "validation": 0.2, "test": 0.199, "gate": 0.001}
    problems = examine_data(make_spec(split=shares), tmp_path).problems
    assert "condition 'acne': no case in gate (change split.seed or its shares)" in problems


def test_a_level_that_is_held_out_takes_nothing_from_the_gate(tmp_path: Path) -> None:
    made = [
        row | {"device": "a" if number % 2 else "b"} for number, row in enumerate(make_rows(40))
    ]
    write_clinic(tmp_path, made)
    spec = make_spec(
        split={"train": 0.5, "validation": 0.2, "test": 0.2, "gate": 0.1},
        subgroups=[{"column": "device"}],
    )
    data = load_dataset(spec, tmp_path)
    shifted = data.with_held_out("device", "a", split="shift")
    for case, before, after in zip(data.cases, data.splits, shifted.splits, strict=True):
        if before == "gate":
            assert after == ("excluded" if case.subgroups["device"] == "a" else "gate")
    assert data.with_gate(data.gate_clusters()) == data
