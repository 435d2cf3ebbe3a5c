"""Images read and resized by the workers of an engine: groups of cases, each a task.

A task writes the pixels of its cases to a file and returns the hash of them. What a killed worker
or an interrupted run has finished is kept beside the checkpoints and not read again, as long as
the image files have the same sizes and times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from triage.array_file import load_arrays
from triage.backbones.preprocessing import Preprocessing
from triage.data.manifest import Case
from triage.engine import Executor, ResultFolder, Task, task_function
from triage.engine.local import LocalExecutor
from triage.engine.task_arrays import content_of, read_task_arrays, write_task_arrays
from triage.errors import ImageRejected, RejectReason
from triage.hashing import hash_json
from triage.imaging.views import Views
from triage.models.case_inputs import ImageInputs
from triage.models.embeddings import Opened, open_images
from triage.progress import Progress, counting

READ_TASK = "triage.models.read_tasks:read_task"
STAGE, IMAGES = "reading groups of images", "reading images"
FOLDER = "images"
CHUNK = 128
"""Cases a task: 128 pictures of 224 pixels are 18 MiB."""
_PIXELS = "resized images"


def open_with(
    executor: Executor | None,
    cases: Sequence[Case],
    preprocessing: Preprocessing,
    folder: Path,
    progress: Progress,
) -> tuple[ImageInputs, Opened]:
    """Read and resize all images of cases into memory, on an engine if it has other processes.

    Parameters
    ----------
    executor : Executor, optional
        The `local` engine and None read in this process.
    cases : sequence of Case
    preprocessing : Preprocessing
    folder : Path
        For the files of tasks, below `images`; every worker reaches it by the same path.
    progress : callable

    Returns
    -------
    inputs : ImageInputs
        The same on every engine.
    opened : Opened

    Raises
    ------
    EngineError, WorkerLost
        As of `Executor.map`; also if a file of a task is not found here.
    """
    if executor is None or isinstance(executor, LocalExecutor):
        total = sum(len(case.images) for case in cases)
        return open_images(cases, preprocessing, counting(progress, IMAGES, total))
    return open_by_tasks(cases, preprocessing, folder / FOLDER, executor, progress)


def open_by_tasks(
    cases: Sequence[Case],
    preprocessing: Preprocessing,
    folder: Path,
    executor: Executor,
    progress: Progress,
) -> tuple[ImageInputs, Opened]:
    """Read and resize all images of cases by tasks; see `open_with`."""
    parts = [cases[start : start + CHUNK] for start in range(0, len(cases), CHUNK)]
    tasks = [_task(part, number, preprocessing, folder) for number, part in enumerate(parts)]
    folder.mkdir(parents=True, exist_ok=True)
    kept = _ReadGroups(folder)
    results = executor.map(tasks, stage=STAGE, progress=progress, results=kept)
    opened = Opened(cases=[])
    shape = (preprocessing.size, preprocessing.size, 3)
    pixels = np.empty((sum(one["images"] for one in results), *shape), np.uint8)
    counts: list[int] = []
    start = 0
    for part, one in zip(parts, results, strict=True):
        refused = {each["case"]: _refusal(each) for each in one["rejected"]}
        for number, case in enumerate(part):
            if number in refused:
                opened.rejected[case.case_id] = refused[number]
            else:
                opened.cases.append(case)
        arrays, _ = read_task_arrays(Path(one["path"]), one["content"], _PIXELS)
        pixels[start : start + one["images"]] = arrays["images"]
        counts += arrays["counts"].tolist()
        start += one["images"]
    return ImageInputs(
        torch.from_numpy(pixels), torch.tensor(counts, dtype=torch.int64), preprocessing
    ), opened


class _ReadGroups(ResultFolder):
    """Results whose file of pixels is still there and whole."""

    def get(self, task: Task) -> tuple[Any] | None:
        found = super().get(task)
        if found is None:
            return None
        loaded = load_arrays(Path(found[0]["path"]))
        whole = loaded is not None and content_of(loaded[0], {}) == found[0]["content"]
        return found if whole else None


def _task(cases: Sequence[Case], number: int, preprocessing: Preprocessing, folder: Path) -> Task:
    described = {
        "reader": asdict(preprocessing) | {"views": str(preprocessing.views)},
        "cases": [_described(case) for case in cases],
    }
    # The name is that of the content to read: ranks of torchrun share the folder.
    path = folder.absolute() / f"{hash_json(described)[:32]}.safetensors"
    first = number * CHUNK + 1
    return Task(
        READ_TASK, {**described, "out": str(path)}, f"cases {first} to {first + len(cases) - 1}"
    )


def _described(case: Case) -> dict[str, Any]:
    root = None if case.root is None else str(Path(case.root).absolute())
    paths = [Path(path).absolute() for path in case.images]
    return {"paths": [str(path) for path in paths], "root": root, "state": _state(paths)}


def _state(paths: Sequence[Path]) -> list[list[int] | None]:
    """Size and time of each file; None where there is none."""
    found: list[list[int] | None] = []
    for path in paths:
        try:
            stat = path.stat()
            found.append([stat.st_size, stat.st_mtime_ns])
        except (OSError, ValueError):
            found.append(None)
    return found


@task_function
def read_task(
    *, reader: dict[str, Any], cases: list[dict[str, Any]], out: str, progress: Progress
) -> dict[str, Any]:
    """Read and resize the images of some cases into a file.

    Parameters
    ----------
    reader : dict
        Fields of `Preprocessing`.
    cases : list of dict
        `paths` and `root` of each, and `state`, the sizes and times of its files when the task
        was made: with other files it is another task.
    out : str
        File to write.
    progress : callable

    Returns
    -------
    dict
        `path` and `content` of the file with the arrays `images`, uint8 [I, S, S, 3], and
        `counts`, int64 [N]; `images`, how many I; and `rejected`: the place of each case that
        could not be read, and why.
    """
    preprocessing = Preprocessing(
        size=reader["size"],
        mean=tuple(reader["mean"]),
        std=tuple(reader["std"]),
        views=Views(reader["views"]),
    )
    described = [_case(number, each) for number, each in enumerate(cases)]
    total = sum(len(case.images) for case in described)
    inputs, opened = open_images(described, preprocessing, counting(progress, IMAGES, total))
    arrays = {"images": inputs.images.numpy(), "counts": inputs.counts.numpy().astype(np.int64)}
    content = content_of(arrays, {})
    write_task_arrays(Path(out), arrays, {}, content)
    rejected = [
        {
            "case": int(name),
            "reason": str(one.reason),
            "what": one.what,
            "where": one.where,
            "hint": one.hint,
            "sha256": one.sha256,
        }
        for name, one in opened.rejected.items()
    ]
    return {"path": out, "content": content, "images": len(inputs.images), "rejected": rejected}


def _case(number: int, described: dict[str, Any]) -> Case:
    """Return a case with no more than its images: a task needs no name and no label."""
    root = described["root"]
    return Case(
        case_id=str(number),
        patient_id=str(number),
        cluster=str(number),
        images=tuple(Path(path) for path in described["paths"]),
        condition=None,
        root=None if root is None else Path(root),
    )


def _refusal(told: dict[str, Any]) -> ImageRejected:
    return ImageRejected(
        RejectReason(told["reason"]),
        told["what"],
        where=told["where"],
        hint=told["hint"],
        sha256=told["sha256"],
    )
