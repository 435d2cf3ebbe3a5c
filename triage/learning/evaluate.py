"""`triage evaluate`: a bundle on the test split of a spec, with intervals."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from triage.atomic_write import whole_file
from triage.backbones.runtime.execution import Precision, RuntimeName
from triage.data.dataset import Dataset, load_dataset
from triage.data.roles import draw_roles
from triage.data.spec import DataSpec
from triage.errors import UsageError, count_by_reason
from triage.evaluation import Evaluation, Outcomes, evaluate
from triage.evaluation.from_predictions import outcomes_of
from triage.evaluation.policy_costs import PolicyCosts, compare_policies
from triage.evaluation.prediction_sets import PredictionSetResult, evaluate_prediction_sets
from triage.evaluation.referral import ReferralResult
from triage.evaluation.segmentation import SegmentationResult
from triage.evaluation.uncertainty import UncertaintyResult, evaluate_uncertainty
from triage.hashing import hash_json
from triage.intake.score import score_cases
from triage.predictions import EXECUTION, Predictions
from triage.progress import Progress
from triage.systems.bundle import load_bundle_spec, load_system
from triage.systems.families import family_of, run_system_with
from triage.systems.manifest import BundleManifest
from triage.systems.trained_system import TrainedSystem

SPLIT = "test"


@dataclass(frozen=True)
class EvaluationRun:
    """An evaluation with everything it was made from."""

    evaluation: Evaluation
    outcomes: Outcomes
    predictions: Predictions
    manifest: BundleManifest
    dataset: Dataset
    rejected: dict[str, int]
    reasons: dict[str, int]
    referral: ReferralResult | None = None
    tissue: SegmentationResult | None = None
    findings: pd.DataFrame | None = None
    uncertainty: UncertaintyResult | None = None
    prediction_sets: PredictionSetResult | None = None
    policy_costs: PolicyCosts | None = None


def load_test_split(
    spec: DataSpec, root: str | Path, manifest: BundleManifest, trained: DataSpec
) -> Dataset:
    """Load the data with the roles a bundle was trained with.

    Raises
    ------
    UsageError
        If the spec places training and validation cases differently than the bundle's: test cases
        may have trained. It may divide test into test and gate.
    """
    check_placement(spec, manifest, trained)
    return load_dataset(spec, Path(root), manifest.roles.seed, for_training=False)


def check_placement(spec: DataSpec, manifest: BundleManifest, trained: DataSpec) -> None:
    """Check that a spec places cases in the splits that a bundle was trained with.

    Raises
    ------
    UsageError
        If it does not: test cases may have trained.
    """
    roles = manifest.roles
    draw = draw_roles(spec, roles.seed)
    # Test outliers may be other conditions than the bundle's, as long as it never met them.
    unmet = not set(draw.test) & {*roles.train, *roles.validation}
    if draw.inliers != roles.inliers or not unmet or _placement(spec) != _placement(trained):
        raise UsageError(
            "places conditions or groups differently than the spec the bundle was trained with, "
            "so its test cases may have trained",
            where=spec.name,
            hint="Use the bundle's own spec (spec.json in the bundle).",
        )


def _placement(spec: DataSpec) -> list[object]:
    """What decides, beside the roles, which cases train and validate."""
    rows, split = spec.rows, spec.split
    shares = [split.seed, split.train, split.validation]
    return [*shares, rows.case, rows.patient, rows.group, rows.split]


def evaluate_bundle(
    bundle: str | Path,
    spec: DataSpec,
    root: str | Path,
    *,
    cache_folder: str | Path | None = None,
    report: Progress = lambda *_: None,
    n_resamples: int = 1000,
    runtime: RuntimeName | None = None,
    precision: Precision | None = None,
) -> EvaluationRun:
    """Score the test split with a bundle and measure it.

    Parameters
    ----------
    runtime : {'torch', 'openvino'}, optional
        What runs the backbones of photographs; by default what the bundle records.
    precision : {'float32', 'bfloat16'}, optional
        Arithmetic of their embeddings; by default what the bundle records.
    """
    bundle, root = Path(bundle), Path(root)
    system, manifest = load_system(bundle)
    run_system_with(system, manifest, runtime, precision)
    dataset = load_test_split(spec, root, manifest, load_bundle_spec(bundle))
    return evaluate_system(
        system,
        manifest,
        dataset,
        cache_folder=cache_folder,
        report=report,
        n_resamples=n_resamples,
    )


def evaluate_system(
    system: TrainedSystem,
    manifest: BundleManifest,
    dataset: Dataset,
    *,
    cache_folder: str | Path | None = None,
    report: Progress = lambda *_: None,
    n_resamples: int = 1000,
) -> EvaluationRun:
    """Score and measure the test split of a loaded data set.

    Raises
    ------
    UsageError
        If no test case could be read.
    """
    cases = dataset.of_split(SPLIT)
    scored = score_cases(system, cases, Path(cache_folder) if cache_folder else None, report)
    if len(scored.predictions) == 0:
        raise UsageError("no test case could be read", where=dataset.spec.name)
    outcomes = outcomes_of(scored.predictions, system.policy, dataset.spec)
    report("bootstrap", 0, 1)
    evaluation = evaluate(outcomes, n_resamples=n_resamples)
    uncertainty = evaluate_uncertainty(
        scored.predictions, outcomes.is_outlier, n_resamples=n_resamples
    )
    policy_costs = compare_policies(
        scored.predictions, system.policy, dataset.spec, outcomes, n_resamples=n_resamples
    )
    report("bootstrap", 1, 1)
    extra = family_of(dataset.spec.modality).measure(
        system,
        scored,
        cases,
        dataset,
        dataset.spec.costs,
        report=report,
        n_resamples=n_resamples,
    )
    decisions = scored.predictions.decisions
    codes = Counter(decisions["reason_code"]) if decisions is not None else Counter()
    return EvaluationRun(
        evaluation=evaluation,
        outcomes=outcomes,
        predictions=scored.predictions,
        manifest=manifest,
        dataset=dataset,
        rejected=count_by_reason(scored.rejected.values()),
        reasons={code: count for code, count in sorted(codes.items()) if code},
        referral=extra.referral,
        tissue=extra.tissue,
        findings=scored.findings,
        uncertainty=uncertainty,
        prediction_sets=evaluate_prediction_sets(scored.predictions),
        policy_costs=policy_costs,
    )


def save_evaluation(run: EvaluationRun, folder: str | Path) -> None:
    """Write `predictions.parquet` and, last and whole, `evaluation.json` into a folder.

    Raises
    ------
    UsageError
        If the folder cannot be written to.
    """
    folder = Path(folder)
    run.predictions.save(folder / "predictions.parquet")
    text = json.dumps(as_json(run), indent=2) + "\n"
    try:
        with whole_file(folder / "evaluation.json") as partial:
            partial.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot be written to: {error.strerror}", where=str(folder)) from error


def as_json(run: EvaluationRun) -> dict[str, Any]:
    """The evaluation with its provenance, as plain JSON."""
    return {
        "bundle": run.manifest.digest(),
        "spec": run.dataset.spec.name,
        "spec_hash": hash_json(run.dataset.spec.model_dump(mode="json")),
        "data_hash": run.dataset.digest(),
        "roles": run.manifest.roles.model_dump(mode="json"),
        "head": run.manifest.head,
        "rejected": run.rejected,
        "abstained_by_reason": run.reasons,
        "note": run.dataset.spec.roles.note,
        "evaluation": run.evaluation.model_dump(mode="json"),
        # Only where it is not what the bundle records.
        **{name: said for name, said in run.predictions.provenance.items() if name == EXECUTION},
    } | {
        name: found.model_dump(mode="json")
        for name, found in (
            ("uncertainty", run.uncertainty),
            ("prediction_sets", run.prediction_sets),
            ("policy_costs", run.policy_costs),
            ("referral", run.referral),
            ("tissue", run.tissue),
        )
        if found is not None
    }
