"""Predictions tables of this software: probabilities, decisions, and the bundle that made them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.audit_sources.tables import plan
from triage.audit_sources import read_table
from triage.auditing.audit_plan import AuditPlan, Axis, PlannedCondition
from triage.errors import UsageError
from triage.predictions import Predictions

CLASSES = ("acne", "melanoma", "wart")
LABELS = ["acne", "melanoma", "wart", "mole", "acne", "melanoma"]
CONDITIONS = (
    PlannedCondition(name="acne", urgency="routine"),
    PlannedCondition(name="melanoma", urgency="urgent"),
    PlannedCondition(name="wart", urgency="observation"),
    PlannedCondition(name="mole", known=False),
)
OWN = {"label": "label", "probabilities": None, "case": None, "patient": None}
"""Columns of a plan that names none."""


def decisions(shares: np.ndarray, **changes: Any) -> pd.DataFrame:
    ranked = [
        json.dumps([{"condition": name, "probability": round(float(p), 6)}
                    for name, p in zip(CLASSES[:2], row, strict=True)])
        for row in shares
    ]  # fmt: skip
    given = {
        "condition": [CLASSES[int(row.argmax())] for row in shares],
        "recommendation": ["routine", "urgent", "no_ai_opinion", "no_ai_opinion", "routine",
                           "semi_urgent"],
        "queue_urgency": ["routine", "urgent", "semi_urgent", "urgent", "routine", "semi_urgent"],
        "ood_score": np.linspace(0, 1, len(shares)),
        "differential": ranked,
    }  # fmt: skip
    return pd.DataFrame(given | changes)


def write(folder: Path, *, calibrated: bool = True, **changes: Any) -> tuple[Path, Predictions]:
    rng = np.random.default_rng(0)
    members = rng.dirichlet(np.ones(3), size=(6, 4)).astype(np.float32)
    cases = pd.DataFrame(
        {
            "case_id": [f"c{row}" for row in range(6)],
            "patient_id": [f"p{row}" for row in range(6)],
            "cluster": ["a", "a", "b", "c", "c", "d"],
            "label": pd.Series(LABELS, dtype=object),
            "sex": ["f", "m", "unknown", "f", "f", "m"],
            "age": ["0-40", "40-80", "0-40", "unknown", "40-80", "40-80"],
        }
    )
    made = Predictions(
        cases=cases, classes=CLASSES, n_inliers=2, members=("m0", "m1", "m2", "m3"),
        probabilities=members, embedding=np.zeros((6, 3), dtype=np.float32),
        provenance={"bundle": "ab" * 32, "code_version": "1"},
    )  # fmt: skip
    shares = np.linspace(0.1, 0.9, 6)
    table = decisions(np.column_stack([shares, 1 - shares]), **changes)
    if not calibrated:
        table["differential"] = [json.dumps(json.loads(one)[:1]) for one in table["differential"]]
    made = made.with_decisions(table)
    path = folder / "predictions.parquet"
    made.save(path)
    return path, made


def own_plan(**changes: Any) -> AuditPlan:
    axes = (
        Axis(name="sex", column="sex"),
        Axis(name="age", column="age", bands=(0, 40, 80)),
    )
    given = {"columns": OWN, "outliers": (), "conditions": CONDITIONS, "bundle": "ab" * 32}
    return plan(*axes, **(given | changes))


def test_what_was_decided_and_by_which_probabilities(tmp_path: Path) -> None:
    path, made = write(tmp_path)
    found = read_table(own_plan(), path)
    assert found.classes == ("acne", "melanoma")
    # A wart is a class of the head that the system does not know as a condition.
    assert found.truth.tolist() == [0, 1, -1, -1, 0, 1]
    assert found.cluster.tolist() == [0, 0, 1, 2, 2, 3]
    assert found.probabilities is not None
    shares = np.linspace(0.1, 0.9, 6)
    np.testing.assert_allclose(found.probabilities[:, 0], shares, atol=1e-5)
    assert found.abstained is not None
    assert found.abstained.tolist() == [False, False, True, True, False, False]
    assert found.queue_urgency is not None
    assert found.queue_urgency.tolist() == [2, 0, 1, 0, 2, 1]
    assert found.ood_score is not None
    assert made.decisions is not None
    np.testing.assert_allclose(found.ood_score, made.decisions["ood_score"])
    assert found.axes["age"].levels == ("0-40", "40-80", "unknown")
    assert found.notes == ()
    assert found.facts["bundle"] == "ab" * 32
    assert found.facts["probabilities"] == "as decided by"


def test_the_mean_of_the_members_where_not_all_probabilities_are_stated(tmp_path: Path) -> None:
    path, made = write(tmp_path, calibrated=False)
    found = read_table(own_plan(), path)
    known = made.mean_probabilities()[:, :2]
    assert found.probabilities is not None
    np.testing.assert_allclose(
        found.probabilities, known / known.sum(axis=1, keepdims=True), atol=1e-6
    )
    assert any("mean of the ensemble's members" in note for note in found.notes)


def test_a_bundle_that_changed_since_the_plan_is_a_deviation(tmp_path: Path) -> None:
    path, _ = write(tmp_path)
    (note,) = read_table(own_plan(bundle="cd" * 32), path).notes
    assert note.startswith("The bundle changed since the plan")
    assert "abababababab" in note
    assert "cdcdcdcdcdcd" in note


def test_a_plan_for_another_table(tmp_path: Path) -> None:
    path, _ = write(tmp_path)
    with pytest.raises(UsageError, match="the plan is for another table: 'acne'"):
        read_table(own_plan(conditions=CONDITIONS[1:]), path)


def test_a_table_without_decisions(tmp_path: Path) -> None:
    path, made = write(tmp_path)
    Predictions.save(made.with_decisions(None), path)  # type: ignore[arg-type]  # as unscored
    with pytest.raises(UsageError, match=r"no column 'recommendation'.*Score again"):
        read_table(own_plan(), path)


def test_other_columns_of_the_plan_count_first(tmp_path: Path) -> None:
    path, _ = write(tmp_path)
    found = read_table(own_plan(columns=OWN | {"patient": "patient_id"}), path)
    assert found.cluster.tolist() == [0, 1, 2, 3, 4, 5]
