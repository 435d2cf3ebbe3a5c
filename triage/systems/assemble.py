"""From a pool of trained candidates to a system: select members, fix the policy, describe both."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triage import __version__
from triage.backbones.backbone import Backbone
from triage.data.dataset import Dataset
from triage.decisions.cost_matrix import outcome_cost
from triage.decisions.fitting import fit_policy, truth_of
from triage.decisions.policy import Policy, ood_score
from triage.errors import ImageRejected, count_by_reason
from triage.hashing import hash_json
from triage.heads import HEADS, HeadKind
from triage.models.oct.settings import OctSettings
from triage.models.settings import TrainSettings
from triage.predictions import Predictions
from triage.systems.manifest import INTENDED_USE, BundleManifest, MemberEntry, RolesEntry
from triage.systems.selection import select_diverse
from triage.systems.system import Member, embed_with, observed, predict
from triage.systems.training import Pool
from triage.uncertainty.auroc import auroc
from triage.uncertainty.combination import COMBINATION, Combination, fit_combination
from triage.uncertainty.feature_distance import FEATURE_DISTANCE, FeatureDistance
from triage.uncertainty.outlier_probability import prevalence_weights
from triage.uncertainty.scores import POLICY_SCORES

FEW_OUTLIER_CONDITIONS = 2
"""Below this, training outliers teach a head one condition rather than what is unfamiliar."""
LIBRARIES = ("torch", "transformers", "monai", "numpy", "scipy", "pydicom", "pillow")


def score_of(predictions: Predictions) -> str:
    """Name of the head's own score: the mass on classes after the inliers, where it has some."""
    has_more = len(predictions.classes) > predictions.n_inliers
    return "outlier_mass" if has_more else "max_softmax"


def select_members(pool: Pool, dataset: Dataset, settings: TrainSettings) -> list[Member]:
    """Choose the ensemble from the pool: all of it, or greedily by validation AUROC."""
    if settings.selection == "uniform":
        return list(pool.members)
    candidates = validation_predictions(pool, pool.members, dataset, settings.head)
    chosen = select_diverse(
        candidates.probabilities,
        candidates.n_inliers,
        truth_of(candidates) < 0,
        POLICY_SCORES[score_of(candidates)]().of,
        settings.members,
    )
    return [pool.members[index] for index in chosen]


def validation_predictions(
    pool: Pool, members: list[Member] | tuple[Member, ...], dataset: Dataset, kind: HeadKind
) -> Predictions:
    """Predictions of some members on the validation split."""
    return predict(
        pool.validation,
        pool.validation_cases,
        members,
        HEADS[kind].classes(dataset.draw),
        len(dataset.draw.inliers),
        {"split": "validation"},
    )


def combine_scores(
    pool: Pool,
    members: list[Member],
    dataset: Dataset,
    kind: HeadKind,
    cache_folder: Path | None,
) -> tuple[Combination, NDArray[np.float64]]:
    """Fit the combination of scores; returns it with the scores of the validation cases.

    Parameters
    ----------
    pool : Pool
    members : list of Member
        The ensemble.
    dataset : Dataset
    kind : HeadKind
    cache_folder : Path, optional
        Of embeddings: those of the training inliers are asked for again.
    """
    draw = dataset.draw
    backbones = used_backbones(pool, members)
    inliers = [case for case in dataset.of_split("train") if case.condition in draw.inliers]
    embedded, opened = embed_with(backbones, inliers, cache_folder)
    validated = {key: pool.validation[key] for key in backbones}
    training, validation = (
        predict(part, cases, members, HEADS[kind].classes(draw), len(draw.inliers), {})
        for part, cases in (
            (embedded, opened.cases),
            (validated, pool.validation_cases),
        )
    )
    seen = observed(validated, validation)
    combination = fit_combination(
        observed(embedded, training),
        truth_of(training),
        seen,
        validation.cases["label"].where(truth_of(validation) < 0, "").to_numpy(dtype=np.str_),
        met=draw.train if HEADS[kind].info.learns_outliers else (),
    )
    return combination, combination.score(seen)


def used_backbones(pool: Pool, members: Sequence[Member]) -> dict[str, Backbone]:
    """The backbones that an ensemble stands on, by key."""
    used = {member.backbone for member in members}
    return {key: network for key, network in pool.backbones.items() if key in used}


