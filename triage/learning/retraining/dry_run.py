"""What a retraining would do: its data, what is left out, and about how long it takes."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from pydantic import BaseModel, ConfigDict

from triage.labels.reviewed_cases import LeftOutReason
from triage.learning.retraining.pipeline import prepare
from triage.learning.retraining.request import RetrainRequest
from triage.learning.retraining.run_state import RunState
from triage.learning.retraining.training_data import TrainingData
from triage.models.settings import TrainSettings
from triage.progress import Progress
from triage.store import Store
from triage.systems.bundle import check_free
from triage.systems.photographs.frozen_backbones import load_backbones
from triage.systems.photographs.system import embed_with, open_caches

_SAMPLE = 4
"""Pictures that are embedded to learn how long one takes."""
_SECONDS_A_STEP = 1e-3
"""Of one batch in one epoch of one head, on one core; from `tests/speed/retrain_speed.py`."""
_FIXED_SECONDS = 20.0
"""Of loading, intervals and the gate."""


class RetrainPlan(BaseModel):
    """What would train.

    Parameters
    ----------
    run : str
        Key of the run.
    dataset_version : str
        Root of the version that it would be trained on.
    resumes : tuple of str
        Steps of the same run that are done.
    splits : dict of int
    labels : dict
    left_out : tuple of dict
        Reviewed cases whose files are not those that were received.
    images, cached : int
        Files that are read, and those whose embeddings stand; of volumes nothing is counted.
    seconds : float, optional
        About how long it takes; None of volumes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: str
    dataset_version: str
    champion: str | None
    policy_hash: str
    policy_signed_by: str | None
    resumes: tuple[str, ...]
    splits: dict[str, int]
    labels: dict[str, Any]
    left_out: tuple[dict[str, str], ...]
    images: int
    cached: int
    seconds: float | None


def plan_retrain(
    request: RetrainRequest, store: Store, *, report: Progress = lambda *_: None
) -> RetrainPlan:
    """Do everything that comes before training, and write nothing.

    Raises
    ------
    TriageError
        As `retrain` before it trains.
    """
    state = RunState.open(request.folder, request.digest())
    if not state.key:
        check_free(request.out)
    ready = prepare(request, store, report)
    champion, data, settings = ready.champion, ready.data, ready.settings
    images, cached, seconds = 0, 0, None
    if isinstance(settings, TrainSettings):
        images, cached, each = _embeddings(settings, data, request)
        seconds = each * (images - cached) + _training_seconds(settings, data, champion is not None)
    return RetrainPlan(
        run=ready.key,
        dataset_version=data.version.root,
        champion=None if champion is None else champion.manifest.digest(),
        policy_hash=request.policy.hash,
        policy_signed_by=request.policy.signed_by,
        resumes=tuple(state.steps) if state.key == ready.key else (),
        splits=dict(Counter(str(member.split) for member in data.version.members)),
        labels=data.counts,
        left_out=tuple(each.as_json() for each in data.left_out),
        images=images,
        cached=cached,
        seconds=seconds,
    )


def _embeddings(
    settings: TrainSettings, data: TrainingData, request: RetrainRequest
) -> tuple[int, int, float]:
    """Count images and those whose embeddings stand; measure how long one of the others takes."""
    parts = ("train", "validation", "test", "gate", "frozen")
    cases = data.dataset.of_split(*parts)
    images = sum(len(case.images) for case in cases)
    if settings.mode != "embed":
        return images, 0, 0.0
    backbones = load_backbones(settings)
    known = open_caches(backbones, request.cache_folder)
    hashes = {member.case_key: member.images for member in data.version.members}
    missing = []
    cached = 0
    for case in cases:
        stand = all(
            known[key].get(image) is not None
            for key in backbones
            for image in hashes[data.key_of(case)]
        )
        if stand:
            cached += len(case.images)
        else:
            missing.append(case)
    if not missing:
        return images, cached, 0.0
    sample = missing[:_SAMPLE]
    began = time.perf_counter()
    embed_with(backbones, sample, None, statistics=True)
    spent = time.perf_counter() - began
    return images, cached, spent / sum(len(case.images) for case in sample)


def _training_seconds(settings: TrainSettings, data: TrainingData, compared: bool) -> float:
    """About how long heads take: of the challenger, and of the champion's twin for the gate."""
    if settings.mode != "embed":
        return _FIXED_SECONDS
    batches = max(1, len(data.dataset.of_split("train")) // settings.fit.batch_size)
    one = len(settings.pool) * settings.fit.epochs * batches * _SECONDS_A_STEP
    return _FIXED_SECONDS + one * (2 if compared else 1)


def plan_lines(plan: RetrainPlan) -> list[str]:
    """Return the plan for a terminal."""
    labels = plan.labels
    sources = ", ".join(f"{key} {n}" for key, n in labels["by_label_source"].items()) or "none"
    lines = [
        f"would train on data set version {plan.dataset_version[:16]}",
        "cases: " + ", ".join(f"{split} {n}" for split, n in sorted(plan.splits.items())),
        f"reviewed cases that train: {labels['trained_on']} ({sources})",
    ]
    lines += [
        f"left out: case {one['case']}: {LeftOutReason(one['reason']).sentence}"
        for one in plan.left_out[:20]
    ]
    if len(plan.left_out) > 20:
        lines.append(f"and {len(plan.left_out) - 20} more")
    if plan.images:
        lines.append(f"embeddings that stand: {plan.cached} of {plan.images} images")
    if plan.seconds is not None:
        minutes = max(1, round(plan.seconds / 60))
        lines.append(f"about {minutes} minute{'s' * (minutes > 1)} on this machine")
    if plan.resumes:
        lines.append(f"goes on after: {', '.join(plan.resumes)}")
    return [*lines, "nothing was written"]
