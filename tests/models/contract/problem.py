"""Three clouds with two outlier conditions between them, and the real loop that learns them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from triage.data.roles import RoleDraw
from triage.heads import HEADS, HeadDesign, HeadKind, HeadNetwork
from triage.losses import CRITERIA
from triage.models.case_inputs import EmbeddingInputs
from triage.models.settings import FitSettings
from triage.models.training import Labelled, LossFunction, fit

DRAW = RoleDraw(("a", "b", "c"), ("u", "v"), ("w",), ("x",), seed=0)
N_INLIERS = len(DRAW.inliers)
CENTRES = {"a": (0.0, 4.0), "b": (-4.0, -3.0), "c": (4.0, -3.0), "u": (-0.6, 0.0), "v": (0.6, -0.5)}
"""Outliers in the middle, where even heads without a hidden layer can tell them apart."""
SETTINGS = FitSettings(epochs=30, patience=30, batch_size=32, learning_rate=2e-2)
SHORT = SETTINGS.model_copy(update={"epochs": 3})

Progress = Callable[[int, float], None]


def cases(conditions: tuple[str, ...], count: int, seed: int, spread: float = 0.8) -> Tensor:
    """Embeddings [count, 2] of the conditions in turn."""
    chance = torch.Generator().manual_seed(seed)
    centres = torch.tensor([CENTRES[conditions[n % len(conditions)]] for n in range(count)])
    return centres + spread * torch.randn(count, 2, generator=chance)


def training_cases(design: HeadDesign, spread: float = 0.8) -> Labelled:
    """What trains this kind of head: 90 inliers, and 40 outliers where it learns them."""
    rows, conditions = [cases(DRAW.inliers, 90, 0, spread)], list(DRAW.inliers) * 30
    if design.info.learns_outliers:
        rows.append(cases(DRAW.train, 40, 1, spread))
        conditions += list(DRAW.train) * 20
    targets = [design.target(condition, DRAW) for condition in conditions]
    assert None not in targets
    return Labelled(EmbeddingInputs(torch.cat(rows)), torch.tensor(targets))


def new_cases(seed: int, count: int = 60, spread: float = 0.8) -> Labelled:
    """Inliers that did not train."""
    return Labelled(
        EmbeddingInputs(cases(DRAW.inliers, count, seed, spread)), torch.arange(count) % N_INLIERS
    )


def untrained(design: HeadDesign, *, hidden: int = 16, dropout: float = 0.1) -> HeadNetwork:
    torch.manual_seed(0)
    width, n_classes = 2, len(design.classes(DRAW))
    return design.build(width, N_INLIERS, n_classes, hidden=hidden, dropout=dropout)


def loss_of(design: HeadDesign, criterion: str = "cross_entropy") -> LossFunction:
    function = CRITERIA[criterion].function
    return lambda outputs, targets: design.loss(outputs, targets, N_INLIERS, function)


def learned(
    kind: HeadKind,
    *,
    settings: FitSettings = SETTINGS,
    criterion: str = "cross_entropy",
    mixing: str = "none",
    hidden: int = 16,
    spread: float = 0.8,
    seed: int = 0,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> HeadNetwork:
    """A head after the real training loop, finished, in evaluation mode."""
    design = HEADS[kind]
    network, training = untrained(design, hidden=hidden), training_cases(design, spread)
    embeddings = training.inputs.batch(torch.arange(len(training.inputs)), None)
    network.standardise_by(embeddings)
    fit(
        network,
        training,
        new_cases(2, spread=spread),
        loss=loss_of(design, criterion),
        n_inliers=N_INLIERS,
        settings=settings,
        mixing=mixing,
        seed=seed,
        checkpoint=checkpoint,
        progress=progress,
    )
    inlier = training.targets < N_INLIERS
    network.finish(embeddings[inlier], training.targets[inlier])
    return network.eval()


def accuracy(logits: Tensor, targets: Tensor) -> float:
    return float((logits[:, :N_INLIERS].argmax(1) == targets).float().mean())


def same_weights(one: HeadNetwork, two: HeadNetwork) -> bool:
    a, b = one.state_dict(), two.state_dict()
    return a.keys() == b.keys() and all(torch.equal(value, b[key]) for key, value in a.items())
