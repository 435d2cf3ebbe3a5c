"""The tasks of a training: one candidate each, whose weights are left in a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from triage.engine import task_function
from triage.engine.task_arrays import content_of, write_task_arrays
from triage.errors import EngineError
from triage.models.load_backbone import load_backbone
from triage.progress import Progress
from triage.systems.photographs.head_training import train_head
from triage.systems.photographs.network_training import train_network
from triage.systems.photographs.plan_file import (
    TaskFile,
    read_embeddings,
    read_images,
    read_plan,
)

HEAD_TASK = "triage.systems.photographs.member_tasks:train_head_task"
NETWORK_TASK = "triage.systems.photographs.member_tasks:train_network_task"
EPOCHS = "epochs"


@task_function
def train_head_task(
    *,
    plan: list[str],
    embeddings: list[str],
    settings: dict[str, Any],
    seed: int,
    checkpoint: str,
    out: str,
    progress: Progress,
) -> dict[str, Any]:
    """Train one head on frozen embeddings; see `train_head`.

    Parameters
    ----------
    plan, embeddings : [path, content]
        Files of `triage.systems.photographs.plan_file`.
    settings : dict
        `TrainSettings` of this candidate as JSON.
    seed : int
    checkpoint, out : str
        Path of the checkpoint, and of the weights that are written.
    progress : callable

    Returns
    -------
    dict
        `loss`, `heads` (how many members the posterior made), and `content` (hash of `out`).
    """
    own = read_plan(TaskFile(*plan), settings)
    with one_thread():
        loss, heads = train_head(
            own, read_embeddings(TaskFile(*embeddings)), seed, Path(checkpoint)
        )
    states = {str(number): head.state_dict() for number, head in enumerate(heads)}
    return {"loss": loss, "heads": len(heads), "content": _write(Path(out), states)}


@task_function
def train_network_task(
    *,
    plan: list[str],
    images: list[str],
    settings: dict[str, Any],
    reference: str,
    start: str,
    seed: int,
    checkpoint: str,
    out: str,
    progress: Progress,
) -> dict[str, Any]:
    """Train one network end to end; see `train_network`.

    Parameters are those of `train_head_task`, with the file of images, the backbone's reference
    and `start`, its digest before the training.

    Raises
    ------
    EngineError
        If a file is not there, or this machine has other weights under the reference.
    """
    own = read_plan(TaskFile(*plan), settings)
    backbone = load_backbone(reference, seed=seed)
    if backbone.digest() != start:
        raise EngineError(
            "the worker has other weights under this reference",
            where=reference,
            hint="Give every machine the same file.",
        )
    inputs = read_images(TaskFile(*images), backbone.pictures)
    epochs = own.settings.fit.epochs

    def report(done: int, best: float) -> None:
        progress(EPOCHS, done, epochs)

    loss, head = train_network(own, backbone, reference, inputs, seed, Path(checkpoint), report)
    states = {"0": head.state_dict(), "backbone": backbone.state_dict()}
    return {"loss": loss, "heads": 1, "content": _write(Path(out), states)}


@contextmanager
def one_thread() -> Iterator[None]:
    """Heads are so small that a second thread only waits, for ages on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _write(path: Path, states: Mapping[str, Mapping[str, Tensor]]) -> str:
    """Write weights by part; returns their hash."""
    arrays = {
        f"{part}/{name}": value.detach().contiguous().numpy()
        for part, state in states.items()
        for name, value in state.items()
    }
    content = content_of(arrays, {})
    write_task_arrays(path, arrays, {}, content)
    return content
