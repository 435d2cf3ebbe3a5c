"""What the members of an ensemble are trained on, in files that tasks read.

The files hold numbers of rows, targets and embeddings or pixels, and no names of cases.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from triage.array_file import Arrays
from triage.backbones.preprocessing import Preprocessing
from triage.engine.task_arrays import content_of, read_task_arrays, write_task_arrays
from triage.models.case_inputs import EmbeddingInputs, ImageInputs
from triage.models.settings import TrainSettings
from triage.systems.photographs.plan import TrainingPlan

_PLAN, _VIEWS, _IMAGES = "a training plan", "embeddings", "training images"
_ROWS = ("train", "train_targets", "early_stop", "early_stop_targets", "train_shares")


class TaskFile(NamedTuple):
    """A file that tasks read: its path, and the hash of what it holds."""

    path: str
    content: str


def write_plan(folder: Path, plan: TrainingPlan) -> TaskFile:
    """Write a plan without its settings, which each member states."""
    arrays: Arrays = {"validation_rows": plan.validation_rows}
    for name in _ROWS:
        value = getattr(plan, name)
        if value is not None:
            arrays[name] = value.numpy()
    header = {
        "classes": list(plan.classes),
        "n_inliers": plan.n_inliers,
        "data_digest": plan.data_digest,
    }
    return _write(folder, "plan", arrays, header)


def read_plan(file: TaskFile, settings: dict[str, Any]) -> TrainingPlan:
    """Read a plan, for the settings of one member as JSON.

    Raises
    ------
    EngineError
        If this machine has no such file, or it is damaged, or of another training.
    """
    arrays, header = _read_plan(file)
    return TrainingPlan(
        settings=TrainSettings.model_validate(settings),
        classes=tuple(header["classes"]),
        n_inliers=header["n_inliers"],
        data_digest=header["data_digest"],
        validation_rows=arrays["validation_rows"],
        **{name: torch.from_numpy(arrays[name]) for name in _ROWS if name in arrays},
    )  # fmt: skip


def write_embeddings(folder: Path, views: np.ndarray[Any, np.dtype[np.float32]]) -> TaskFile:
    """Write the embeddings of all opened cases, float32 [N, D] or [N, V, D]."""
    return _write(folder, "embeddings", {"views": views}, {})


@lru_cache(maxsize=2)
def read_embeddings(file: TaskFile) -> EmbeddingInputs:
    """Read embeddings, once for the tasks of a worker; raises as `read_plan`."""
    arrays, _ = read_task_arrays(Path(file.path), file.content, _VIEWS)
    return EmbeddingInputs(torch.from_numpy(arrays["views"]))


def write_images(folder: Path, inputs: ImageInputs) -> TaskFile:
    """Write the resized images of all opened cases."""
    arrays = {"images": inputs.images.numpy(), "counts": inputs.counts.numpy()}
    return _write(folder, "images", arrays, {})


@lru_cache(maxsize=1)
def read_images(file: TaskFile, preprocessing: Preprocessing) -> ImageInputs:
    """Read images, once for the tasks of a worker; raises as `read_plan`."""
    arrays, _ = read_task_arrays(Path(file.path), file.content, _IMAGES)
    images, counts = (torch.from_numpy(arrays[name]) for name in ("images", "counts"))
    return ImageInputs(images, counts, preprocessing)


@lru_cache(maxsize=1)
def _read_plan(file: TaskFile) -> tuple[Arrays, dict[str, Any]]:
    return read_task_arrays(Path(file.path), file.content, _PLAN)


def _write(folder: Path, kind: str, arrays: Arrays, header: dict[str, Any]) -> TaskFile:
    content = content_of(arrays, header)
    path = (folder / f"{kind}-{content[:16]}.safetensors").absolute()
    write_task_arrays(path, arrays, header, content)
    return TaskFile(str(path), content)
