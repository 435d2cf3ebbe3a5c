"""`triage transfer`: how a system trained on one device does on another, before and after.

After De Fauw et al. 2018: only stage 1 learns the new device, from a few annotated volumes; the
referral networks, the policy and every threshold stay as they were.
"""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from triage.atomic_write import whole_file
from triage.data.dataset import Dataset
from triage.errors import UsageError
from triage.learning.evaluate import EvaluationRun, evaluate_system
from triage.learning.train import train
from triage.models.oct.settings import OctSettings
from triage.progress import Progress, tagged
from triage.systems.bundle import check_free, load_system, save_bundle
from triage.systems.family import UNSAVED
from triage.systems.manifest import BundleManifest
from triage.systems.oct.files import write_stages
from triage.systems.oct.first_stage import train_segmenters
from triage.systems.oct.networks import weights_digest
from triage.systems.oct.system import OctSystem
from triage.systems.oct.training_data import OpenData, annotation_hash, fit_shift, open_data
from triage.uncertainty.auroc import auroc

ADAPTED = "adapted"
EPOCHS, BSCANS = 30, 16
"""Passes over the new device's few volumes, and B-scans used of each at most."""


@dataclass(frozen=True)
class Transfer:
    """What a transfer measured.

    Parameters
    ----------
    runs : dict of EvaluationRun
        By stage: the old device, the new one before, the new one after, the old one after.
    share : float
        Annotated volumes of the new device, as a share of the old one's.
    volumes, old_volumes : int
        How many these are.
    unseen_auroc : float
        How well the acquisition distance tells the new device's test volumes from the old one's,
        before adaptation.
    unseen_share : float
        Share of the new device's test volumes that the system refuses as unseen.
    """

    runs: dict[str, EvaluationRun]
    share: float
    volumes: int
    old_volumes: int
    unseen_auroc: float
    unseen_share: float

    def rows(self) -> list[dict[str, Any]]:
        """One row a stage: referral error and tissue overlap."""
        return [_row(name, run) for name, run in self.runs.items()]

    def as_json(self) -> dict[str, Any]:
        """The transfer as plain JSON."""
        return {
            "share": self.share,
            "annotated_volumes": {"old": self.old_volumes, "new": self.volumes},
            "unseen_device": {"auroc": self.unseen_auroc, "flagged": self.unseen_share},
            "stages": self.rows(),
        }


def transfer(
    old: Dataset,
    new: Dataset,
    settings: OctSettings,
    workdir: str | Path,
    *,
    bundle: str | Path | None = None,
    share: float = 0.1,
    report: Progress = lambda *_: None,
    n_resamples: int = 1000,
) -> Transfer:
    """Train on one device, measure on another, teach stage 1 the other, measure again.

    Parameters
    ----------
    old, new : Dataset
        The same spec on two devices' volumes.
    settings : OctSettings
        Of both stages, unless a bundle is given.
    workdir : str or Path
        Bundles `device` and `adapted` are written here; the first is used again if it is there.
    bundle : str or Path, optional
        A system trained on the old device.
    share : float
        Annotated volumes of the new device, as a share of those that trained the old stage 1.

    Raises
    ------
    UsageError
        If the share leaves no volume, the bundle is none for volumes, or `workdir` holds an
        adapted one already.
    """
    workdir = Path(workdir)
    check_free(workdir / ADAPTED)
    first = Path(bundle) if bundle else workdir / "device"
    if not first.exists():
        train(old, settings, first, progress=tagged(report, "old device"))
    system, manifest = load_system(first)
    if not isinstance(system, OctSystem):
        raise UsageError("is no system for volumes", where=str(first))
    old_volumes = _annotated(old, system.settings)
    volumes = math.floor(share * old_volumes)
    if volumes < 2:
        raise UsageError(
            f"{share:.0%} of {old_volumes} annotated volumes are too few", where="--share"
        )

    def measure(stage: str, one: OctSystem, dataset: Dataset) -> EvaluationRun:
        return evaluate_system(
            one, manifest, dataset, report=tagged(report, stage), n_resamples=n_resamples
        )

    runs = {
        "old device": measure("old device", system, old),
        "new device, before": measure("new device, before", system, new),
    }
    adapted = adapt(system, manifest, new, volumes, workdir, report=report)
    runs["new device, after"] = measure("new device, after", adapted, new)
    runs["old device, after"] = measure("old device, after", adapted, old)
    distance = {name: _distances(runs[name]) for name in ("old device", "new device, before")}
    values = np.concatenate(list(distance.values()))
    is_new = np.arange(len(values)) >= len(distance["old device"])
    return Transfer(
        runs,
        share,
        volumes,
        old_volumes,
        auroc(values, is_new),
        float((distance["new device, before"] > system.shift.limit).mean()),
    )


