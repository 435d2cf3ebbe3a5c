"""Train both stages: segmentation instances on annotated volumes, referral instances on maps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from triage.backbones.runtime.execution import has_bfloat16
from triage.data.dataset import Dataset
from triage.errors import ImageRejected, TrainingError
from triage.hashing import hash_json
from triage.heads import HEADS, HeadKind
from triage.models.oct.referral_network import Readings, ReferralNetwork, ReferralTask
from triage.models.oct.settings import OctSettings
from triage.models.training_loop import fit_task
from triage.predictions import Predictions
from triage.progress import Progress
from triage.systems.oct.first_stage import Segmenters, train_segmenters
from triage.systems.oct.networks import cells_of, embeddings, run_pairs, weights_digest
from triage.systems.oct.system import pair_names, pair_predictions
from triage.systems.oct.tissue_cache import TissueCache
from triage.systems.oct.training_data import (
    OpenData,
    annotation_hashes,
    checkpoint_name,
    epochs_of,
    fit_shift,
    open_data,
)
from triage.uncertainty.acquisition_shift import AcquisitionShift
from triage.uncertainty.feature_distance import FeatureDistance
from triage.vocabulary.diagnoses import DIAGNOSES

KIND = HeadKind.HOD
Referrers = dict[str, ReferralNetwork]


@dataclass(frozen=True)
class FirstStage:
    """Trained segmentation instances, and what they learned from.

    Parameters
    ----------
    segmenters : dict of Module
        By name.
    losses : dict of float
        Best validation loss of the instances that were trained now, by name.
    shift : AcquisitionShift
        How the scans are taken that they can map.
    annotated : int
        Volumes that trained them.
    annotations : tuple of str, optional
        SHA-256 of every annotation that was in their training split; None where not known.
    """

    segmenters: Segmenters
    losses: dict[str, float]
    shift: AcquisitionShift
    annotated: int
    annotations: tuple[str, ...] | None


@dataclass(frozen=True)
class OctPool:
    """Trained instances of both stages and what they say of validation.

    Parameters
    ----------
    first : FirstStage
    referrers : dict of Module
        By name.
    losses : dict of float
        Best validation loss by name.
    distance : FeatureDistance
        Of training inliers' maps as the referral networks see them.
    validation : Predictions
        Of the validation split, without decisions.
    rejected : dict of ImageRejected
    """

    first: FirstStage
    referrers: Referrers
    losses: dict[str, float]
    distance: FeatureDistance
    validation: Predictions
    rejected: dict[str, ImageRejected]


def train_oct(
    dataset: Dataset,
    settings: OctSettings,
    *,
    cache_folder: Path | None = None,
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
    cache_folder : Path, optional
        Where tissue maps are kept for a later retraining.
    checkpoints : Path
        Folder; what is found there for the same settings and data is resumed.
    progress : callable

    Raises
    ------
    TrainingError
        If nothing is annotated, a class has no volume, or the processor lacks the arithmetic.
    """
    check_arithmetic(settings)
    data = open_data(dataset, settings, progress)
    segmenters, losses, annotated = train_segmenters(
        dataset, data, settings, checkpoints=checkpoints, progress=progress
    )
    return train_second_stage(
        dataset,
        data,
        FirstStage(segmenters, losses, fit_shift(data), annotated, annotation_hashes(dataset)),
        settings,
        cache_folder=cache_folder,
        checkpoints=checkpoints,
        progress=progress,
    )


def check_arithmetic(settings: OctSettings) -> None:
    """Refuse bfloat16 where the processor lacks it."""
    if settings.precision == "bfloat16" and settings.device == "cpu" and not has_bfloat16():
        raise TrainingError(
            "this processor has no bfloat16 arithmetic", hint="Use --precision float32."
        )


def train_second_stage(
    dataset: Dataset,
    data: OpenData,
    first: FirstStage,
    settings: OctSettings,
    *,
    cache_folder: Path | None,
    checkpoints: Path,
    progress: Progress,
) -> OctPool:
    """Train the referral instances on the maps of a trained first stage, and read validation.

    Parameters
    ----------
    dataset : Dataset
    data : OpenData
        The volumes that train and validate.
    first : FirstStage
    cache_folder : Path, optional
        Of tissue maps.

    Raises
    ------
    TrainingError
        If a class has no volume.
    """
    segmenters = list(first.segmenters.values())
    cells = _read_tissue(TissueCache(cache_folder, segmenters, settings), data, progress)
    referrers, losses = train_referrers(
        dataset,
        data,
        cells,
        settings,
        maps_of=[weights_digest(network) for network in segmenters],
        checkpoints=checkpoints,
        progress=progress,
    )
    networks = list(referrers.values())
    inliers = data.rows("train", dataset.draw.inliers)
    held_out = [row for row, part in enumerate(data.splits) if part == "validation"]
    validation = pair_predictions(
        [data.cases[row] for row in held_out],
        [run_pairs(networks, cells[row]) for row in held_out],
        pair_names(first.segmenters, referrers),
        HEADS[KIND].classes(dataset.draw),
        len(dataset.draw.inliers),
        {"split": "validation"},
    )
    return OctPool(
        first,
        referrers,
        first.losses | losses,
        FeatureDistance.fit(embeddings(networks, cells[inliers])),
        validation,
        data.rejected,
    )


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
    told = [[data.cases[row].case_id, data.cases[row].diagnoses] for row in rows]
    digest = checkpoint_name(dataset, data, settings, "referral", hash_json([maps_of, told]))
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
            progress=epochs_of(
                progress, f"learning referral ({number + 1}/{settings.instances})", stage.fit.epochs
            ),
        )
        referrers[name] = network
    return referrers, losses


def _read_tissue(cache: TissueCache, data: OpenData, progress: Progress) -> NDArray[np.uint8]:
    """Cells of every opened volume by every instance, uint8 [N, M, 15, *cells]."""
    cells = []
    for number, volume in enumerate(data.volumes, 1):
        cells.append(cells_of(cache.hypotheses(volume), volume.spacing, cache.settings))
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
