"""`triage retrain`: labels from reviews to a challenger, judged against the champion."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.data.dataset import Dataset, load_dataset
from triage.data.spec import DataSpec
from triage.errors import NotEnoughEvidence, TrainingError, UsageError
from triage.evaluation import negative_flips, paired_difference
from triage.intake.ingest import bundle_record
from triage.labels.label_precedence import cases_of_labels
from triage.labels.reviewed_cases import LeftOut, ReviewedCase, check_files, content_hashes
from triage.learning.evaluate import EvaluationRun, evaluate_system, load_test_split
from triage.learning.promotion_gate import RetrainPolicy
from triage.learning.train import Trained, fit_system
from triage.modalities import MODALITIES
from triage.progress import Progress
from triage.store import (
    LabelSource,
    Store,
    labels_for_training,
    register_bundle,
    set_champion,
)
from triage.store import champion as find_champion
from triage.store.ledger import SYSTEM
from triage.systems.bundle import check_free, load_bundle_spec, load_system
from triage.vocabulary.reader_names import reader_key


@dataclass(frozen=True)
class RetrainResult:
    """What retraining found.

    Parameters
    ----------
    promoted : bool
    summary : dict
        What the challenger's manifest keeps of it: no ids of cases.
    champion, challenger : EvaluationRun
        Both on the frozen test split.
    left_out : tuple of LeftOut
        Reviewed cases that did not train because their files are not those received.
    """

    promoted: bool
    summary: dict[str, Any]
    champion: EvaluationRun
    challenger: EvaluationRun
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True)
class _Learned:
    """The data set with reviewed cases, and how they were chosen."""

    dataset: Dataset
    reviewed: list[ReviewedCase]
    left_out: tuple[LeftOut, ...]
    counts: dict[str, Any]


def retrain(
    champion: str | Path,
    spec: DataSpec,
    root: str | Path,
    policy: RetrainPolicy,
    out: str | Path,
    store: Store,
    *,
    actor: str = SYSTEM,
    cache_folder: str | Path | None = None,
    report: Progress = lambda *_: None,
) -> RetrainResult:
    """Train a challenger with the champion's settings on the spec's data and reviewed labels.

    The challenger is written to `out` whether it is promoted or refused, with the verdict in
    its manifest; only a promoted one becomes the store's champion. A reviewed case whose files
    are not those that were received is left out.

    Parameters
    ----------
    actor : str
        Who asked for it; stands in the events of the bundles.

    Raises
    ------
    NotEnoughEvidence
        If the store holds fewer usable labels than the policy asks for.
    TrainingError
        If the file of a reviewed case is replaced while it is trained on.
    UsageError
        If the data are volumes, or the bundle is not the champion.
    """
    if MODALITIES[spec.modality].diagnoses:
        raise UsageError(
            "retraining from reviews is not offered for OCT volumes: a review names a diagnosis, "
            "not a tissue map or a referral to learn from",
            where=spec.name,
            hint="Add annotated volumes to the data, and use `triage train`.",
        )
    champion, root, out = map(Path, (champion, root, out))
    check_free(out)
    system, manifest = load_system(champion)
    with store.reading() as session:
        in_use = find_champion(session)
    if in_use is not None and in_use.digest != manifest.digest():
        raise UsageError(
            f"is not the champion of the case database, which is {in_use.name}",
            where=str(champion),
            hint="Give the bundle in use.",
        )
    test = load_test_split(spec, root, manifest, load_bundle_spec(champion))
    dataset = load_dataset(spec, root, manifest.roles.seed)
    learned = _with_reviews(dataset, store, policy)
    challenger = fit_system(
        learned.dataset, manifest.settings, out, cache_folder=cache_folder, progress=report
    )
    _check_unchanged(learned, challenger)
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
        "labels": learned.counts,
        "differences": {key: value.model_dump(mode="json") for key, value in differences.items()},
        "negative_flips": flips.model_dump(mode="json"),
        "policy": policy.model_dump(mode="json"),
    }
    sealed = challenger.save(out, promotion=summary)
    with store.transaction() as session:
        number = register_bundle(session, bundle_record(sealed, out), actor=actor)
        if promoted:
            set_champion(session, number, actor=actor)
    return RetrainResult(promoted, summary, before, after, learned.left_out)


def _with_reviews(dataset: Dataset, store: Store, policy: RetrainPolicy) -> _Learned:
    """Add the reviewed cases that may train: usable labels, not held out, files as received."""
    with store.reading() as session:
        labels = labels_for_training(
            session, include_ai_visible=LabelSource.AI_VISIBLE in policy.labels.sources
        )
    usable = [label for label in labels if label.source in policy.labels.sources]
    # Compared by content: a held-out picture may come again under another name.
    held_out = content_hashes(dataset.of_split("validation", "test"))
    unseen = [label for label in usable if not held_out & {i.sha256 for i in label.images}]
    reviewed, conflicts = cases_of_labels(unseen, dataset.spec)
    # Only the files of those that would train are hashed.
    wanted = dataset.with_training_cases([each.case for each in reviewed]).cases
    entering = {id(case) for case in wanted[len(dataset.cases) :]}
    same, left_out = check_files(each for each in reviewed if id(each.case) in entering)
    extended = dataset.with_training_cases([each.case for each in same])
    added = len(extended.cases) - len(dataset.cases)
    if added < policy.labels.min_labels:
        without = f", without {len(left_out)} whose files are not those received" * bool(left_out)
        raise NotEnoughEvidence(
            f"{added} usable labels from reviews{without}, "
            f"the policy asks for {policy.labels.min_labels}",
            hint="Review more cases, or lower labels.min_labels.",
        )
    counts = {
        "found": len(labels),
        "usable": len(usable),
        "of_held_out_images": len(usable) - len(unseen),
        "trained_on": added,
        "left_out": dict(Counter(str(each.reason) for each in left_out)),
        "conflicting_cases": conflicts,
        "by_source": dict(Counter(str(label.source) for label in usable)),
        "ai_visible": sum(label.ai_visible for label in usable),
        "readers": len({reader_key(label.given_by) for label in usable}),
    }
    return _Learned(extended, same, tuple(left_out), counts)


def _check_unchanged(learned: _Learned, challenger: Trained) -> None:
    """Refuse a challenger if a file that it trained on was replaced while it trained."""
    _, changed = check_files(learned.reviewed)
    if changed:
        # The next run would resume from weights that have seen the other bytes.
        shutil.rmtree(challenger.checkpoints, ignore_errors=True)
        raise TrainingError(
            f"the files of {len(changed)} reviewed cases changed while they were trained on",
            where=", ".join(each.case for each in changed[:5]),
            hint="Nothing was stored. Let no one write to the folder, and run it again.",
        )
