"""An audit of a predictions table of ours says what the evaluation of the bundle says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.pipelines.command import Command
from triage.data.spec_files import shipped_spec
from triage.learning.evaluate import EvaluationRun


def test_a_predictions_table_of_ours(
    triage: Command, evaluated: EvaluationRun, tmp_path: Path
) -> None:
    path, plan, out = tmp_path / "p.parquet", tmp_path / "plan.yaml", tmp_path / "o"
    evaluated.predictions.save(path)
    spec = shipped_spec("derm_phantoms")
    answer = triage("audit", "plan", "--spec", spec, "--predictions", path, "--out", plan,
                    "--replicates", "100", "--json")  # fmt: skip
    assert answer.code == 0, answer.err
    done = triage("audit", "run", plan, "--predictions", path, "--out", out, "--json")
    assert done.code == 0, done.err
    assert done.json["cases"] == len(evaluated.predictions)
    assert [one for one in done.json["deviations"] if "bundle changed" in one] == []
    report = json.loads((out / "report.json").read_text())
    values = {one["metric"]: one["value"] for one in report["estimates"]
              if one["axis"] == "overall"}  # fmt: skip
    expected = evaluated.evaluation.overall
    for key in ("accuracy", "ood_auroc", "abstention_rate", "under_triage_rate", "clinical_cost"):
        assert values[key] == pytest.approx(expected[key].value, abs=1e-9), key
    other = triage("audit", "plan", "--spec", spec, "--out", plan, "--replicates", "100")
    assert other.code == 0
    plan.write_text(plan.read_text() + "bundle: " + "cd" * 32 + "\n")
    done = triage("audit", "run", plan, "--predictions", path, "--out", out, "--json")
    assert any("bundle changed since the plan" in one for one in done.json["deviations"])
