"""The gate split and the frozen set."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from pydantic import ValidationError

from tests.data.make import make_rows
from tests.dataset_versions.make import RULE, clinic, taken
from triage.data.dataset import Dataset
from triage.dataset_versions.hold_out import HoldOutRule, assign_splits, gate_is_reported
from triage.dataset_versions.version import case_key
from triage.vocabulary.learning import MemberSplit

HELD_OUT = {MemberSplit.TEST, MemberSplit.GATE, MemberSplit.FROZEN}


def keys(dataset: Dataset) -> list[str]:
    return [case_key(dataset.spec.case_source, case.case_id) for case in dataset.cases]


def frozen(dataset: Dataset) -> set[str]:
    placed = zip(keys(dataset), assign_splits(dataset, RULE), strict=True)
    return {key for key, split in placed if split is MemberSplit.FROZEN}


def test_without_a_gate_share_a_part_of_test_is_the_gate(data: Dataset) -> None:
    splits = assign_splits(data, RULE)
    for before, after in zip(data.splits, splits, strict=True):
        assert after == before or (before == "test" and after in HELD_OUT)
    counts = Counter(splits)
    assert all(counts[split] > 0 for split in HELD_OUT)
    assert gate_is_reported(data)
    nothing = assign_splits(data, HoldOutRule(share_of_test=0.0))
    assert nothing == [MemberSplit(split) for split in data.splits]
    everything = Counter(assign_splits(data, HoldOutRule(share_of_test=1.0, frozen_share=0.0)))
    assert everything[MemberSplit.GATE] == data.splits.count("test")
    assert not everything[MemberSplit.TEST] + everything[MemberSplit.FROZEN]


def test_another_seed_chooses_others(data: Dataset) -> None:
    assert assign_splits(data, RULE) != assign_splits(data, HoldOutRule(seed=1))
    with pytest.raises(ValidationError):
        HoldOutRule.model_validate({"frozen_shar": 0.5})


def test_a_gate_share_of_the_spec_is_the_gate(tmp_path) -> None:
    shares = {"train": 0.6, "validation": 0.2, "test": 0.1, "gate": 0.1}
    dataset = clinic(tmp_path, make_rows(60), split=shares)
    assert not gate_is_reported(dataset)
    splits = assign_splits(dataset, RULE)
    for before, after in zip(dataset.splits, splits, strict=True):
        assert after == before or (before == "gate" and after is MemberSplit.FROZEN)
    assert Counter(splits)[MemberSplit.FROZEN] > 0


def test_the_frozen_set_stays_when_cases_come_or_the_rule_changes(data: Dataset) -> None:
    chosen = frozen(data)
    other = HoldOutRule(share_of_test=0.2, frozen_share=0.9, seed=5)
    splits = assign_splits(data, other, chosen)
    placed = dict(zip(keys(data), splits, strict=True))
    assert {key for key, split in placed.items() if split is MemberSplit.FROZEN} == chosen
    assert taken(data, chosen).root == taken(data).root


def test_what_hangs_together_with_a_frozen_case_does_not_train(data: Dataset) -> None:
    first = next(
        place for place, split in enumerate(assign_splits(data, RULE))
        if split is MemberSplit.FROZEN
    )  # fmt: skip
    cluster = data.cases[first].cluster
    learner = data.splits.index("train")
    tester = next(
        place for place, split in enumerate(data.splits) if split == "test" and place != first
    )
    cases = list(data.cases)
    for place in (learner, tester):
        cases[place] = replace(cases[place], cluster=cluster)
    splits = assign_splits(replace(data, cases=tuple(cases)), RULE, frozen(data))
    assert splits[first] is MemberSplit.FROZEN
    assert splits[learner] is MemberSplit.EXCLUDED
    assert splits[tester] in (MemberSplit.GATE, MemberSplit.FROZEN)


def test_a_frozen_case_of_another_source_has_another_key(data: Dataset) -> None:
    first = next(iter(frozen(data)))
    place = keys(data).index(first)
    case = data.cases[place]
    splits = assign_splits(data, RULE, {first}, sources={case.case_id: "elsewhere"})
    assert splits[place] is not MemberSplit.FROZEN
