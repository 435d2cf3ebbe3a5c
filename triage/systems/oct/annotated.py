"""Stage 1 on annotated scans of any set: layers, fluid, or all fifteen tissues."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from triage.models.oct.sampling import part_held_out
from triage.models.oct.scan_grid import labels_to_grid, to_grid
from triage.models.oct.settings import OctSettings, SegmentationSettings
from triage.models.oct.unet import (
    AnnotatedVolume,
    SegmentationTask,
    new_segmentation,
    predict_tissue,
)
from triage.models.training import resolved
from triage.models.training_loop import fit_task
from triage.public_sets.annotated import Annotated


def on_grid(item: Annotated, settings: SegmentationSettings) -> list[AnnotatedVolume]:
    """Bring an item on the networks' grid: one volume a grader, so that none is overruled."""
    rows, columns = settings.rows, settings.columns
    bscans = torch.from_numpy(to_grid(item.bscans, rows, columns))
    places = torch.tensor(item.centres)
    return [
        AnnotatedVolume(
            bscans, places, torch.from_numpy(labels_to_grid(mask, rows, columns).copy())
        )
        for mask in item.masks
    ]


def train_on(
    items: Iterable[Annotated],
    n_classes: int,
    settings: OctSettings,
    *,
    checkpoints: Path | None = None,
    progress: Callable[[int, int, float], None] = lambda *_: None,
) -> list[nn.Module]:
    """Train segmentation instances on annotated items.

    Parameters
    ----------
    items : iterable of Annotated
    n_classes : int
    settings : OctSettings
        `instances`, `seed`, `precision` and `segmentation` are used.
    checkpoints : Path, optional
        Folder that names everything that decides the result.
    progress : callable
        Called with (instance, epochs done, validation loss).

    Raises
    ------
    TrainingError
        If there is too little to train on.
    """
    stage = settings.segmentation
    volumes = [on_grid(item, stage) for item in items]
    rest, stop = part_held_out(volumes)  # the test groups stay out of it
    task = SegmentationTask(list(chain(*rest)), list(chain(*stop)), stage, n_classes)
    networks = []
    for number in range(settings.instances):
        network = new_segmentation(stage, n_classes, settings.seed + number)
        fit_task(
            network.to(settings.device),
            task,
            stage.fit,
            seed=settings.seed + number,
            precision=resolved(settings.precision),
            checkpoint=checkpoints / f"s{number}.safetensors" if checkpoints else None,
            progress=lambda done, loss, number=number: progress(number, done, loss),  # type: ignore[misc]
        )
        networks.append(network)
    return networks


def segment(
    networks: Sequence[nn.Module], item: Annotated, settings: OctSettings
) -> NDArray[np.float32]:
    """Probabilities of every instance for the annotated B-scans, at their own size.

    Returns
    -------
    float32 array [M, n, K, H, W]
    """
    stage = settings.segmentation
    grid = to_grid(item.bscans, stage.rows, stage.columns)
    size = item.bscans.shape[1:]
    found = []
    for network in networks:
        maps = predict_tissue(network, grid, stage.context, settings.precision)
        chosen = torch.from_numpy(maps[list(item.centres)])
        back = functional.interpolate(chosen, size, mode="bilinear", align_corners=False)
        found.append(back.numpy())
    return np.stack(found)
