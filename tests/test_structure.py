"""Limits on package and function sizes, and one defined place for each concept."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_architecture import ROOT, SOURCES, Source, offenders, within
from triage.vocabulary.modality import Modality

MOST_PACKAGE_LINES = 9000
MOST_FUNCTION_LINES = 80
MOST_MODALITY_BRANCHES = 6
MAY_COMPARE_MODALITIES = (
    "triage.modalities",
    "triage.systems",
    "triage.imaging",
    "triage.oct_imaging",
    "triage.decoding",
)
"""Packages that compare modalities; others use the description or the family of a modality."""

CONCEPTS = {
    "HOD head": "triage/heads/hod.py:HierarchicalOutlierDetection",
    "reject bucket": "triage/heads/reject_bucket.py:RejectBucket",
    "temperature scaling": (
        "triage/uncertainty/calibration/temperature_scaling.py:TemperatureScaling"
    ),
    "Mahalanobis score": "triage/uncertainty/scores/mahalanobis.py:Mahalanobis",
    "energy score": "triage/uncertainty/scores/energy.py:Energy",
    "outlier exposure loss": "triage/losses/outlier_exposure.py:outlier_exposure_loss",
    "cost matrix": "triage/decisions/cost_matrix.py:CostMatrix",
    "threshold": "triage/decisions/abstention_threshold.py:cheapest_threshold",
    "conformal set": "triage/uncertainty/conformal/conformal_set.py:ConformalSet",
    "bootstrap interval": "triage/evaluation/bootstrap_intervals.py:interval",
    "AUROC": "triage/uncertainty/auroc.py:auroc",
    "FPR95": "triage/evaluation/metrics/ranking.py:fpr95_value",
    "subgroup metrics": "triage/evaluation/subgroups.py:subgroup_scopes",
    "paired comparison": "triage/evaluation/paired_comparison.py:paired_difference",
    "model card": "triage/systems/model_card.py:model_card",
    "bundle verification": "triage/systems/bundle_verification.py:check_files",
    "promotion gate": "triage/gating/gate.py:run_gate",
    "policy of retraining": "triage/gating/policy.py:GatePolicy",
    "label precedence": "triage/labels/label_precedence.py:cases_of_labels",
    "usable labels": "triage/labels/usable.py:usable_labels",
    "votes of readers": "triage/labels/votes.py:votes_of_case",
    "confident learning": "triage/labels/confident_learning.py:label_errors",
    "label provenance": "triage/labels/provenance.py:LabelProvenance",
    "dataset version": "triage/dataset_versions/version.py:DatasetVersion",
    "hold-out": "triage/dataset_versions/hold_out.py:assign_splits",
    "leaks": "triage/dataset_versions/leaks.py:check_leaks",
    "withdrawal of consent": "triage/dataset_versions/withdrawal.py:withdraw_consent",
    "reusable hold-out": "triage/gating/hold_out_ladder.py:level_of_use",
    "readiness": "triage/gating/readiness.py:readiness",
    "promotion": "triage/model_registry/proposals.py:approve",
    "rollback": "triage/model_registry/rollback.py:rollback",
    "shadow report": "triage/model_registry/shadow_report.py:shadow_report",
    "bundle signature": "triage/systems/bundle_signature.py:check_signature",
    "acquisition strategies": "triage/acquisition/strategy.py:Strategy",
    "BatchBALD": "triage/acquisition/batchbald.py:BatchBald",
    "joint predictive": "triage/uncertainty/joint_predictive.py:joint_log_likelihood",
    "event types": "triage/vocabulary/event_types.py:EventType",
    "blind first read": "triage/review/reading.py:lock_first_read",
    "worklist order": "triage/review/worklist.py:worklist_page",
    "audit verdict": "triage/vocabulary/verdicts.py:Verdict",
    "HTML report": "triage/reports/render/html.py:render_html",
    "near-duplicates": "triage/systems/near_duplicates.py:near_duplicates",
    "patient split": "triage/data/patient_split.py:split_cases",
    "embedding cache": "triage/models/embedding_cache.py:EmbeddingCache",
    "training loop": "triage/models/training_loop.py:fit_task",
    "U-Net": "triage/models/oct/unet.py:new_segmentation",
    "DICOM OCT reader": "triage/oct_imaging/dicom_reader.py:read_opt",
    "metadata removal": "triage/imaging/metadata_removal.py:device_text",
    "engine task": "triage/engine/task.py:Task",
    "executor": "triage/engine/executor.py:Executor",
    "scored dataset": "triage/scored_dataset.py:DatasetManifest",
    "ingest of a scored dataset": "triage/intake/ingest_dataset.py:ingest_dataset",
    "monitoring plan": "triage/monitoring/monitoring_plan.py:MonitoringPlan",
    "alarms": "triage/monitoring/alarms.py:raise_alarms",
    "Bernoulli CUSUM": "triage/monitoring/bernoulli_cusum.py:CusumDesign",
    "distribution drift": "triage/monitoring/distribution_drift.py:ks_drift",
    "kernel MMD": "triage/monitoring/kernel_mmd.py:mmd_test",
    "accuracy without labels": "triage/monitoring/accuracy_estimate.py:estimate_accuracy",
    "calibration as labels arrive": "triage/monitoring/label_calibration.py:calibration_windows",
    "control chart": "triage/charts/control_chart.py:control_chart",
    "database readiness": "triage/monitoring/database_readiness.py:DatabaseReadiness",
    "operating metrics": "triage/monitoring/operating_metrics.py:OperatingMetrics",
    "backups": "triage/backups/back_up.py:back_up",
}
"""File of each concept: named after it, and defining the name after the colon."""

ONE_DEFINITION = (
    "Modality", "Decision", "UNKNOWN", "Progress", "auroc", "Condition", "Registry", "Executor",
    "MonitoringPlan", "MonitoringRun",
)  # fmt: skip


def definitions(tree: ast.Module) -> Iterator[str]:
    """Names that a module defines at its top level."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def package_of(source: Source) -> str:
    return ".".join(source.module.split(".")[:2])


