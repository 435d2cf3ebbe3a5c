"""Volumes and annotations that an OCT system learns from, and the names of its checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch

from triage.data.dataset import Dataset
from triage.data.manifest import Case
from triage.errors import ImageRejected, TrainingError
from triage.hashing import hash_file, hash_json
from triage.models.oct.sampling import informative_bscans, rarity
from triage.models.oct.settings import OctSettings
from triage.models.oct.unet import AnnotatedVolume
from triage.models.training import resolved
from triage.progress import Progress, counting
from triage.systems.oct.opening import OpenVolume, open_annotation, open_volumes
from triage.uncertainty.acquisition_shift import AcquisitionShift
from triage.vocabulary.tissues import Tissue


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


def annotated_volumes(
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


def annotation_hash(case: Case) -> str | None:
    """SHA-256 of a case's annotation; None where it has none that can be read."""
    try:
        return None if case.annotation is None else hash_file(case.annotation)
    except (OSError, ValueError):
        return None


def annotation_hashes(dataset: Dataset) -> tuple[str, ...]:
    """SHA-256 of every annotation of the training split that can be read, in ascending order."""
    found = {annotation_hash(case) for case in dataset.of_split("train")}
    return tuple(sorted(one for one in found if one is not None))


def checkpoint_name(
    dataset: Dataset, data: OpenData, settings: OctSettings, stage: str, start: str
) -> str:
    """Name of a checkpoint: everything that decides an instance's weights but its seed."""
    decided = settings.model_dump(mode="json", include={stage, "segmentation"})
    decided["precision"] = resolved(settings.precision)
    read = [volume.sha256 for volume in data.volumes]
    return hash_json([stage, decided, dataset.digest(), read, start])[:16] + ".safetensors"


def epochs_of(progress: Progress, stage: str, total: int) -> Callable[[int, float], None]:
    """Return what reports the passes of one network."""
    return lambda done, _: progress(stage, done, total)