def fix_policy(
    predictions: Predictions,
    dataset: Dataset,
    distance: FeatureDistance | None = None,
    combined: NDArray[np.float64] | None = None,
) -> tuple[Policy, dict[str, float]]:
    """Fit the policy on validation predictions; returns it with the validation metrics.

    Parameters
    ----------
    predictions : Predictions
    dataset : Dataset
    distance : FeatureDistance, optional
        Validation outliers choose between it and the head's own score: whichever ranks them
        higher.
    combined : float array [N], optional
        Scores of a combination, which is taken where it was fitted.
    """
    truth = truth_of(predictions)
    names = [score_of(predictions), *([FEATURE_DISTANCE] if distance else [])]
    if combined is None:
        best = max(names, key=lambda name: auroc(ood_score(predictions, name, distance), truth < 0))
        scores = ood_score(predictions, best, distance)
    else:
        best, scores = COMBINATION, combined
    policy = fit_policy(predictions, dataset.spec, best, distance, scores)
    decisions = policy.decide(predictions, ood_score=scores)
    is_outlier = truth < 0
    correct = policy.calibrated(predictions).argmax(axis=1) == truth
    abstained = (decisions["reason_code"] != "").to_numpy()
    weights = prevalence_weights(is_outlier, dataset.spec.outlier_prevalence)
    cost = outcome_cost(dataset.spec.costs.outcomes, is_outlier, correct, abstained)
    metrics = {
        "accuracy": float(correct[~is_outlier].mean()),
        "ood_auroc": auroc(scores, is_outlier),
        "abstained": float(weights @ abstained),
        "cost": float(weights @ cost),
        "abstained_at_split_share": float(abstained.mean()),
        "cost_at_split_share": float(cost.mean()),
        "outlier_share": float(is_outlier.mean()),
    }
    return policy, metrics


def few_outliers(dataset: Dataset, kind: HeadKind, score: str) -> str:
    """A warning where a head's own score learned what an outlier is from too few conditions."""
    count = len(dataset.draw.train)
    learned = HEADS[kind].info.learns_outliers and score != COMBINATION
    if not learned or count >= FEW_OUTLIER_CONDITIONS:
        return ""
    return (
        f"Only {count} outlier condition(s) trained the head: its score may rank new conditions "
        "worse than chance. Compare with a softmax head before using it."
    )


def member_entries(members: Sequence[Member], losses: dict[str, float]) -> tuple[MemberEntry, ...]:
    """Where the weights of an ensemble's heads lie in its bundle."""
    return tuple(
        MemberEntry(
            name=member.name,
            backbone=member.backbone,
            weights=f"members/{member.name}.safetensors",
            validation_loss=round(losses[member.name], 6),
        )
        for member in members
    )


def describe(
    name: str,
    dataset: Dataset,
    settings: TrainSettings | OctSettings,
    policy: Policy,
    metrics: dict[str, float],
    *,
    kind: HeadKind,
    members: tuple[MemberEntry, ...],
    backbones: dict[str, str],
    rejected: dict[str, ImageRejected],
    combination: Combination | None = None,
    notes: tuple[str, ...] = (),
) -> BundleManifest:
    """Write down what the system is and what it was made from.

    Parameters
    ----------
    members : tuple of MemberEntry
        The ensemble in order.
    backbones : dict of str
        Digest of the weights of each network that members share, by name.
    rejected : dict of ImageRejected
        Cases that could not be read.
    combination : Combination, optional
        Where it is the score.
    notes : tuple of str
        What else to tell; empty ones are left out.
    """
    draw = dataset.draw
    warning = few_outliers(dataset, kind, policy.score)
    return BundleManifest(
        name=name,
        intended_use=INTENDED_USE[dataset.spec.modality],
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        code_version=__version__,
        library_versions={"python": platform.python_version()}
        | {library: version(library) for library in LIBRARIES},
        spec_name=dataset.spec.name,
        spec_hash=hash_json(dataset.spec.model_dump(mode="json")),
        data_hash=dataset.digest(),
        data_counts=dataset.counts(),
        rejected=count_by_reason(rejected.values()),
        roles=RolesEntry(
            seed=draw.seed,
            inliers=draw.inliers,
            train=draw.train,
            validation=draw.validation,
            test=draw.test,
        ),
        head=str(kind),
        score=policy.score,
        combination=None if combination is None else combination.summary,
        classes=HEADS[kind].classes(draw),
        n_inliers=len(draw.inliers),
        members=members,
        backbones=backbones,
        settings=settings,
        settings_hash=hash_json(settings.model_dump(mode="json")),
        thresholds={
            "temperature": policy.temperature,
            "abstain_above": policy.saving_threshold,
        },
        metrics={key: round(value, 6) for key, value in metrics.items()},
        notes=tuple(filter(None, (dataset.spec.roles.note, warning, *notes))),
        files={},
    )
