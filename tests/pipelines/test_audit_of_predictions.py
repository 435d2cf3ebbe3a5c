"""An audit of a predictions table of ours says what the evaluation of the bundle says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.pipelines.command import Command
from tests.tiny import TinyBundle
from triage.data.spec_files import shipped_spec
from triage.errors import BundleError
from triage.hashing import hash_json
from triage.learning.evaluate import EvaluationRun
from triage.reports.audited_system import policy_in


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


def test_probabilities_are_calibrated_as_the_bundle_does(
    triage: Command, evaluated: EvaluationRun, tiny_bundle: TinyBundle, tmp_path: Path
) -> None:
    path, plan, out = tmp_path / "p.parquet", tmp_path / "plan.yaml", tmp_path / "o"
    evaluated.predictions.save(path)
    made = triage("audit", "plan", "--spec", shipped_spec("derm_phantoms"), "--predictions", path,
                  "--out", plan, "--replicates", "100")  # fmt: skip
    assert made.code == 0, made.err
    run = ("audit", "run", plan, "--predictions", path, "--out", out, "--json")
    done = triage(*run, "--bundle", tiny_bundle.folder)
    assert done.code == 0, done.err
    assert not any("mean of the ensemble" in one for one in done.json["deviations"])
    report = json.loads((out / "report.json").read_text())
    values = {one["metric"]: one["value"] for one in report["estimates"]
              if one["axis"] == "overall"}  # fmt: skip
    expected = evaluated.evaluation.overall
    for key in ("nll", "brier", "ece", "adaptive_ece"):
        assert values[key] == pytest.approx(expected[key].value, abs=1e-6), key


def test_an_altered_policy_is_refused(tiny_bundle: TinyBundle, tmp_path: Path) -> None:
    content = (tiny_bundle.folder / "manifest.json").read_bytes()
    (tmp_path / "manifest.json").write_bytes(content)
    policy = (tiny_bundle.folder / "policy.json").read_bytes()
    (tmp_path / "policy.json").write_bytes(policy)
    assert policy_in(tmp_path) == policy_in(tiny_bundle.folder)
    (tmp_path / "policy.json").write_bytes(policy.rstrip())
    with pytest.raises(BundleError, match="policy was altered"):
        policy_in(tmp_path)


def test_the_model_card_of_a_bundle(
    triage: Command, evaluated: EvaluationRun, tiny_bundle: TinyBundle, tmp_path: Path
) -> None:
    path, plan, out = tmp_path / "p.parquet", tmp_path / "plan.yaml", tmp_path / "o"
    evaluated.predictions.save(path)
    digest, manifest = evaluated.manifest.digest(), evaluated.manifest
    made = ("audit", "plan", "--spec", shipped_spec("derm_phantoms"), "--replicates", "100",
            "--limit", "accuracy>=0.5", "--out", plan)  # fmt: skip
    run = ("audit", "run", plan, "--predictions", path, "--out", out)

    def system() -> dict[str, object]:
        found: dict[str, object] = json.loads((out / "report.json").read_text())["system"]
        return found

    assert triage(*made, "--predictions", path).code == 0
    assert triage(*run).code == 0
    assert system()["name"] == f"bundle {digest[:12]}"
    assert system()["manifest"] is None
    assert triage(*made, "--bundle", tiny_bundle.folder).code == 0
    content = yaml.safe_load(plan.read_text())
    assert content["bundle"] == digest
    assert content["system"] == f"{manifest.name}, made {manifest.created_at}"
    assert triage(*run, "--bundle", tiny_bundle.folder).code == 0
    assert system()["name"] == content["system"]
    written = json.loads((tiny_bundle.folder / "manifest.json").read_text())
    assert system()["manifest"] == {k: v for k, v in written.items() if k != "digest"}
    assert system()["intended_use"] == manifest.intended_use
    assert "Library versions" in (out / "report.html").read_text()


def test_another_or_altered_bundle_is_refused(
    triage: Command, evaluated: EvaluationRun, tiny_bundle: TinyBundle, tmp_path: Path
) -> None:
    path, plan, out = tmp_path / "p.parquet", tmp_path / "plan.yaml", tmp_path / "o"
    evaluated.predictions.save(path)
    assert triage("audit", "plan", "--spec", shipped_spec("derm_phantoms"), "--predictions", path,
                  "--out", plan).code == 0  # fmt: skip
    run = ("audit", "run", plan, "--predictions", path, "--out", out, "--bundle", tmp_path)
    content = json.loads((tiny_bundle.folder / "manifest.json").read_text())
    content["name"] = "another"
    (tmp_path / "manifest.json").write_text(json.dumps(content))
    policy = (tiny_bundle.folder / "policy.json").read_bytes()
    (tmp_path / "policy.json").write_bytes(policy)
    answer = triage(*run)
    assert (answer.code, "The manifest was altered" in answer.err) == (2, True)
    del content["digest"]
    (tmp_path / "manifest.json").write_text(json.dumps({**content, "digest": hash_json(content)}))
    answer = triage(*run)
    assert answer.code == 2
    assert "the audited one is " + evaluated.manifest.digest()[:12] in answer.err
    (tmp_path / "manifest.json").unlink()
    assert "there is no such manifest" in triage(*run).err
    assert not out.exists()
