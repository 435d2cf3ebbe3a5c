"""From a pool of trained candidates to an ensemble: its members and its combination of scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triage.backbones.backbone import Backbone
from triage.data.dataset import Dataset
from triage.decisions.fitting import truth_of
from triage.heads import HEADS, HeadKind
from triage.models.settings import TrainSettings
from triage.predictions import Predictions
from triage.systems.fix_policy import score_of
from triage.systems.manifest import MemberEntry
from triage.systems.photographs.member_selection import ScoreOfEnsemble, select_diverse
from triage.systems.photographs.selection_score import SelectionScore
from triage.systems.photographs.system import Member, embed_with, observed, predict
from triage.systems.photographs.training import Pool
from triage.uncertainty.combination import COMBINATION, Combination, fit_combination
from triage.uncertainty.scores import POLICY_SCORES


def select_members(
    pool: Pool, dataset: Dataset, settings: TrainSettings, cache_folder: Path | None = None
) -> list[Member]:
    """Choose the ensemble from the pool: all of it, or greedily by validation AUROC.

    Parameters
    ----------
    pool : Pool
    dataset : Dataset
    settings : TrainSettings
        Candidates are ranked by the score that will decide.
    cache_folder : Path, optional
        Of embeddings.
    """
    if settings.selection == "uniform":
        return list(pool.members)
    candidates = validation_predictions(pool, pool.members, dataset, settings.head)
    score = _selection_score(pool, candidates, dataset, settings, cache_folder)
    outlier = truth_of(candidates) < 0
    chosen = select_diverse(candidates.probabilities, outlier, score, settings.members)
    return [pool.members[index] for index in chosen]


def _selection_score(
    pool: Pool,
    candidates: Predictions,
    dataset: Dataset,
    settings: TrainSettings,
    cache_folder: Path | None,
) -> ScoreOfEnsemble:
    """The score that will decide, of any choice of candidates."""
    if settings.chosen_score != COMBINATION and not settings.fixed_shares:
        of_policy = POLICY_SCORES[settings.score_of_policy or score_of(candidates)]()
        return lambda _, averaged: of_policy.of(averaged, candidates.n_inliers)
    combination, _ = combine_scores(
        pool, pool.members, dataset, settings.head, cache_folder, settings.fixed_shares
    )
    keys = sorted(used_backbones(pool, pool.members))
    validated = {key: pool.validation[key] for key in keys}
    return SelectionScore.of(
        combination,
        observed(validated, candidates, pool.members),
        [keys.index(member.backbone) for member in pool.members],
        truth_of(candidates) >= 0,
    )


def validation_predictions(
    pool: Pool, members: Sequence[Member], dataset: Dataset, kind: HeadKind
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
    members: Sequence[Member],
    dataset: Dataset,
    kind: HeadKind,
    cache_folder: Path | None,
    fixed: Mapping[str, float] | None = None,
) -> tuple[Combination, NDArray[np.float64]]:
    """Fit the combination of scores; returns it with the scores of the validation cases.

    Parameters
    ----------
    pool : Pool
    members : sequence of Member
        The ensemble.
    dataset : Dataset
    kind : HeadKind
    cache_folder : Path, optional
        Of embeddings: those of the training inliers are asked for again.
    fixed : mapping of str to float, optional
        Share of each score; by default they are chosen on validation.
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
    seen = observed(validated, validation, members)
    combination = fit_combination(
        observed(embedded, training, members),
        truth_of(training),
        seen,
        validation.cases["label"].where(truth_of(validation) < 0, "").to_numpy(dtype=np.str_),
        met=draw.train if HEADS[kind].info.learns_outliers else (),
        fixed=fixed,
    )
    return combination, combination.score(seen)


def used_backbones(pool: Pool, members: Sequence[Member]) -> dict[str, Backbone]:
    """The backbones that an ensemble stands on, by key."""
    used = {member.backbone for member in members}
    return {key: network for key, network in pool.backbones.items() if key in used}


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
