"""`triage retrain`: labels from reviews to a challenger, judged against the champion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.evaluate import EvaluationRun, evaluate_system, load_test_split
from pipelines.ingest import bundle_record
from pipelines.policy import RetrainPolicy
from pipelines.train import fit_system
from triage.data.dataset import load_dataset
from triage.data.manifest import UNKNOWN, Case
from triage.data.spec import DataSpec, Modality
from triage.errors import TrainingError, UsageError
from triage.evaluation import negative_flips, paired_difference
from triage.hashing import hash_file
from triage.store import (
    LabelSource,
    Store,
    TrainingLabel,
    labels_for_training,
    register_bundle,
    set_champion,
)
from triage.store import champion as find_champion
from triage.systems.bundle import check_free, load_bundle_spec, load_system
from triage.systems.progress import Progress

# Strongest first: where one case has several labels, the first kind found counts.
_STRENGTH = (
    LabelSource.HISTOLOGY,
    LabelSource.ADJUDICATED,
    LabelSource.BLIND,
    LabelSource.AI_VISIBLE,
)


@dataclass(frozen=True)
class RetrainResult:
    """What retraining found."""

    promoted: bool
    summary: dict[str, Any]
    champion: EvaluationRun
    challenger: EvaluationRun


def retrain(
    champion: Path,
    spec: DataSpec,
    root: Path,
    policy: RetrainPolicy,
    out: Path,
    store: Store,
    *,
    cache_folder: Path | None = None,
    report: Progress = lambda *_: None,
) -> RetrainResult:
    """Train a challenger with the champion's settings on the spec's data and reviewed labels.

    The challenger is written to `out` whether it is promoted or refused, with the verdict in
    its manifest; only a promoted one becomes the store's champion.

    Raises
    ------
    TrainingError
        If the store holds fewer usable labels than the policy asks for.
    UsageError
        If the data are volumes, or the bundle is not the champion.
    """
    if spec.modality is Modality.OCT_VOLUMES:
        raise UsageError(
            "retraining from reviews is not offered for OCT volumes: a review names a diagnosis, "
            "not a tissue map or a referral to learn from",
            where=spec.name,
            mend="Add annotated volumes to the data, and use `triage train`.",
        )
    check_free(out)
    system, manifest = load_system(champion)
    with store.reading() as session:
        in_use = find_champion(session)
    if in_use is not None and in_use.digest != manifest.digest():
        raise UsageError(
            f"is not the champion of the case database, which is {in_use.name}",
            where=str(champion),
            mend="Give the bundle in use.",
        )
    test = load_test_split(spec, root, manifest, load_bundle_spec(champion))
    dataset = load_dataset(spec, root, manifest.roles.seed)
    with store.reading() as session:
        labels = labels_for_training(
            session, include_ai_visible=LabelSource.AI_VISIBLE in policy.labels.sources
        )
    usable = [label for label in labels if label.source in policy.labels.sources]
    held_out = _image_hashes(dataset.of_split("validation", "test"))
    unseen = [label for label in usable if not held_out & {i.sha256 for i in label.images}]
    reviewed, conflicts = _cases(unseen, spec)
    extended = dataset.with_training_cases(reviewed)
    added = len(extended.cases) - len(dataset.cases)
    if added < policy.labels.min_labels:
        raise TrainingError(
            f"{added} usable labels from reviews, the policy asks for {policy.labels.min_labels}",
            mend="Review more cases, or lower labels.min_labels.",
        )
    challenger = fit_system(
        extended, manifest.settings, out, cache_folder=cache_folder, progress=report
    )
    before = evaluate_system(system, manifest, test, cache_folder=cache_folder, report=report)
    after = evaluate_system(
        challenger.system, challenger.manifest, test, cache_folder=cache_folder, report=report
    )
    differences = paired_difference(before.outcomes, after.outcomes)
    flips = negative_flips(before.outcomes, after.outcomes)
    promoted, checks = policy.judge(differences, flips)
    summary: dict[str, Any] = {
        "promoted": promoted,
        "checks": checks,
        "champion": manifest.digest(),
        "labels": {
            "found": len(labels),
            "usable": len(usable),
            "of_held_out_images": len(usable) - len(unseen),
            "trained_on": added,
            "conflicting_cases": conflicts,
            "by_source": dict(Counter(str(label.source) for label in usable)),
            "ai_visible": sum(label.ai_visible for label in usable),
            "readers": len({label.given_by for label in usable}),
        },
        "differences": {key: value.model_dump(mode="json") for key, value in differences.items()},
        "negative_flips": flips.model_dump(mode="json"),
        "policy": policy.model_dump(mode="json"),
    }
    sealed = challenger.save(out, promotion=summary)
    with store.transaction() as session:
        number = register_bundle(session, bundle_record(sealed, out))
        if promoted:
            set_champion(session, number, actor="triage retrain")
    return RetrainResult(promoted, summary, before, after)


def _image_hashes(cases: Iterable[Case]) -> set[str | None]:
    """Content of images that may not train under whatever name they come again."""
    return {hash_file(path) for case in cases for path in case.images if path.is_file()}


def _cases(labels: Iterable[TrainingLabel], spec: DataSpec) -> tuple[list[Case], int]:
    """One training case a labelled case; cases whose strongest labels disagree are left out."""
    by_case: dict[tuple[str, str], list[TrainingLabel]] = {}
    for label in labels:
        by_case.setdefault((label.case_source, label.case), []).append(label)
    cases, conflicts = [], 0
    for found in by_case.values():
        best = min(_STRENGTH.index(label.source) for label in found)
        strongest = [label for label in found if _STRENGTH.index(label.source) == best]
        named = {label.condition for label in strongest}
        if len(named) > 1:
            conflicts += 1
        elif named <= spec.by_name.keys():
            cases.append(_case(strongest[0]))
    return cases, conflicts


def _case(label: TrainingLabel) -> Case:
    return Case(
        case_id=label.case,
        patient_id=label.patient,
        cluster=f"patient:{label.patient}",
        images=tuple(Path(image.root) / image.path for image in label.images),
        condition=label.condition,
        subgroups={axis: str(level or UNKNOWN) for axis, level in label.groups.items()},
        root=Path(label.images[0].root) if label.images else None,
    )
