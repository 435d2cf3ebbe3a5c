"""Train stage 1: segmentation instances on annotated volumes."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from triage.data.dataset import Dataset
from triage.models.oct.sampling import part_held_out
from triage.models.oct.settings import OctSettings
from triage.models.oct.unet import SegmentationTask, new_segmentation
from triage.models.training import resolved
from triage.models.training_loop import fit_task
from triage.progress import Progress
from triage.systems.oct.networks import weights_digest
from triage.systems.oct.training_data import (
    OpenData,
    annotated_volumes,
    checkpoint_name,
    epochs_of,
)
from triage.vocabulary.tissues import Tissue

MOST_VALIDATION_VOLUMES = 30
"""Annotated volumes that stop the training of stage 1: their B-scans are many."""
Segmenters = dict[str, nn.Module]


def train_segmenters(
    dataset: Dataset,
    data: OpenData,
    settings: OctSettings,
    *,
    checkpoints: Path,
    progress: Progress,
    start: Segmenters | None = None,
) -> tuple[Segmenters, dict[str, float], int]:
    """Train stage 1 on the annotated training volumes.

    Parameters
    ----------
    start : dict of Module, optional
        Trained instances to go on from, as when a new device is learned: its few annotated
        volumes must also stop the training.

    Returns
    -------
    segmenters, losses : dict
        By name.
    annotated : int
        Volumes that trained.
    """
    stage = settings.segmentation
    rows = data.rows("train", dataset.draw.classes)
    training = annotated_volumes(data, rows, settings, stage.annotated_volumes)
    count = len(training)
    if start is None:
        rows = data.rows("validation", dataset.draw.inliers)
        validation = annotated_volumes(data, rows, settings, MOST_VALIDATION_VOLUMES)
    else:
        training, validation = part_held_out(training)
    task = SegmentationTask(training, validation, stage, len(Tissue))
    segmenters, losses = fit_segmenters(
        dataset, data, task, count, settings,
        checkpoints=checkpoints, progress=progress, start=start,
    )  # fmt: skip
    return segmenters, losses, count


def fit_segmenters(
    dataset: Dataset,
    data: OpenData,
    task: SegmentationTask,
    count: int,
    settings: OctSettings,
    *,
    checkpoints: Path,
    progress: Progress,
    start: Segmenters | None = None,
) -> tuple[Segmenters, dict[str, float]]:
    """Train every segmentation instance on a task made from `count` annotated volumes.

    Parameters
    ----------
    start : dict of Module, optional
        Trained instances to go on from; they are copied, never changed.

    Returns
    -------
    segmenters, losses : dict
        By name.
    """
    stage = settings.segmentation
    segmenters: Segmenters = {}
    losses: dict[str, float] = {}
    for number in range(settings.instances):
        name, seed = f"s{number}", settings.seed + number
        network = new_segmentation(stage, len(Tissue), seed)
        first = ""
        if start is not None:
            network.load_state_dict(start[name].state_dict())
            first = weights_digest(network)
        digest = checkpoint_name(dataset, data, settings, "segmentation", first)
        network.to(settings.device)
        losses[name] = fit_task(
            network,
            task,
            stage.fit,
            seed=seed,
            precision=resolved(settings.precision),
            checkpoint=checkpoints / f"{name}-{digest}",
            progress=epochs_of(
                progress,
                f"learning tissue from {count} annotated volumes "
                f"({number + 1}/{settings.instances})",
                stage.fit.epochs,
            ),
        )
        segmenters[name] = network
    return segmenters, losses