def adapt(
    system: OctSystem,
    manifest: BundleManifest,
    dataset: Dataset,
    volumes: int,
    workdir: str | Path,
    *,
    report: Progress = lambda *_: None,
) -> OctSystem:
    """Teach stage 1 a new device from a few annotated volumes, and write the adapted bundle.

    Stage 2 and the policy stay; what an unseen device looks like is learned anew.
    """
    workdir = Path(workdir)
    stage = system.settings.segmentation
    fit = stage.fit.model_copy(update={"epochs": EPOCHS, "patience": EPOCHS})
    learning = stage.model_copy(
        update={"annotated_volumes": volumes, "bscans_per_volume": BSCANS, "fit": fit}
    )
    settings = system.settings.model_copy(update={"segmentation": learning})
    data = open_data(dataset, settings, tagged(report, "adapting"))
    checkpoints = workdir / f".{ADAPTED}.checkpoints"
    segmenters, _, count = train_segmenters(
        dataset,
        data,
        settings,
        checkpoints=checkpoints,
        progress=tagged(report, "adapting"),
        start=system.segmenters,
    )
    shift = fit_shift(data)
    known = _known_annotations(system, dataset, data, volumes)
    sealed = manifest.model_copy(
        update={
            "name": "adapted",
            "backbones": {name: weights_digest(network) for name, network in segmenters.items()},
            "notes": (
                *manifest.notes,
                f"Stage 1 was adapted to another device with {count} annotated volumes; stage 2 "
                f"and the policy are those of bundle {manifest.digest()[:16]}.",
            ),
        }
    )
    save_bundle(
        workdir / ADAPTED,
        sealed,
        system.policy,
        dataset.spec,
        lambda folder: write_stages(folder, segmenters, system.referrers, shift, known),
    )
    shutil.rmtree(checkpoints, ignore_errors=True)
    return OctSystem(
        segmenters,
        system.referrers,
        settings=system.settings,
        kind=system.kind,
        classes=system.classes,
        n_inliers=system.n_inliers,
        policy=system.policy,
        shift=shift,
        annotations=known,
        provenance=system.provenance | {"bundle": UNSAVED},
    )


def _known_annotations(
    system: OctSystem, dataset: Dataset, data: OpenData, volumes: int
) -> tuple[str, ...] | None:
    """SHA-256 of what the adapted stage 1 learned from; None where the former one's are unknown."""
    if system.annotations is None:
        return None
    rows = data.rows("train", dataset.draw.classes)
    found = [annotation_hash(data.cases[row]) for row in rows if data.cases[row].annotation]
    return tuple(sorted({*system.annotations, *filter(None, found[:volumes])}))


def save_transfer(found: Transfer, folder: str | Path) -> None:
    """Write `transfer.json` into a folder, whole or not at all.

    Raises
    ------
    UsageError
        If the folder cannot be written to.
    """
    try:
        with whole_file(Path(folder) / "transfer.json") as partial:
            partial.write_text(json.dumps(found.as_json(), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot be written to: {error.strerror}", where=str(folder)) from error


def _annotated(dataset: Dataset, settings: OctSettings) -> int:
    """Annotated volumes that trained stage 1."""
    count = sum(
        case.annotation is not None and case.condition in dataset.draw.classes
        for case in dataset.of_split("train")
    )
    most = settings.segmentation.annotated_volumes
    return min(count, most) if most else count


def _distances(run: EvaluationRun) -> np.ndarray[Any, np.dtype[np.float64]]:
    assert run.findings is not None, "volumes leave findings"
    return run.findings["device_distance"].to_numpy(dtype=np.float64)


def _row(name: str, run: EvaluationRun) -> dict[str, Any]:
    referral, tissue = run.referral, run.tissue
    return {
        "stage": name,
        "volumes": referral.n_cases if referral else 0,
        "error": referral.error.model_dump(mode="json") if referral else None,
        "urgent_auroc": referral.urgent_auroc.model_dump(mode="json")
        if referral and referral.urgent_auroc
        else None,
        "urgent_to_observation": referral.urgent_to_observation if referral else None,
        "mean_dice": tissue.mean_dice.model_dump(mode="json") if tissue else None,
    }
