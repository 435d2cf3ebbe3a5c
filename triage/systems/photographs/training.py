"""Train the networks an ensemble is chosen from: heads on frozen embeddings, or end to end."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import torch

from triage.backbones.backbone import Backbone
from triage.backbones.preprocessing import Preprocessing
from triage.backbones.runtime.execution import has_bfloat16
from triage.data.dataset import Dataset
from triage.data.manifest import Case
from triage.engine import Executor
from triage.engine.local import LocalExecutor
from triage.errors import TrainingError
from triage.heads import HeadNetwork
from triage.models.case_inputs import EmbeddingInputs, ImageInputs
from triage.models.embeddings import Opened
from triage.models.load_backbone import load_backbone
from triage.models.read_tasks import open_with
from triage.models.settings import TrainSettings
from triage.progress import Progress, counting
from triage.systems.photographs.embed_tasks import embed_by_tasks
from triage.systems.photographs.frozen_backbones import load_backbones
from triage.systems.photographs.head_training import train_head
from triage.systems.photographs.member_tasks import one_thread
from triage.systems.photographs.network_training import train_network
from triage.systems.photographs.plan import TrainingPlan
from triage.systems.photographs.plan_file import TaskFile, write_embeddings, write_images
from triage.systems.photographs.system import (
    Caches,
    Embedded,
    Member,
    embed_with,
    open_caches,
)
from triage.systems.photographs.train_by_tasks import FOLDER, Candidate, train_candidates

HEADS_STAGE, NETWORKS_STAGE = "training heads", "training networks"


@dataclass(frozen=True)
class Pool:
    """Trained candidates and what they say of nothing yet.

    Parameters
    ----------
    members : tuple of Member
        One a candidate, in the order of `TrainSettings.pool`.
    backbones : dict of Backbone
        By key.
    losses : dict of float
        Best validation loss by member name.
    validation : Embedded
        Embeddings of the opened validation cases by backbone key.
    opened : Opened
        Training and validation cases that could be read, and the others.
    validation_cases : list of Case
        The rows of `validation`.
    caches : dict of EmbeddingCache
        With the embeddings of what was embedded so far.
    """

    members: tuple[Member, ...]
    backbones: dict[str, Backbone]
    losses: dict[str, float]
    validation: Embedded
    opened: Opened
    validation_cases: list[Case]
    caches: Caches


def train_pool(
    dataset: Dataset,
    settings: TrainSettings,
    *,
    cache_folder: Path | None,
    checkpoints: Path,
    statistics: bool = False,
    executor: Executor | None = None,
    progress: Progress = lambda *_: None,
) -> Pool:
    """Train every candidate of `settings.pool`.

    Parameters
    ----------
    dataset : Dataset
        Its training split trains, its validation inliers stop the training early;
        validation outliers are only embedded, for the threshold and the selection.
    settings : TrainSettings
    cache_folder : Path, optional
        Of embeddings.
    checkpoints : Path
        Folder for checkpoints; what is found there for the same settings is resumed.
    statistics : bool
        Whether to compute the picture statistics of all cases too; see `embed_with`.
    executor : Executor, optional
        Where the candidates are trained, each a task; by default one after the other in this
        process. Others read their inputs from files below `checkpoints`.
    progress : callable

    Raises
    ------
    TrainingError
        If a backbone is named twice, the head has no training cases for a class, or the
        processor lacks the arithmetic asked for.
    EngineError
        If a worker lacks a file.
    """
    if len(set(settings.backbones)) < len(settings.backbones):
        raise TrainingError(
            "a backbone is named twice", hint="Name each once; members share them by seed."
        )
    if settings.precision == "bfloat16" and not has_bfloat16():
        raise TrainingError(
            "this processor has no bfloat16 arithmetic", hint="Use --precision float32."
        )
    settings.execution.check()
    if settings.mode == "embed":
        return _train_heads(
            dataset, settings, cache_folder, checkpoints, statistics, executor, progress
        )
    return _train_networks(dataset, settings, checkpoints, executor, progress)


def _train_heads(
    dataset: Dataset,
    settings: TrainSettings,
    cache_folder: Path | None,
    checkpoints: Path,
    statistics: bool,
    executor: Executor | None,
    progress: Progress,
) -> Pool:
    backbones = _named(load_backbones(settings))
    keys = dict(zip(settings.backbones, backbones, strict=True))
    cases = dataset.of_split("train", "validation")
    elsewhere = _elsewhere(executor)
    if elsewhere is not None:
        cache_folder = cache_folder or checkpoints / FOLDER / "embeddings"
        digests = {one.reference: one.embedding_digest() for one in backbones.values()}
        embed_by_tasks(
            cases, settings, digests, cache_folder, elsewhere,
            statistics=statistics, progress=progress,
        )  # fmt: skip
    total = sum(len(case.images) for case in cases) * (len(backbones) + statistics)
    caches = open_caches(backbones, cache_folder)
    embedded, opened = embed_with(
        backbones,
        cases,
        cache_folder,
        counting(progress, "embedding images", total),
        caches=caches,
        by_view=True,
        statistics=statistics,
    )
    inputs = {key: EmbeddingInputs(torch.from_numpy(views)) for key, views in embedded.items()}
    plan = TrainingPlan.of(dataset, settings, opened.cases)
    digests = {key: backbone.embedding_digest() for key, backbone in backbones.items()}
    files = {
        key: write_embeddings(checkpoints / FOLDER, views) if elsewhere else TaskFile("", "")
        for key, views in embedded.items()
    }
    candidates = []
    for number, (reference, seed) in enumerate(settings.pool):
        key = keys[reference]
        name, own = f"{key}-seed{seed}", plan.of_candidate(number)
        checkpoint = checkpoints / f"{name}-{own.digest(digests[key])}"
        candidates.append(
            Candidate(name, own, seed, checkpoint, backbones[key], files[key], reference)
        )
    keys_of = [keys[reference] for reference, _ in settings.pool]
    if elsewhere is not None:
        trained = train_candidates(
            candidates, elsewhere, stage=HEADS_STAGE, whole=False, progress=progress
        )
    else:
        trained = _heads_here(candidates, [inputs[key] for key in keys_of], progress)
    members: list[Member] = []
    losses: dict[str, float] = {}
    for each, key, (loss, heads) in zip(candidates, keys_of, trained, strict=True):
        single = len(heads) == 1
        names = [each.name] if single else [f"{each.name}-{n}" for n in range(len(heads))]
        losses |= dict.fromkeys(names, loss)
        members += [Member(one, key, head) for one, head in zip(names, heads, strict=True)]
    validation = {key: of.embeddings[plan.validation_rows].numpy() for key, of in inputs.items()}
    held_out = plan.validation_cases(opened.cases)
    return Pool(tuple(members), backbones, losses, validation, opened, held_out, caches)


def _heads_here(
    candidates: list[Candidate], inputs: list[EmbeddingInputs], progress: Progress
) -> list[tuple[float, list[HeadNetwork]]]:
    found = []
    with one_thread():
        for done, (each, of) in enumerate(zip(candidates, inputs, strict=True), 1):
            found.append(train_head(each.plan, of, each.seed, each.checkpoint))
            progress(HEADS_STAGE, done, len(candidates))
    return found


def _train_networks(
    dataset: Dataset,
    settings: TrainSettings,
    checkpoints: Path,
    executor: Executor | None,
    progress: Progress,
) -> Pool:
    cases = dataset.of_split("train", "validation")
    read: dict[Preprocessing, tuple[ImageInputs, Opened, TaskFile]] = {}
    candidates: list[Candidate] = []
    trained: list[tuple[float, list[HeadNetwork]]] = []
    elsewhere = _elsewhere(executor)
    plan: TrainingPlan | None = None
    for number, (reference, seed) in enumerate(settings.pool):
        backbone = load_backbone(reference, seed=seed)
        if backbone.pictures not in read:
            folder = checkpoints / FOLDER
            images, opened = open_with(elsewhere, cases, backbone.pictures, folder, progress)
            file = write_images(folder, images) if elsewhere else TaskFile("", "")
            read[backbone.pictures] = images, opened, file
        inputs, opened, file = read[backbone.pictures]
        plan = plan or TrainingPlan.of(dataset, settings, opened.cases)
        own = plan.of_candidate(number)
        name = _free(f"{backbone.name}-seed{seed}", [each.name for each in candidates])
        checkpoint = checkpoints / f"{name}-{own.digest(backbone.digest())}"
        candidates.append(Candidate(name, own, seed, checkpoint, backbone, file, reference))
        if elsewhere is None:
            stage = f"training {name} ({number + 1}/{len(settings.pool)})"
            trained.append(_network_here(candidates[-1], inputs, stage, progress))
    if elsewhere is not None:
        trained = train_candidates(
            candidates, elsewhere, stage=NETWORKS_STAGE, whole=True, progress=progress
        )
    assert plan is not None  # the settings demand at least one backbone
    for each in candidates:
        each.backbone.execution = settings.execution
    backbones = {each.name: each.backbone for each in candidates}
    heads = [one for _, (one,) in trained]
    members = [
        Member(each.name, each.name, head) for each, head in zip(candidates, heads, strict=True)
    ]
    losses = {each.name: loss for each, (loss, _) in zip(candidates, trained, strict=True)}
    held_out = plan.validation_cases(opened.cases)
    total = sum(len(case.images) for case in held_out) * len(backbones)
    caches = open_caches(backbones, None)
    validation, _ = embed_with(
        backbones,
        held_out,
        None,
        counting(progress, "scoring validation", total),
        caches=caches,
    )
    return Pool(tuple(members), backbones, losses, validation, opened, held_out, caches)


def _network_here(
    candidate: Candidate, inputs: ImageInputs, stage: str, progress: Progress
) -> tuple[float, list[HeadNetwork]]:
    epochs = candidate.plan.settings.fit.epochs
    loss, head = train_network(
        candidate.plan,
        candidate.backbone,
        candidate.reference,
        inputs,
        candidate.seed,
        candidate.checkpoint,
        _epochs(progress, stage, epochs),
    )
    progress(stage, epochs, epochs)
    return loss, [head]


def _elsewhere(executor: Executor | None) -> Executor | None:
    """The executor, if its tasks run in other processes."""
    return None if isinstance(executor, LocalExecutor) else executor


def _epochs(progress: Progress, stage: str, total: int) -> Callable[[int, float], None]:
    return lambda done, _: progress(stage, done, total)


def _named(backbones: dict[str, Backbone]) -> dict[str, Backbone]:
    """Key backbones by their short name, numbered where two share one."""
    named: dict[str, Backbone] = {}
    for backbone in backbones.values():
        named[_free(backbone.name, named)] = backbone
    return named


def _free(name: str, taken: Container[str]) -> str:
    """The name, numbered if it is taken."""
    numbered = (f"{name}-{number}" for number in count(2))
    return name if name not in taken else next(new for new in numbered if new not in taken)
