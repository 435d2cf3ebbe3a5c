"""Train the networks an ensemble is chosen from: heads on frozen embeddings, or end to end."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from triage.data.dataset import Dataset
from triage.data.manifest import Case
from triage.errors import TrainingError
from triage.hashing import hash_json
from triage.models.backbones import Backbone, load_backbone
from triage.models.embeddings import Opened, open_images
from triage.models.heads import Head
from triage.models.inputs import CaseInputs, EmbeddingInputs, ImageInputs
from triage.models.network import CaseNetwork
from triage.models.preprocessing import Preprocessing
from triage.models.settings import TrainSettings
from triage.models.training import Labelled, fit
from triage.systems.system import Embedded, Member, embed_with

Progress = Callable[[str, int, int], None]
"""Called with a stage, how much of it is done, and its total."""


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
    """

    members: tuple[Member, ...]
    backbones: dict[str, Backbone]
    losses: dict[str, float]
    validation: Embedded
    opened: Opened
    validation_cases: list[Case]


def train_pool(
    dataset: Dataset,
    settings: TrainSettings,
    *,
    cache_folder: Path | None,
    checkpoints: Path,
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
    progress : callable

    Raises
    ------
    TrainingError
        If a backbone is named twice, or the head has no training cases for a class.
    """
    if len(set(settings.backbones)) < len(settings.backbones):
        raise TrainingError(
            "a backbone is named twice", mend="Name each once; members share them by seed."
        )
    if settings.mode == "embed":
        return _train_heads(dataset, settings, cache_folder, checkpoints, progress)
    return _train_networks(dataset, settings, checkpoints, progress)


def _train_heads(
    dataset: Dataset,
    settings: TrainSettings,
    cache_folder: Path | None,
    checkpoints: Path,
    progress: Progress,
) -> Pool:
    backbones = _named({reference: load_backbone(reference) for reference in settings.backbones})
    keys = dict(zip(settings.backbones, backbones, strict=True))
    cases = dataset.of_split("train", "validation")
    total = sum(len(case.images) for case in cases) * len(backbones)
    embedded, opened = embed_with(
        backbones, cases, cache_folder, _counting(progress, "embedding images", total)
    )
    plan = _Plan.of(dataset, settings, opened.cases)
    members, losses = [], {}
    with _one_thread():
        for number, (reference, seed) in enumerate(settings.pool):
            key = keys[reference]
            inputs = EmbeddingInputs(torch.from_numpy(embedded[key]))
            head = plan.new_head(backbones[key].width, seed)
            head.standardise_by(inputs.embeddings[plan.train])
            name = f"{key}-seed{seed}"
            losses[name] = plan.fit_one(
                head,
                inputs,
                seed,
                checkpoints / f"{name}-{plan.digest(backbones[key].digest())}",
                every=settings.fit.epochs,
                progress=lambda *_: None,
            )
            members.append(Member(name, key, head))
            progress("training heads", number + 1, len(settings.pool))
    validation = {key: matrix[plan.validation_rows] for key, matrix in embedded.items()}
    return Pool(
        tuple(members), backbones, losses, validation, opened, plan.validation_cases(opened.cases)
    )


def _train_networks(
    dataset: Dataset, settings: TrainSettings, checkpoints: Path, progress: Progress
) -> Pool:
    cases = dataset.of_split("train", "validation")
    read: dict[Preprocessing, tuple[ImageInputs, Opened]] = {}
    members: list[Member] = []
    losses: dict[str, float] = {}
    backbones: dict[str, Backbone] = {}
    plan: _Plan | None = None
    for number, (reference, seed) in enumerate(settings.pool):
        backbone = load_backbone(reference, seed=seed)
        if backbone.preprocessing not in read:
            total = sum(len(case.images) for case in cases)
            read[backbone.preprocessing] = open_images(
                cases, backbone.preprocessing, _counting(progress, "reading images", total)
            )
        inputs, opened = read[backbone.preprocessing]
        plan = plan or _Plan.of(dataset, settings, opened.cases)
        start = backbone.digest()
        name = _free(f"{backbone.name}-seed{seed}", backbones)
        network = CaseNetwork(
            backbone,
            plan.new_head(backbone.width, seed),
            freeze_normalisation=not reference.startswith("monai:"),
        )
        stage = f"training {name} ({number + 1}/{len(settings.pool)})"
        losses[name] = plan.fit_one(
            network,
            inputs,
            seed,
            checkpoints / f"{name}-{plan.digest(start)}",
            every=1,
            progress=_epochs(progress, stage, settings.fit.epochs),
        )
        progress(stage, settings.fit.epochs, settings.fit.epochs)
        members.append(Member(name, name, network.head))
        backbones[name] = backbone
    assert plan is not None  # the settings demand at least one backbone
    held_out = plan.validation_cases(opened.cases)
    total = sum(len(case.images) for case in held_out) * len(backbones)
    validation, _ = embed_with(
        backbones, held_out, None, _counting(progress, "scoring validation", total)
    )
    return Pool(tuple(members), backbones, losses, validation, opened, held_out)


@dataclass(frozen=True)
class _Plan:
    """Which rows train which class, and which validate."""

    settings: TrainSettings
    classes: tuple[str, ...]
    n_inliers: int
    data_digest: str
    train: torch.Tensor
    train_targets: torch.Tensor
    early_stop: torch.Tensor
    early_stop_targets: torch.Tensor
    validation_rows: NDArray[np.int64]

    @classmethod
    def of(cls, dataset: Dataset, settings: TrainSettings, cases: list[Case]) -> _Plan:
        draw, kind = dataset.draw, settings.head
        split = {
            case.case_id: part for case, part in zip(dataset.cases, dataset.splits, strict=True)
        }
        train, stop, validation = [], [], []
        for row, case in enumerate(cases):
            target = kind.target(str(case.condition), draw)
            if split[case.case_id] == "train" and target is not None:
                train.append((row, target))
            elif split[case.case_id] == "validation":
                validation.append(row)
                if case.condition in draw.inliers:
                    stop.append((row, draw.inliers.index(str(case.condition))))
        classes = kind.classes(draw)
        empty = sorted(set(range(len(classes))) - {target for _, target in train})
        if empty or not stop:
            lacking = [classes[index] for index in empty] or ["validation inliers"]
            raise TrainingError(f"no readable case to train on for {', '.join(lacking)}")
        rows, targets = (torch.tensor(column) for column in zip(*train, strict=True))
        stop_rows, stop_targets = (torch.tensor(column) for column in zip(*stop, strict=True))
        return cls(
            settings,
            classes,
            len(draw.inliers),
            hash_json([dataset.digest(), [case.case_id for case in cases]]),
            rows,
            targets,
            stop_rows,
            stop_targets,
            np.array(validation, dtype=np.int64),
        )

    def digest(self, backbone: str) -> str:
        """Hash of everything that decides a member's weights, for naming its checkpoint."""
        ensemble = {"members", "selection", "candidates", "backbones", "seed"}
        settings = self.settings.model_dump(mode="json", exclude=ensemble)
        return hash_json([settings, self.classes, self.data_digest, backbone])[:16] + ".safetensors"

    def new_head(self, width: int, seed: int) -> Head:
        torch.manual_seed(seed)
        return Head(width, len(self.classes), self.settings.hidden, self.settings.dropout)

    def fit_one(
        self,
        network: torch.nn.Module,
        inputs: CaseInputs,
        seed: int,
        checkpoint: Path,
        *,
        every: int,
        progress: Callable[[int, float], None],
    ) -> float:
        return fit(
            network,
            Labelled(_Rows(inputs, self.train), self.train_targets),
            Labelled(_Rows(inputs, self.early_stop), self.early_stop_targets),
            loss=lambda logits, targets: self.settings.head.loss(logits, targets, self.n_inliers),
            n_classes=len(self.classes),
            n_inliers=self.n_inliers,
            settings=self.settings.fit,
            seed=seed,
            precision=self.settings.precision,
            checkpoint=checkpoint,
            checkpoint_every=every,
            progress=progress,
        )

    def validation_cases(self, cases: list[Case]) -> list[Case]:
        return [cases[row] for row in self.validation_rows]


class _Rows:
    """Some rows of other inputs."""

    def __init__(self, inputs: CaseInputs, rows: torch.Tensor) -> None:
        self.inputs = inputs
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, index: torch.Tensor, generator: torch.Generator | None) -> object:
        return self.inputs.batch(self.rows[index], generator)


@contextmanager
def _one_thread() -> Iterator[None]:
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


def _counting(progress: Progress, stage: str, total: int) -> Callable[[int], None]:
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress(stage, done, total)

    return advance
