"""Train both stages: segmentation instances on annotated volumes, referral instances on maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from triage.backbones.runtime.execution import has_bfloat16
from triage.data.dataset import Dataset
from triage.data.manifest import Case
from triage.errors import ImageRejected, TrainingError
from triage.hashing import hash_json
from triage.heads import HEADS, HeadKind
from triage.models.oct.referral_network import Readings, ReferralNetwork, ReferralTask
from triage.models.oct.sampling import informative_bscans, part_held_out, rarity
from triage.models.oct.settings import OctSettings
from triage.models.oct.unet import AnnotatedVolume, SegmentationTask, new_segmentation
from triage.models.training import resolved
from triage.models.training_loop import fit_task
from triage.predictions import Predictions
from triage.progress import Progress, counting
from triage.systems.oct.networks import (
    cells_of,
    embeddings,
    hypotheses_of,
    run_pairs,
    weights_digest,
)
from triage.systems.oct.opening import OpenVolume, open_annotation, open_volumes
from triage.systems.oct.system import pair_names, pair_predictions
from triage.uncertainty.acquisition_shift import AcquisitionShift
from triage.uncertainty.feature_distance import FeatureDistance
from triage.vocabulary.diagnoses import DIAGNOSES
from triage.vocabulary.tissues import Tissue

KIND = HeadKind.HOD
MOST_VALIDATION_VOLUMES = 30
"""Annotated volumes that stop the training of stage 1: their B-scans are many."""
Segmenters = dict[str, nn.Module]
Referrers = dict[str, ReferralNetwork]


@dataclass(frozen=True)
class OpenData:
    """Volumes of the training and validation splits that could be read.

    Parameters
    ----------
    cases : list of Case
    volumes : list of OpenVolume
        One a case.
    splits : list of str
        `train` or `validation`, one a case.
    rejected : dict of ImageRejected
        By case_id.
    """

    cases: list[Case]
    volumes: list[OpenVolume]
    splits: list[str]
    rejected: dict[str, ImageRejected]

    def rows(self, split: str, conditions: Sequence[str]) -> list[int]:
        """Rows of a split whose condition is one of some."""
        return [
            row
            for row, (case, part) in enumerate(zip(self.cases, self.splits, strict=True))
            if part == split and case.condition in conditions
        ]


@dataclass(frozen=True)
class OctPool:
    """Trained instances of both stages and what they say of validation.

    Parameters
    ----------
    segmenters, referrers : dict of Module
        By name.
    losses : dict of float
        Best validation loss by name.
    shift : AcquisitionShift
    distance : FeatureDistance
        Of training inliers' maps as the referral networks see them.
    validation : Predictions
        Of the validation split, without decisions.
    rejected : dict of ImageRejected
    annotated : int
        Volumes that trained stage 1.
    """

    segmenters: Segmenters
    referrers: Referrers
    losses: dict[str, float]
    shift: AcquisitionShift
    distance: FeatureDistance
    validation: Predictions
    rejected: dict[str, ImageRejected]
    annotated: int


def train_oct(
    dataset: Dataset,
    settings: OctSettings,
    *,
    checkpoints: Path,
    progress: Progress = lambda *_: None,
) -> OctPool:
    """Train every instance of both stages.

    Parameters
    ----------
    dataset : Dataset
        Its training split trains, its validation inliers stop the training early; validation
        outliers are only read, for the threshold.
    settings : OctSettings
    checkpoints : Path
        Folder; what is found there for the same settings and data is resumed.
    progress : callable

    Raises
    ------
    TrainingError
        If nothing is annotated, a class has no volume, or the processor lacks the arithmetic.
    """
    if settings.precision == "bfloat16" and settings.device == "cpu" and not has_bfloat16():
        raise TrainingError(
            "this processor has no bfloat16 arithmetic", hint="Use --precision float32."
        )
    data = open_data(dataset, settings, progress)
    segmenters, losses, annotated = train_segmenters(
        dataset, data, settings, checkpoints=checkpoints, progress=progress
    )
    cells = _read_tissue(segmenters, data, settings, progress)
    referrers, found = train_referrers(
        dataset,
        data,
        cells,
        settings,
        maps_of=[weights_digest(network) for network in segmenters.values()],
        checkpoints=checkpoints,
        progress=progress,
    )
    inliers = data.rows("train", dataset.draw.inliers)
    held_out = [row for row, part in enumerate(data.splits) if part == "validation"]
    outputs = [run_pairs(list(referrers.values()), cells[row]) for row in held_out]
    validation = pair_predictions(
        [data.cases[row] for row in held_out],
        outputs,
        pair_names(segmenters, referrers),
        HEADS[KIND].classes(dataset.draw),
        len(dataset.draw.inliers),
        {"split": "validation"},
    )
    return OctPool(
        segmenters,
        referrers,
        losses | found,
        fit_shift(data),
        FeatureDistance.fit(embeddings(list(referrers.values()), cells[inliers])),
        validation,
        data.rejected,
        annotated,
    )


def open_data(dataset: Dataset, settings: OctSettings, progress: Progress) -> OpenData:
    """Read the training and validation volumes."""
    cases = dataset.of_split("train", "validation")
    part = dict(zip((case.case_id for case in dataset.cases), dataset.splits, strict=True))
    tick = counting(progress, "reading volumes", len(cases))
    kept, volumes, rejected = open_volumes(cases, settings.segmentation, tick)
    return OpenData(kept, volumes, [part[case.case_id] for case in kept], rejected)


def fit_shift(data: OpenData) -> AcquisitionShift:
    """Learn how training scans are taken; the limit is set on validation."""
    features = np.stack([volume.acquisition for volume in data.volumes])
    train = np.array([part == "train" for part in data.splits])
    return AcquisitionShift.fit(features[train], features[~train])


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
    training = _annotated(data, rows, settings, stage.annotated_volumes)
    count = len(training)
    if start is None:
        rows = data.rows("validation", dataset.draw.inliers)
        validation = _annotated(data, rows, settings, MOST_VALIDATION_VOLUMES)
    else:
        training, validation = part_held_out(training)
    task = SegmentationTask(training, validation, stage, len(Tissue))
    shown = f"{count} annotated volumes"
    segmenters: Segmenters = {}
    losses: dict[str, float] = {}
    for number in range(settings.instances):
        name, seed = f"s{number}", settings.seed + number
        network = new_segmentation(stage, len(Tissue), seed)
        first = ""
        if start is not None:
            network.load_state_dict(start[name].state_dict())
            first = weights_digest(network)
        digest = _digest(dataset, data, settings, "segmentation", first)
        network.to(settings.device)
        losses[name] = fit_task(
            network,
            task,
            stage.fit,
            seed=seed,
            precision=resolved(settings.precision),
            checkpoint=checkpoints / f"{name}-{digest}",
            progress=_epochs(
                progress,
                f"learning tissue from {shown} ({number + 1}/{settings.instances})",
                stage.fit.epochs,
            ),
        )
        segmenters[name] = network
    return segmenters, losses, count


def train_referrers(
    dataset: Dataset,
    data: OpenData,
    cells: NDArray[np.uint8],
    settings: OctSettings,
    *,
    maps_of: list[str],
    checkpoints: Path,
    progress: Progress,
) -> tuple[Referrers, dict[str, float]]:
    """Train stage 2 on the cells, uint8 [N, M, 15, ...], of all opened volumes.

    `maps_of` holds the digests of the segmentation instances that mapped them.
    """
    draw, stage = dataset.draw, settings.referral
    classes = HEADS[KIND].classes(draw)
    rows = data.rows("train", classes)
    lacking = set(classes) - {str(data.cases[row].condition) for row in rows}
    if lacking:
        raise TrainingError(f"no readable volume to train on for {', '.join(sorted(lacking))}")
    task = ReferralTask(
        _readings(data, cells, rows, classes),
        _readings(data, cells, data.rows("validation", draw.inliers), classes),
        stage,
        n_classes=len(classes),
        n_inliers=len(draw.inliers),
        head_loss=lambda logits, targets: HEADS[KIND].loss(logits, targets, len(draw.inliers)),
    )
    digest = _digest(dataset, data, settings, "referral", hash_json(maps_of))
    referrers: Referrers = {}
    losses: dict[str, float] = {}
    for number in range(settings.instances):
        name, seed = f"r{number}", settings.seed + number
        torch.manual_seed(seed)
        network = ReferralNetwork(stage, len(classes), len(DIAGNOSES)).to(settings.device)
        losses[name] = fit_task(
            network,
            task,
            stage.fit,
            seed=seed,
            checkpoint=checkpoints / f"{name}-{digest}",
            progress=_epochs(
                progress, f"learning referral ({number + 1}/{settings.instances})", stage.fit.epochs
            ),
        )
        referrers[name] = network
    return referrers, losses


def _annotated(
    data: OpenData, rows: list[int], settings: OctSettings, most: int
) -> list[AnnotatedVolume]:
    """The first annotated volumes (0: all) among some rows, each with a few telling B-scans."""
    tissues = ((row, open_annotation(data.cases[row], settings.segmentation)) for row in rows)
    known = ((row, tissue) for row, tissue in tissues if tissue is not None)
    found = dict(islice(known, most or None))
    value = rarity(list(found.values()), len(Tissue))
    volumes = []
    for row, tissue in found.items():
        bscans = data.volumes[row].bscans
        if tissue.shape != bscans.shape:
            raise TrainingError(
                f"its tissue map has {len(tissue)} B-scans, the volume {len(bscans)}",
                where=data.cases[row].case_id,
            )
        chosen = informative_bscans(tissue, settings.segmentation.bscans_per_volume, value, row)
        volumes.append(
            AnnotatedVolume(
                torch.from_numpy(bscans),
                torch.from_numpy(chosen),
                torch.from_numpy(np.ascontiguousarray(tissue[chosen])),
            )
        )
    return volumes


def _read_tissue(
    segmenters: Segmenters, data: OpenData, settings: OctSettings, progress: Progress
) -> NDArray[np.uint8]:
    """Cells of every opened volume by every instance, uint8 [N, M, 15, *cells]."""
    cells = []
    for number, volume in enumerate(data.volumes, 1):
        hypotheses = hypotheses_of(list(segmenters.values()), volume.bscans, settings)
        cells.append(cells_of(hypotheses, volume.spacing, settings))
        progress("mapping tissue", number, len(data.volumes))
    return np.stack(cells)


def _readings(
    data: OpenData, cells: NDArray[np.uint8], rows: list[int], classes: tuple[str, ...]
) -> Readings:
    truth = np.full((len(rows), len(DIAGNOSES)), np.nan, dtype=np.float32)
    for place, row in enumerate(rows):
        for column, name in enumerate(DIAGNOSES):
            if name in data.cases[row].diagnoses:
                truth[place, column] = data.cases[row].diagnoses[name]
    targets = [classes.index(str(data.cases[row].condition)) for row in rows]
    return Readings(torch.from_numpy(cells[rows]), torch.tensor(targets), torch.from_numpy(truth))


def _digest(dataset: Dataset, data: OpenData, settings: OctSettings, stage: str, start: str) -> str:
    """Name of a checkpoint: everything that decides an instance's weights but its seed."""
    decided = settings.model_dump(mode="json", include={stage, "segmentation"})
    decided["precision"] = resolved(settings.precision)
    read = [volume.sha256 for volume in data.volumes]
    return hash_json([stage, decided, dataset.digest(), read, start])[:16] + ".safetensors"


def _epochs(progress: Progress, stage: str, total: int) -> Callable[[int, float], None]:
    return lambda done, _: progress(stage, done, total)
