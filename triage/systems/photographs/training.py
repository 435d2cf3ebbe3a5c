"""Train the networks an ensemble is chosen from: heads on frozen embeddings, or end to end."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

import torch

from triage.backbones.backbone import Backbone
from triage.backbones.preprocessing import Preprocessing
from triage.backbones.runtime.execution import has_bfloat16
from triage.data.dataset import Dataset
from triage.data.manifest import Case
from triage.errors import TrainingError
from triage.heads import Head
from triage.models.case_inputs import EmbeddingInputs, ImageInputs
from triage.models.embeddings import Opened, open_images
from triage.models.load_backbone import load_backbone
from triage.models.network import CaseNetwork
from triage.models.settings import TrainSettings
from triage.progress import Progress, counting
from triage.systems.photographs.head_training import train_head
from triage.systems.photographs.plan import TrainingPlan
from triage.systems.photographs.system import (
    Caches,
    Embedded,
    Member,
    embed_with,
    open_caches,
)


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
    progress : callable

    Raises
    ------
    TrainingError
        If a backbone is named twice, the head has no training cases for a class, or the
        processor lacks the arithmetic asked for.
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
        return _train_heads(dataset, settings, cache_folder, checkpoints, statistics, progress)
    return _train_networks(dataset, settings, checkpoints, progress)


def load_backbones(settings: TrainSettings) -> dict[str, Backbone]:
    """Load the frozen backbones of settings, by reference."""
    return {
        reference: load_backbone(
            reference,
            stages=settings.stages,
            views=settings.views,
            execution=settings.execution,
        )
        for reference in settings.backbones
    }


def _train_heads(
    dataset: Dataset,
    settings: TrainSettings,
    cache_folder: Path | None,
    checkpoints: Path,
    statistics: bool,
    progress: Progress,
) -> Pool:
    backbones = _named(load_backbones(settings))
    keys = dict(zip(settings.backbones, backbones, strict=True))
    cases = dataset.of_split("train", "validation")
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
    members: list[Member] = []
    losses: dict[str, float] = {}
    with one_thread():
        for number, (reference, seed) in enumerate(settings.pool):
            key = keys[reference]
            name = f"{key}-seed{seed}"
            own = plan.of_candidate(number)
            checkpoint = checkpoints / f"{name}-{own.digest(digests[key])}"
            loss, heads = train_head(own, inputs[key], seed, checkpoint)
            names = [name] if len(heads) == 1 else [f"{name}-{n}" for n in range(len(heads))]
            losses |= dict.fromkeys(names, loss)
            members += [Member(one, key, head) for one, head in zip(names, heads, strict=True)]
            progress("training heads", number + 1, len(settings.pool))
    validation = {key: of.embeddings[plan.validation_rows].numpy() for key, of in inputs.items()}
    held_out = plan.validation_cases(opened.cases)
    return Pool(tuple(members), backbones, losses, validation, opened, held_out, caches)


def _train_networks(
    dataset: Dataset, settings: TrainSettings, checkpoints: Path, progress: Progress
) -> Pool:
    cases = dataset.of_split("train", "validation")
    read: dict[Preprocessing, tuple[ImageInputs, Opened]] = {}
    members: list[Member] = []
    losses: dict[str, float] = {}
    backbones: dict[str, Backbone] = {}
    plan: TrainingPlan | None = None
    for number, (reference, seed) in enumerate(settings.pool):
        backbone = load_backbone(reference, seed=seed)
        if backbone.pictures not in read:
            total = sum(len(case.images) for case in cases)
            read[backbone.pictures] = open_images(
                cases, backbone.pictures, counting(progress, "reading images", total)
            )
        inputs, opened = read[backbone.pictures]
        plan = plan or TrainingPlan.of(dataset, settings, opened.cases)
        own = plan.of_candidate(number)
        start = backbone.digest()
        name = _free(f"{backbone.name}-seed{seed}", backbones)
        network = CaseNetwork(
            backbone,
            own.new_head(backbone.width, seed),
            freeze_normalisation=not reference.startswith("monai:"),
        )
        if not isinstance(network.head, Head):  # kernels and centres live on a fixed scale
            network.head.standardise_by(network.embed(inputs, plan.train))
        stage = f"training {name} ({number + 1}/{len(settings.pool)})"
        losses[name] = own.fit_one(
            network,
            inputs,
            seed,
            checkpoints / f"{name}-{own.digest(start)}",
            every=1,
            progress=_epochs(progress, stage, settings.fit.epochs),
        )
        progress(stage, settings.fit.epochs, settings.fit.epochs)
        plan.finish(network.head, partial(network.embed, inputs))
        members.append(Member(name, name, network.head))
        backbone.execution = settings.execution
        backbones[name] = backbone
    assert plan is not None  # the settings demand at least one backbone
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


@contextmanager
def one_thread() -> Iterator[None]:
    """Heads are so small that a second thread only waits, for ages on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


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
