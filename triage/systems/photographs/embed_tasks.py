"""Images read and embedded by other processes before a training: chunks of cases, each a task.

A task leaves its embeddings in the cache on disk, where the training then finds them: nothing is
returned but a count, and what a killed worker or an interrupted run has finished is not done again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from triage.backbones.backbone import Backbone
from triage.backbones.picture_statistics import PictureStatistics
from triage.data.manifest import Case
from triage.engine import Executor, Task, task_function
from triage.errors import EngineError
from triage.hashing import canonical_json
from triage.models.embedding_cache import EmbeddingCache
from triage.models.embedding_target import EmbeddingTarget
from triage.models.embeddings import embed_all
from triage.models.settings import TrainSettings
from triage.progress import Progress, counting
from triage.systems.photographs.frozen_backbones import load_backbones
from triage.systems.photographs.system import open_caches, open_view_caches

EMBED_TASK = "triage.systems.photographs.embed_tasks:embed_task"
STAGE, IMAGES = "embedding groups of images", "embedding images"
CHUNK = 128
"""Cases a task: so many that a worker's start and its look at the cache weigh little."""

Target = tuple[Backbone, EmbeddingCache, EmbeddingCache | None]


def embed_by_tasks(
    cases: Sequence[Case],
    settings: TrainSettings,
    digests: Mapping[str, str],
    cache_folder: Path,
    executor: Executor,
    *,
    statistics: bool,
    progress: Progress,
) -> None:
    """Fill the cache with the embeddings of cases, by view.

    Parameters
    ----------
    cases : sequence of Case
    settings : TrainSettings
        Name the backbones.
    digests : mapping of str
        Embedding digest of each backbone by its reference.
    cache_folder : Path
        That every worker reaches by the same path; what it does not find there is embedded again
        by the process that trains.
    executor : Executor
    statistics : bool
        Whether to compute the picture statistics too.
    progress : callable

    Raises
    ------
    EngineError
        If a worker has other weights under a reference.
    """
    shared = {
        "settings": settings.model_dump(mode="json"),
        "digests": dict(digests),
        "cache": str(cache_folder.absolute()),
        "statistics": statistics,
    }
    tasks = [
        Task(
            EMBED_TASK,
            {**shared, "images": [_images(case) for case in cases[start : start + CHUNK]]},
            f"cases {start + 1} to {min(start + CHUNK, len(cases))}",
        )
        for start in range(0, len(cases), CHUNK)
    ]
    executor.map(tasks, stage=STAGE, progress=progress)


@task_function
def embed_task(
    *,
    settings: dict[str, Any],
    digests: dict[str, str],
    cache: str,
    statistics: bool,
    images: list[dict[str, Any]],
    progress: Progress,
) -> int:
    """Embed the images of some cases and leave their embeddings in the cache.

    Parameters
    ----------
    settings : dict
        `TrainSettings` as JSON.
    digests : dict
        Embedding digest of each backbone by its reference.
    cache : str
        Folder of the cache.
    statistics : bool
    images : list of dict
        `paths` and `root` of each case.
    progress : callable

    Returns
    -------
    int
        Cases whose images could all be read.
    """
    held = _targets(canonical_json([settings, digests, cache]))
    targets = [EmbeddingTarget(*each) for each in (held if statistics else held[:-1])]
    cases = [_case(number, each) for number, each in enumerate(images)]
    total = sum(len(case.images) for case in cases) * len(targets)
    _, opened = embed_all(cases, targets, counting(progress, IMAGES, total))
    return len(opened.cases)


@lru_cache(maxsize=1)
def _targets(described: str) -> Sequence[Target]:
    """Load backbones and open their caches, once for the tasks of a worker."""
    settings, digests, cache = json.loads(described)
    loaded = load_backbones(TrainSettings.model_validate(settings))
    for reference, backbone in loaded.items():
        if backbone.embedding_digest() != digests.get(backbone.reference):
            raise EngineError(
                "the worker has other weights under this reference",
                where=reference,
                hint="Give every machine the same file.",
            )
    caches = open_caches(loaded, Path(cache))
    views = open_view_caches(loaded, caches, Path(cache))
    found: list[Target] = [(each, caches[name], views.get(name)) for name, each in loaded.items()]
    (statistics,) = set(caches) - set(loaded)
    return [*found, (PictureStatistics(), caches[statistics], None)]


def _images(case: Case) -> dict[str, Any]:
    root = None if case.root is None else str(Path(case.root).absolute())
    return {"paths": [str(Path(path).absolute()) for path in case.images], "root": root}


def _case(number: int, images: dict[str, Any]) -> Case:
    """Return a case with no more than its images: a task needs no name and no label."""
    root = images["root"]
    return Case(
        case_id=str(number),
        patient_id=str(number),
        cluster=str(number),
        images=tuple(Path(path) for path in images["paths"]),
        condition=None,
        root=None if root is None else Path(root),
    )
