"""The plan of a training: which cases train which class, and how one network is trained on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from triage.data.dataset import Dataset
from triage.data.manifest import Case
from triage.errors import TrainingError
from triage.hashing import hash_json
from triage.heads import HEADS, OUTLIER_CLASS, HeadDesign, HeadNetwork
from triage.losses import CRITERIA, smoothed
from triage.models.case_inputs import CaseInputs
from triage.models.hyperparameters import varied
from triage.models.settings import DECIDING, HARD, TrainSettings
from triage.models.training import Labelled, LossFunction, Trainable, fit
from triage.systems.photographs.soft_targets import soft_targets


@dataclass(frozen=True)
class TrainingPlan:
    """Which of the opened cases train which class, which stop the training, which validate.

    Parameters
    ----------
    settings : TrainSettings
    classes : tuple of str
        Class order of the head.
    n_inliers : int
    data_digest : str
        Hash of the cases, labels and splits, and of which cases could be read.
    train, train_targets : int Tensor [T]
        Rows of the opened cases that train, and their class.
    early_stop, early_stop_targets : int Tensor [V]
        Rows of validation inliers, and their class.
    validation_rows : int array
        Rows of the validation split; its outliers never train.
    train_shares : float Tensor [T, K], optional
        Distribution over the targets that each is trained towards, where votes are.
    """

    settings: TrainSettings
    classes: tuple[str, ...]
    n_inliers: int
    data_digest: str
    train: torch.Tensor
    train_targets: torch.Tensor
    early_stop: torch.Tensor
    early_stop_targets: torch.Tensor
    validation_rows: NDArray[np.int64]
    train_shares: torch.Tensor | None = None

    @classmethod
    def of(cls, dataset: Dataset, settings: TrainSettings, cases: list[Case]) -> TrainingPlan:
        """Plan the training on cases that could be read.

        Raises
        ------
        TrainingError
            If a class of the head has no case to train on, or no inlier validates.
        """
        draw, head = dataset.draw, HEADS[settings.head]
        if head.info.learns_outliers and not draw.train:
            others = [kind for kind, other in HEADS.items() if not other.info.learns_outliers]
            raise TrainingError(
                f"the head {settings.head} learns from outliers, and no condition of the data "
                "has the role outlier_train",
                where="head",
                hint="Give a condition that role in the data spec, or choose a head that needs "
                f"no outliers: {', '.join(others)}.",
            )
        split = {
            case.case_id: part for case, part in zip(dataset.cases, dataset.splits, strict=True)
        }
        train, stop, validation = [], [], []
        for row, case in enumerate(cases):
            target = head.target(str(case.condition), draw)
            if split[case.case_id] == "train" and target is not None:
                train.append((row, target))
            elif split[case.case_id] == "validation":
                validation.append(row)
                if case.condition in draw.inliers:
                    stop.append((row, draw.inliers.index(str(case.condition))))
        classes = head.classes(draw)
        needed = range(head.n_targets(draw))
        empty = sorted(set(needed) - {target for _, target in train})
        if empty or not stop:
            lacking = [(*classes, OUTLIER_CLASS)[index] for index in empty]
            lacking = lacking or ["validation inliers"]
            raise TrainingError(f"no readable case to train on for {', '.join(lacking)}")
        rows, targets = (torch.tensor(column) for column in zip(*train, strict=True))
        stop_rows, stop_targets = (torch.tensor(column) for column in zip(*stop, strict=True))
        shares, votes = None, []
        if settings.targets != HARD:
            learned = [cases[row] for row, _ in train]
            shares = soft_targets(learned, targets, lambda name: head.target(name, draw))
            votes = [[sorted(case.votes.items()) for case in learned]]
        return cls(
            settings,
            classes,
            len(draw.inliers),
            hash_json([dataset.digest(), [case.case_id for case in cases], *votes]),
            rows,
            targets,
            stop_rows,
            stop_targets,
            np.array(validation, dtype=np.int64),
            shares,
        )

    def of_candidate(self, number: int) -> TrainingPlan:
        """Return the plan of one candidate of the pool: its own where settings are varied."""
        if self.settings.hyperparameters == "fixed":
            return self
        return replace(self, settings=varied(self.settings, self.settings.seed + number))

    def digest(self, backbone: str) -> str:
        """Hash of everything that decides a member's weights, for naming its checkpoint."""
        ensemble = {"members", "selection", "candidates", "backbones", "seed", *DECIDING}
        settings = self.settings.model_dump(mode="json", exclude=ensemble)
        return hash_json([settings, self.classes, self.data_digest, backbone])[:16] + ".safetensors"

    def new_head(self, width: int, seed: int) -> HeadNetwork:
        """Return an untrained head of the plan's classes."""
        torch.manual_seed(seed)
        return self.head.build(
            width,
            self.n_inliers,
            len(self.classes),
            hidden=self.settings.hidden,
            dropout=self.settings.dropout,
        )

    def fit_one(
        self,
        network: Trainable,
        inputs: CaseInputs,
        seed: int,
        checkpoint: Path | None,
        *,
        every: int,
        loss: LossFunction | None = None,
        progress: Callable[[int, float], None] | None = None,
    ) -> float:
        """Train one network in place; returns its best validation loss."""
        return fit(
            network,
            Labelled(_Rows(inputs, self.train), self.train_targets, self.train_shares),
            Labelled(_Rows(inputs, self.early_stop), self.early_stop_targets),
            loss=loss or self.loss,
            n_inliers=self.n_inliers,
            settings=self.settings.fit,
            mixing=self.settings.mixing,
            seed=seed,
            precision=self.settings.precision,
            checkpoint=checkpoint,
            checkpoint_every=every,
            progress=progress,
        )

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Loss of each case [B], with label smoothing where the head takes a criterion."""
        return self.head.loss(
            outputs,
            targets,
            self.n_inliers,
            smoothed(CRITERIA[self.settings.criterion].function, self.settings.fit.label_smoothing),
        )

    def finish(self, head: HeadNetwork, embed: Callable[[torch.Tensor], torch.Tensor]) -> None:
        """Let a trained head learn what it learns of the training inliers' embeddings.

        `embed` maps rows of the opened cases to embeddings; it is called only if needed.
        """
        if type(head).finish is not HeadNetwork.finish:
            inlier = self.train_targets < self.n_inliers
            head.finish(embed(self.train[inlier]), self.train_targets[inlier])

    @property
    def head(self) -> HeadDesign:
        """What kind of head is trained."""
        return HEADS[self.settings.head]

    def validation_cases(self, cases: list[Case]) -> list[Case]:
        """Return the opened cases of the validation split."""
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
