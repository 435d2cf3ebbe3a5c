from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.tiny import TinyBundle
from triage.data.dataset import Dataset
from triage.data.spec import DataSpec
from triage.errors import UsageError
from triage.learning.evaluate import EvaluationRun, as_json, load_test_split, save_evaluation
from triage.predictions import Predictions


def test_only_the_test_split_is_measured(evaluated: EvaluationRun, phantom_data: Dataset) -> None:
    scored = set(evaluated.predictions.cases["case_id"])
    assert scored == {case.case_id for case in phantom_data.of_split("test")}


def test_headline_numbers_from_the_predictions(evaluated: EvaluationRun) -> None:
    table = evaluated.predictions
    assert table.decisions is not None
    labels = table.cases["label"].to_numpy()
    outlier = ~np.isin(labels, table.inliers)
    right = table.decisions["condition"].to_numpy() == labels
    overall = evaluated.evaluation.overall
    assert overall["accuracy"].value == pytest.approx(right[~outlier].mean())
    score = table.decisions["ood_score"].to_numpy()
    assert overall["ood_auroc"].value == pytest.approx(roc_auc_score(outlier, score))
    assert overall["accuracy"].low <= overall["accuracy"].value <= overall["accuracy"].high


def test_doubt_and_its_parts_are_averaged(evaluated: EvaluationRun) -> None:
    decisions = evaluated.predictions.decisions
    assert decisions is not None
    assert evaluated.uncertainty is not None
    known = np.isin(evaluated.predictions.cases["label"], evaluated.predictions.inliers)
    rows = {row.level: row for row in evaluated.uncertainty.rows if not row.axis}
    for level, where in (("Known conditions", known), ("Unknown conditions", ~known)):
        for part, found in (
            ("aleatoric", rows[level].aleatoric),
            ("epistemic", rows[level].epistemic),
        ):
            assert found is not None
            assert found.value == pytest.approx(decisions[part][where].mean())
    assert as_json(evaluated)["uncertainty"]["rows"][0]["level"] == "All cases"


def test_the_json_carries_its_origin(evaluated: EvaluationRun, phantom_data: Dataset) -> None:
    content = as_json(evaluated)
    json.dumps(content, allow_nan=False)
    assert content["bundle"] == evaluated.manifest.digest()
    assert content["data_hash"] == phantom_data.digest()
    assert content["spec_hash"] == evaluated.manifest.spec_hash
    assert content["rejected"] == {}
    assert sum(content["abstained_by_reason"].values()) == evaluated.outcomes.abstained.sum()


def test_saving(evaluated: EvaluationRun, tmp_path: Path) -> None:
    save_evaluation(evaluated, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"evaluation.json", "predictions.parquet"}
    assert json.loads((tmp_path / "evaluation.json").read_text()) == as_json(evaluated)
    assert len(Predictions.load(tmp_path / "predictions.parquet")) == len(evaluated.predictions)


def changed(spec: DataSpec, **changes: Any) -> DataSpec:
    content = spec.model_dump(mode="json")
    for key, value in changes.items():
        content[key] = {**content[key], **value} if isinstance(value, dict) else value
    return DataSpec.model_validate(content)


@pytest.mark.parametrize(
    "changes",
    [
        {"split": {"seed": 1}},
        {"split": {"train": 0.5, "test": 0.3}},
        {"rows": {"patient": None}},
        {"rows": {"group": ["device"]}},
        {"rows": {"case": None}},
        {"roles": {"auto": {"train": 1, "validation": 1, "test": 4}}},
    ],
)
def test_a_spec_that_places_cases_elsewhere_is_refused(
    changes: dict[str, Any], tiny_bundle: TinyBundle, phantom_spec: DataSpec, phantom_root: Path
) -> None:
    """Its test cases may have trained."""
    other = changed(phantom_spec, **changes)
    with pytest.raises(UsageError, match="may have trained"):
        load_test_split(other, phantom_root, tiny_bundle.manifest, phantom_spec)


def test_a_spec_with_other_costs_is_fine(
    tiny_bundle: TinyBundle, phantom_spec: DataSpec, phantom_root: Path, phantom_data: Dataset
) -> None:
    other = changed(phantom_spec, title="Elsewhere", outlier_prevalence=0.4)
    found = load_test_split(other, phantom_root, tiny_bundle.manifest, phantom_spec)
    assert found.splits == phantom_data.splits


def test_test_outliers_may_be_others_that_the_bundle_never_met(
    tiny_bundle: TinyBundle, phantom_spec: DataSpec, phantom_root: Path
) -> None:
    """One of the bundle's test outliers trains in this spec: the other still tests."""
    other = changed(phantom_spec, roles={"auto": {"train": 3, "validation": 2, "test": 1}})
    met = {*tiny_bundle.manifest.roles.train, *tiny_bundle.manifest.roles.validation}
    found = load_test_split(other, phantom_root, tiny_bundle.manifest, phantom_spec)
    outliers = {case.condition for case in found.of_split("test")} - set(found.draw.inliers)
    assert outliers
    assert not outliers & met


def test_the_roles_are_those_of_the_bundle(
    tiny_bundle: TinyBundle, phantom_spec: DataSpec, phantom_root: Path
) -> None:
    """Not those of another seed in the spec."""
    other = changed(phantom_spec, roles={"seed": 5})
    found = load_test_split(other, phantom_root, tiny_bundle.manifest, phantom_spec)
    assert found.draw.test == tiny_bundle.manifest.roles.test


def test_a_spec_that_keeps_a_part_of_test_for_the_gate(
    tiny_bundle: TinyBundle, phantom_spec: DataSpec, phantom_root: Path, phantom_data: Dataset
) -> None:
    """A bundle of before is measured on what is left of the test split."""
    own = phantom_spec.split
    shares = {"test": own.test * 0.6, "gate": own.test * 0.4}
    other = changed(phantom_spec, split=own.model_dump() | shares)
    found = load_test_split(other, phantom_root, tiny_bundle.manifest, phantom_spec)
    for before, after in zip(phantom_data.splits, found.splits, strict=True):
        assert before == after or (before, after) == ("test", "gate")
    assert found.of_split("gate")
    assert found.of_split("test")