def test_no_package_is_too_large() -> None:
    lines: Counter[str] = Counter()
    for source in SOURCES:
        lines[package_of(source)] += len(source.path.read_text(encoding="utf-8").splitlines())
    wrong = [
        f"{name}: {count} lines" for name, count in lines.items() if count > MOST_PACKAGE_LINES
    ]
    assert not wrong, offenders(*wrong)


def test_no_function_is_too_long() -> None:
    wrong = [
        f"{source.module}:{node.lineno} {node.name}: {length} lines"
        for source in SOURCES
        if "migrations" not in source.path.parts
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > MOST_FUNCTION_LINES
    ]
    assert not wrong, offenders(*wrong)


def modality_branches(tree: ast.Module) -> Iterator[int]:
    """Lines that compare with a modality's value or test for a type of OCT systems."""
    values = {str(modality) for modality in Modality}

    def names_one(node: ast.expr) -> bool:
        member = isinstance(node, ast.Attribute) and ast.unparse(node.value) == "Modality"
        return member or (isinstance(node, ast.Constant) and node.value in values)

    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and any(map(names_one, (node.left, *node.comparators))):
            yield node.lineno
        elif isinstance(node, ast.match_case) and "Modality." in ast.unparse(node.pattern):
            yield node.pattern.lineno
        elif (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) in {"isinstance", "issubclass"}
            and "Oct" in ast.unparse(node.args[1])
        ):
            yield node.lineno


def test_few_places_compare_the_modality() -> None:
    found = [
        f"{source.module}:{line}"
        for source in SOURCES
        if not any(within(source.module, package) for package in MAY_COMPARE_MODALITIES)
        for line in modality_branches(source.tree)
    ]
    assert len(found) <= MOST_MODALITY_BRANCHES, offenders(*found)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = kind is Modality.OCT_VOLUMES", 1),
        ("if spec.modality == 'oct_volumes': pass", 1),
        ("if isinstance(system, OctSystem): pass", 1),
        ("x = MODALITIES[spec.modality].volumes", 0),
        ("x = f(Modality.OCT_VOLUMES)", 0),
    ],
)
def test_branches_are_counted(code: str, expected: int) -> None:
    assert len(list(modality_branches(ast.parse(code)))) == expected


@pytest.mark.parametrize("concept", CONCEPTS)
def test_each_concept_is_in_the_file_named_by_it(concept: str) -> None:
    path, name = CONCEPTS[concept].split(":")
    assert name in {*definitions(ast.parse((ROOT / Path(path)).read_text(encoding="utf-8")))}


@pytest.mark.parametrize("name", ONE_DEFINITION)
def test_each_shared_name_has_one_definition(name: str) -> None:
    found = [source.module for source in SOURCES if name in {*definitions(source.tree)}]
    assert len(found) == 1, offenders(*found)
