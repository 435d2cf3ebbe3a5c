"""The candidates of an ensemble trained by other processes: each a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from triage.backbones.backbone import Backbone
from triage.engine import Executor, Task
from triage.engine.task_arrays import read_task_arrays
from triage.heads import HeadNetwork
from triage.progress import Progress
from triage.systems.photographs.member_tasks import HEAD_TASK, NETWORK_TASK
from triage.systems.photographs.plan import TrainingPlan
from triage.systems.photographs.plan_file import TaskFile, write_plan

FOLDER = "tasks"
"""Below the checkpoints, with which it is removed."""


@dataclass(frozen=True)
class Candidate:
    """One candidate to train.

    Parameters
    ----------
    name : str
    plan : TrainingPlan
        Its own.
    seed : int
    checkpoint : Path
        Named by all that decides the weights.
    backbone : Backbone
        That the head stands on; of a fine-tuned network, as it was loaded.
    inputs : TaskFile
        Embeddings by this backbone, or images for it.
    reference : str
        Of the backbone.
    """

    name: str
    plan: TrainingPlan
    seed: int
    checkpoint: Path
    backbone: Backbone
    inputs: TaskFile
    reference: str


Trained = tuple[float, list[HeadNetwork]]


def train_candidates(
    candidates: Sequence[Candidate],
    executor: Executor,
    *,
    stage: str,
    whole: bool,
    progress: Progress,
) -> list[Trained]:
    """Train candidates on an engine.

    A worker that is killed goes on from the candidate's checkpoint, as a later call does.

    Parameters
    ----------
    candidates : sequence of Candidate
        Whose plans differ in their settings only.
    executor : Executor
    stage : str
        What progress is reported under.
    whole : bool
        Whether backbones are trained too; they get their weights then.
    progress : callable

    Returns
    -------
    list of (loss, heads)
        As of `train_head`.

    Raises
    ------
    EngineError
        If a worker lacks a file, or its result cannot be read here.
    """
    if not candidates:
        return []
    plan = write_plan(candidates[0].checkpoint.parent / FOLDER, candidates[0].plan)
    tasks = [_task(each, plan, whole=whole) for each in candidates]
    results = executor.map(tasks, stage=stage, progress=progress)
    return [
        _trained(candidate, task.arguments["out"], result, whole=whole)
        for candidate, task, result in zip(candidates, tasks, results, strict=True)
    ]


def _task(candidate: Candidate, plan: TaskFile, *, whole: bool) -> Task:
    checkpoint = candidate.checkpoint.absolute()
    arguments: dict[str, Any] = {
        "plan": list(plan),
        "settings": candidate.plan.settings.model_dump(mode="json"),
        "seed": candidate.seed,
        "checkpoint": str(checkpoint),
        "out": str(checkpoint.parent / FOLDER / checkpoint.name),
    }
    if not whole:
        arguments["embeddings"] = list(candidate.inputs)
        return Task(HEAD_TASK, arguments, candidate.name)
    arguments |= {
        "images": list(candidate.inputs),
        "reference": candidate.reference,
        "start": candidate.backbone.digest(),
    }
    return Task(NETWORK_TASK, arguments, candidate.name)


def _trained(candidate: Candidate, path: str, result: Mapping[str, Any], *, whole: bool) -> Trained:
    arrays, _ = read_task_arrays(Path(path), result["content"], "trained weights")
    tensors = {name: torch.from_numpy(value) for name, value in arrays.items()}
    heads = []
    for number in range(result["heads"]):
        head = candidate.plan.new_head(candidate.backbone.width, candidate.seed)
        head.load_state_dict(_below(tensors, f"{number}/"))
        heads.append(head.eval())
    if whole:
        candidate.backbone.load_state_dict(_below(tensors, "backbone/"))
        candidate.backbone.eval()
    return result["loss"], heads


def _below(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
