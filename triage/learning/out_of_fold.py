"""Predictions of each training case by heads that were trained without it and its patient."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from triage.data.dataset import Dataset
from triage.data.manifest import Case
from triage.errors import TrainingError, UsageError
from triage.heads import HEADS, HeadKind
from triage.models.case_inputs import EmbeddingInputs
from triage.models.settings import HARD, NONE, TrainSettings
from triage.progress import Progress, counting
from triage.systems.photographs.frozen_backbones import load_backbones
from triage.systems.photographs.member_tasks import one_thread
from triage.systems.photographs.plan import TrainingPlan
from triage.systems.photographs.system import embed_with
from triage.uncertainty.calibration.temperature_scaling import apply_temperature, fit_temperature

FOLDS = 5
STOPPING = 0.15
"""Share of the clusters that a head is trained with, which stop its training early."""
SPLITS = ("train", "validation")
"""Splits whose cases are predicted; those that measure a bundle are never looked at."""


@dataclass(frozen=True)
class OutOfFold:
    """Predictions of N cases, each by heads that did not train with its cluster.

    Parameters
    ----------
    cases : tuple of Case
    labels : int array [N]
    folds : int array [N]
    probabilities : float array [N, C]
        Mean over the backbones, at the temperature that suits the labels best.
    classes : tuple of str
    temperature : float
    unreadable : int
        Cases that were left out because an image could not be read.
    """

    cases: tuple[Case, ...]
    labels: NDArray[np.int64]
    folds: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    classes: tuple[str, ...]
    temperature: float
    unreadable: int


def folds_of(clusters: Sequence[str], n_folds: int, seed: int = 0) -> NDArray[np.int64]:
    """Fold of each case; the cases of one cluster share theirs, whatever other cases there are.

    Parameters
    ----------
    clusters : sequence of str [N]
    n_folds : int
        At least 2.
    seed : int

    Returns
    -------
    int array [N], in 0 to `n_folds` - 1
    """
    numbers = [_number(f"{seed}\0{cluster}") % n_folds for cluster in clusters]
    return np.array(numbers, dtype=np.int64)


def out_of_fold(
    dataset: Dataset,
    settings: TrainSettings,
    *,
    cache_folder: str | Path | None = None,
    n_folds: int = FOLDS,
    progress: Progress = lambda *_: None,
) -> OutOfFold:
    """Train a head of a recipe for each fold and backbone, and predict the cases of the fold.

    One head a fold and backbone, without the posterior of the recipe: what is asked is which
    labels differ, not how sure a decision is.

    Parameters
    ----------
    dataset : Dataset
        Cases of its splits `train` and `validation` whose condition the head has a class for.
    settings : TrainSettings
        Of frozen embeddings.
    cache_folder : str or Path, optional
        Of embeddings.
    n_folds : int
    progress : callable

    Raises
    ------
    UsageError
        If the settings train the backbones too, or there are fewer than two folds.
    TrainingError
        If a fold leaves a class without a case to train on.
    """
    if settings.mode != "embed":
        raise UsageError(
            "the recipe trains the backbones too, which takes a training for each fold",
            where="mode",
            hint="Use a bundle of frozen embeddings (mode embed).",
        )
    if n_folds < 2:
        raise UsageError("at least two folds are needed", where="folds")
    head = HeadKind.SOFTMAX if settings.head is HeadKind.INTROSPECTIVE else settings.head
    settings = settings.model_copy(update={"posterior": NONE, "head": head, "targets": HARD})
    backbones = load_backbones(settings)
    cases = dataset.of_split(*SPLITS)
    total = sum(len(case.images) for case in cases) * len(backbones)
    embedded, opened = embed_with(
        backbones,
        cases,
        None if cache_folder is None else Path(cache_folder),
        counting(progress, "embedding images", total),
        by_view=True,
    )
    plan = TrainingPlan.of(dataset, settings, opened.cases)
    targets = [HEADS[head].target(str(case.condition), dataset.draw) for case in opened.cases]
    rows = np.array([row for row, target in enumerate(targets) if target is not None])
    labels = np.array([target for target in targets if target is not None], dtype=np.int64)
    clusters = [opened.cases[row].cluster for row in rows]
    folds = folds_of(clusters, n_folds, settings.seed)
    inputs = [EmbeddingInputs(torch.from_numpy(views)) for views in embedded.values()]
    with one_thread():
        found = _predicted(plan, inputs, rows, labels, clusters, folds, progress)
    temperature = fit_temperature(found, found.shape[1], labels)
    return OutOfFold(
        tuple(opened.cases[row] for row in rows),
        labels,
        folds,
        apply_temperature(found, found.shape[1], temperature),
        plan.classes,
        temperature,
        len(opened.rejected),
    )


def _predicted(
    plan: TrainingPlan,
    inputs: Sequence[EmbeddingInputs],
    rows: NDArray[np.int64],
    labels: NDArray[np.int64],
    clusters: Sequence[str],
    folds: NDArray[np.int64],
    progress: Progress,
) -> NDArray[np.float64]:
    stops = _stops(clusters)
    found = np.zeros((len(rows), len(plan.classes)))
    numbers = np.unique(folds)
    for done, fold in enumerate(numbers):
        asked = folds == fold
        stopping = ~asked & stops & (labels < plan.n_inliers)
        training = ~asked & ~stopping
        part = _part(plan, rows, labels, training, stopping)
        for number, one in enumerate(inputs):
            head = part.new_head(one.embeddings.shape[1], plan.settings.seed)
            head.standardise_by(one.embeddings[part.train])
            seed, every = plan.settings.seed + number, plan.settings.fit.epochs
            part.fit_one(head, one, seed, None, every=every)
            part.finish(head, one.embeddings.__getitem__)
            head.eval()
            with torch.inference_mode():
                logits = head(one.embeddings[torch.from_numpy(rows[asked])]).double()
            found[asked] += logits.softmax(1).numpy() / len(inputs)
        progress("training folds", done + 1, len(numbers))
    return found


def _part(
    plan: TrainingPlan,
    rows: NDArray[np.int64],
    labels: NDArray[np.int64],
    training: NDArray[np.bool_],
    stopping: NDArray[np.bool_],
) -> TrainingPlan:
    """The plan with the cases of other folds."""
    n_targets = int(plan.train_targets.max()) + 1
    lacking = sorted({*range(n_targets)} - {*labels[training].tolist()})
    if lacking or not stopping.any():
        names = (*plan.classes, "outliers")
        raise TrainingError(
            "too few patients for so many folds: without one fold there is no case of "
            + (", ".join(names[one] for one in lacking) or "any class to stop the training by"),
            hint="Use fewer folds, or add cases.",
        )
    return replace(
        plan,
        train=torch.from_numpy(rows[training]),
        train_targets=torch.from_numpy(labels[training]),
        early_stop=torch.from_numpy(rows[stopping]),
        early_stop_targets=torch.from_numpy(labels[stopping]),
    )


def _stops(clusters: Sequence[str]) -> NDArray[np.bool_]:
    """Which clusters stop a training that they are not asked of."""
    share = [_number(f"stop\0{cluster}") / 2**64 for cluster in clusters]
    return np.array(share) < STOPPING


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
