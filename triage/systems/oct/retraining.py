"""Train an OCT system again: its referral stage, and its tissue stage where annotations are new.

Without new annotations the tissue networks stay as they are: a review names diagnoses and an
urgency, and says nothing of a voxel. With new ones they are trained further, on the old annotations
too, so that a new device is learned and the old one is not lost. Either way the referral networks
are then trained from the start on the maps of all training volumes, and the policy is fixed as in
training.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from triage.data.dataset import Dataset
from triage.errors import TrainingError
from triage.hashing import hash_json
from triage.models.oct.sampling import HELD_OUT
from triage.models.oct.settings import OctSettings
from triage.models.oct.unet import SegmentationTask
from triage.progress import Progress
from triage.systems.oct.first_stage import MOST_VALIDATION_VOLUMES, fit_segmenters
from triage.systems.oct.system import OctSystem
from triage.systems.oct.training import (
    FirstStage,
    OctPool,
    check_arithmetic,
    train_second_stage,
)
from triage.systems.oct.training_data import (
    OpenData,
    annotated_volumes,
    annotation_hash,
    annotation_hashes,
    open_data,
)
from triage.uncertainty.acquisition_shift import AcquisitionShift
from triage.vocabulary.tissues import Tissue

NEW_BSCANS = 16
"""B-scans used of each newly annotated volume at most: they are few, as in `triage transfer`."""


@dataclass(frozen=True)
class Retrained:
    """A system trained again.

    Parameters
    ----------
    pool : OctPool
    notes : tuple of str
        What was kept, trained and left out, in sentences.
    """

    pool: OctPool
    notes: tuple[str, ...]


def new_annotations(system: OctSystem, dataset: Dataset) -> tuple[str, ...]:
    """SHA-256 of the training split's annotations that a system did not learn from.

    None are new to a system that does not state what it learned from.
    """
    if system.annotations is None:
        return ()
    return tuple(sorted({*annotation_hashes(dataset)} - {*system.annotations}))


def retrain_oct(
    system: OctSystem,
    dataset: Dataset,
    settings: OctSettings,
    *,
    annotated: bool,
    cache_folder: Path | None,
    checkpoints: Path,
    progress: Progress,
) -> Retrained:
    """Train a system again with its own settings, or with its own but for the seed.

    Parameters
    ----------
    system : OctSystem
        The champion; it is not changed.
    dataset : Dataset
        With reviewed volumes in its training split.
    settings : OctSettings
        Of the champion; networks that are kept take nothing from them.
    annotated : bool
        Whether the tissue stage is trained further on annotations that the champion did not have.
    cache_folder : Path, optional
        Of tissue maps: a volume is mapped once by the same networks.
    checkpoints : Path
        Folder from which a later call with the same arguments resumes.
    progress : callable

    Raises
    ------
    TrainingError
        If the tissue stage is to be trained further and no annotation is new, or a referral class
        has no volume.
    """
    check_arithmetic(settings)
    data = open_data(dataset, settings, progress)
    if annotated:
        first, notes = _trained_further(
            system, dataset, data, settings, checkpoints=checkpoints, progress=progress
        )
    else:
        first, data, notes = _kept(system, data)
    pool = train_second_stage(
        dataset,
        data,
        first,
        settings,
        cache_folder=cache_folder,
        checkpoints=checkpoints,
        progress=progress,
    )
    return Retrained(pool, notes)


def _kept(system: OctSystem, data: OpenData) -> tuple[FirstStage, OpenData, tuple[str, ...]]:
    """The champion's own tissue stage, and the volumes that it can map.

    A scan of a device that the networks never learned has a wrong map: a referral network would
    learn from it what no tissue means, and the device would still be refused (A3).
    """
    features = np.stack([volume.acquisition for volume in data.volumes])
    seen = system.shift.distance(features) <= system.shift.limit
    rows = [row for row, part in enumerate(data.splits) if part != "train" or seen[row]]
    unseen = len(data.volumes) - len(rows)
    kept = replace(
        data,
        cases=[data.cases[row] for row in rows],
        volumes=[data.volumes[row] for row in rows],
        splits=[data.splits[row] for row in rows],
    )
    first = FirstStage(system.segmenters, {}, system.shift, 0, system.annotations)
    notes = ["Stage 1 is that of the former system; only stage 2 was trained."]
    if unseen:
        notes.append(
            f"{unseen} training volumes are taken unlike those that stage 1 learned from, and did "
            "not train stage 2: annotate some of them."
        )
    return first, kept, tuple(notes)


def _trained_further(
    system: OctSystem,
    dataset: Dataset,
    data: OpenData,
    settings: OctSettings,
    *,
    checkpoints: Path,
    progress: Progress,
) -> tuple[FirstStage, tuple[str, ...]]:
    """Train the champion's tissue stage on, from old and new annotations."""
    old, new = _annotated_rows(system, dataset, data)
    if not new:
        raise TrainingError(
            "no annotation of the training split is new to the tissue stage",
            hint="Add annotated volumes, or retrain from reviews alone.",
        )
    # Every eighth new volume helps to stop the training, as validation may have none of its device.
    held_out = new[::HELD_OUT] if len(new) >= HELD_OUT else []
    learned = [row for row in new if row not in held_out]
    each = settings.segmentation.model_copy(update={"bscans_per_volume": NEW_BSCANS})
    more = settings.model_copy(update={"segmentation": each})
    limit = settings.segmentation.annotated_volumes
    replayed = annotated_volumes(data, old, settings, limit)
    training = replayed + annotated_volumes(data, learned, more, 0)
    rows = data.rows("validation", dataset.draw.inliers)
    validation = annotated_volumes(data, rows, settings, MOST_VALIDATION_VOLUMES)
    task = SegmentationTask(
        training,
        validation + annotated_volumes(data, held_out, settings, 0),
        settings.segmentation,
        len(Tissue),
    )
    known = annotation_hashes(dataset)
    segmenters, losses = fit_segmenters(
        dataset,
        data,
        task,
        len(training),
        settings,
        checkpoints=checkpoints / hash_json(known)[:16],  # the data set's digest has no annotations
        progress=progress,
        start=system.segmenters,
    )
    first = FirstStage(
        segmenters,
        losses,
        _shift(data, held_out),
        len(training),
        tuple(sorted({*known, *(system.annotations or ())})),
    )
    return first, (
        f"Stage 1 was trained further on {len(learned)} newly annotated volumes and "
        f"{len(replayed)} that it had learned from.",
    )


def _annotated_rows(
    system: OctSystem, dataset: Dataset, data: OpenData
) -> tuple[list[int], list[int]]:
    """Rows of the training split with an annotation: those the system had, and new ones."""
    had = {*(system.annotations or ())}
    old: list[int] = []
    new: list[int] = []
    for row in data.rows("train", dataset.draw.classes):
        found = annotation_hash(data.cases[row])
        if data.cases[row].annotation is not None:
            (old if found in had else new).append(row)
    return old, new


def _shift(data: OpenData, held_out: list[int]) -> AcquisitionShift:
    """How the scans are taken; the limit is set on validation and the new volumes held out."""
    features = np.stack([volume.acquisition for volume in data.volumes])
    limits = np.array([part != "train" for part in data.splits])
    limits[held_out] = True
    return AcquisitionShift.fit(features[~limits], features[limits])
