"""`triage pretrain`: a backbone from images without labels."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from triage.backbones.backbone import Backbone
from triage.data.dataset import Dataset
from triage.data.manifest import Case
from triage.data.patient_split import unit_hash
from triage.engine import EngineSettings, open_executor
from triage.errors import RejectReason, TrainingError, UsageError, count_by_reason
from triage.hashing import hash_json
from triage.modalities import MODALITIES
from triage.models.contrastive.contrastive_task import ContrastiveTask
from triage.models.contrastive.projection import ContrastiveNetwork
from triage.models.contrastive.settings import PretrainSettings
from triage.models.contrastive.training_processes import Processes
from triage.models.load_backbone import load_backbone
from triage.models.read_tasks import open_with
from triage.models.training_loop import fit_task
from triage.progress import Progress
from triage.systems.bundle import check_free

RECORD = "pretraining.json"
LEAST = 2
"""Cases below which there is nothing to tell a case from."""


@dataclass(frozen=True)
class Pretraining:
    """What was learned from what.

    Parameters
    ----------
    backbone : str
        Reference of the result, as `load_backbone` reads it.
    digest : str
        Of its weights.
    settings : dict
        Resolved `PretrainSettings`.
    spec, data_digest : str
        The data spec, and the hash of its cases and splits.
    roles_seed : int
        Of the draw; its validation and test conditions were not seen.
    cases, held_out : int
        Cases that trained, and cases that only measured the loss.
    with_several : int
        Training cases with two images or more.
    loss : float
        NT-Xent on the held-out cases, of the best epoch.
    processes : int
    rejected : dict of int
        Cases left out, by reason.
    notes : tuple of str
    """

    backbone: str
    digest: str
    settings: dict[str, Any]
    spec: str
    data_digest: str
    roles_seed: int
    cases: int
    held_out: int
    with_several: int
    loss: float
    processes: int
    rejected: dict[str, int]
    notes: tuple[str, ...]


def pretrain(
    dataset: Dataset,
    settings: PretrainSettings,
    out: str | Path,
    *,
    processes: Processes | None = None,
    engine: EngineSettings | None = None,
    progress: Progress = lambda *_: None,
) -> Pretraining:
    """Train a backbone on the training split without its labels, and write it as a folder.

    No validation or test case is opened, and none of a condition that the draw of roles keeps
    for them. Some training clusters are held out to measure the loss. A killed run leaves its
    checkpoint in a hidden folder beside `out`; the same call resumes from it.

    Parameters
    ----------
    dataset : Dataset
        Of photographs or B-scans.
    settings : PretrainSettings
    out : str or Path
        Folder to write; must not exist.
    processes : Processes, optional
        All of them call this function; the first writes.
    engine : EngineSettings, optional
        Where images are read and resized; by default in this process. Of several training
        processes each has its own share of the cases read, by workers of its own.
    progress : callable

    Raises
    ------
    UsageError
        If the place is taken or cannot be written to, or the data are volumes.
    TrainingError
        If there are too few cases, or the backbone cannot be loaded or trained.
    EngineError, WorkerLost
        If the workers that read images do not answer, or end several times.
    """
    processes = processes or Processes()
    out = Path(out)
    check_free(out)
    _require_pictures(dataset)
    backbone = load_backbone(settings.backbone, seed=settings.seed)
    parts = hold_out(dataset.of_split("train"), settings.held_out, settings.seed)
    ours = [cases[processes.rank :: processes.count] for cases in parts]
    checkpoints = out.with_name(f".{out.name}.checkpoints")
    with open_executor(engine) as executor:
        (training, opened), (held_out, opened_too) = (
            open_with(executor, part, backbone.pictures, checkpoints, progress) for part in ours
        )
    _require_cases(len(training), len(held_out), processes)
    several = int(processes.total((training.counts > 1).sum()))
    total = int(processes.total(torch.tensor(len(training))))
    rejected = _total_by_reason({**opened.rejected, **opened_too.rejected}.values(), processes)
    network = ContrastiveNetwork(backbone, hidden=settings.hidden, projection=settings.projection)
    loss = fit_task(
        processes.share(network, unused=not settings.backbone.startswith("monai:")),
        ContrastiveTask(training, held_out, settings, processes),
        settings.fit,
        seed=settings.seed * processes.count + processes.rank,
        precision=settings.precision,
        checkpoint=_checkpoint(checkpoints, dataset, settings, backbone, rejected, processes),
        checkpoint_every=1 if processes.first else settings.fit.epochs,
        progress=lambda done, _: progress("pretraining", done, settings.fit.epochs),
    )
    backbone.to("cpu")
    record = Pretraining(
        backbone=f"file:{out}",
        digest=backbone.digest(),
        settings=settings.model_dump(mode="json"),
        spec=dataset.spec.name,
        data_digest=dataset.digest(),
        roles_seed=dataset.draw.seed,
        cases=total,
        held_out=int(processes.total(torch.tensor(len(held_out)))),
        with_several=several, loss=loss, processes=processes.count,
        rejected=rejected, notes=_notes(settings, several, total),
    )  # fmt: skip
    _write(out, backbone, record, checkpoints, processes)
    return record


def _write(
    out: Path, backbone: Backbone, record: Pretraining, checkpoints: Path, processes: Processes
) -> None:
    """Write the result by the first process, once nobody writes a checkpoint any more."""
    processes.wait()
    if processes.first:
        _save(out, backbone, record)
        shutil.rmtree(checkpoints, ignore_errors=True)


def _require_pictures(dataset: Dataset) -> None:
    if MODALITIES[dataset.spec.modality].volumes:
        raise UsageError(
            "volumes cannot be pretrained on",
            where=dataset.spec.name,
            hint="Photographs and single B-scans can.",
        )


def hold_out(cases: Sequence[Case], share: float, seed: int) -> tuple[list[Case], list[Case]]:
    """Part whole clusters of cases into those that train and those that measure the loss.

    Parameters
    ----------
    cases : sequence of Case
    share : float
        Of the cases to hold out; at least two cases are.
    seed : int

    Returns
    -------
    training, held_out : list of Case
        In the order given.
    """
    wanted = max(LEAST, round(share * len(cases)))
    kept: set[str] = set()
    count = 0
    for name in sorted({case.cluster for case in cases}, key=lambda name: unit_hash(name, seed)):
        if count >= wanted:
            break
        kept.add(name)
        count += sum(case.cluster == name for case in cases)
    return (
        [case for case in cases if case.cluster not in kept],
        [case for case in cases if case.cluster in kept],
    )


def _require_cases(training: int, held_out: int, processes: Processes) -> None:
    """Demand enough in every process: batch normalisation and the loss compare cases."""
    training, held_out = processes.least(training), processes.least(held_out)
    if training < LEAST or held_out < (LEAST if processes.count == 1 else 1):
        each = " in a process" if processes.count > 1 else ""
        raise TrainingError(
            f"{training} cases to learn from and {held_out} held out{each} are too few: a case is "
            "learned by telling it from others",
            where="training split",
            hint="Bring readable cases of more patients, or start fewer processes.",
        )


def _total_by_reason(rejections: Any, processes: Processes) -> dict[str, int]:
    ours = count_by_reason(rejections)
    counts = processes.total(torch.tensor([ours.get(str(reason), 0) for reason in RejectReason]))
    found = zip(RejectReason, counts.tolist(), strict=True)
    return {str(reason): int(count) for reason, count in found if count}


def _checkpoint(
    folder: Path,
    dataset: Dataset,
    settings: PretrainSettings,
    backbone: Backbone,
    rejected: dict[str, int],
    processes: Processes,
) -> Path:
    """Where training stands, named by everything that decides the result.

    Raises
    ------
    TrainingError
        If some processes see it and others do not: they would go on from different places.
    """
    decides = [
        settings.model_dump(mode="json"),
        dataset.digest(),
        backbone.digest(),
        rejected,
        processes.count,
    ]
    path = folder / f"{backbone.name}-{hash_json(decides)[:16]}.safetensors"
    seen = int(processes.total(torch.tensor(int(path.is_file()))))
    if 0 < seen < processes.count:
        raise TrainingError(
            "not every process sees the checkpoint",
            where=str(folder),
            hint="Put --out on a disk that all machines share.",
        )
    return path


def _notes(settings: PretrainSettings, several: int, total: int) -> tuple[str, ...]:
    if settings.method != "micle" or several == total:
        return ()
    if several == 0:
        return ("no case has two images, so every pair is two views of one image, as in SimCLR",)
    return (
        f"{several} of {total} cases have two images or more; "
        "of the others a pair is two views of one image",
    )


def _save(out: Path, backbone: Backbone, record: Pretraining) -> None:
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        backbone.save(partial)
        text = json.dumps(asdict(record), indent=2) + "\n"
        (partial / RECORD).write_text(text, encoding="utf-8")
        partial.rename(out)
    except (OSError, SafetensorError) as error:
        raise UsageError("cannot be written", where=str(out)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
