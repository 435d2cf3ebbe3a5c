"""A draw as a task of an engine: paths, hashes and settings, from which the protocol is made again.

What all draws share is one file in the folder of records, which holds no name of a cluster: the
clusters that are near-duplicates are listed by the codes of the records.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from triage.atomic_write import whole_file
from triage.benchmark.draw_job import DrawJob
from triage.benchmark.methods import Method
from triage.benchmark.protocol import Protocol, parse_shift
from triage.benchmark.records import Records, cluster_code
from triage.data.spec import DataSpec
from triage.engine import Task, task_function
from triage.errors import UsageError
from triage.hashing import hash_bytes
from triage.models.settings import TrainSettings
from triage.named_file import read_named_text
from triage.progress import Progress

_FILE = "draws.json"
_MAX_BYTES = 256 << 20
_ALIKE = ("image_text", "unknown_texts", "similar", "indistinct", "first_draw")
"""Fields of a protocol that are JSON as they are."""


def draw_tasks(jobs: Sequence[DrawJob]) -> list[Task]:
    """Return the tasks of some draws of one benchmark, and write the file that they share.

    Parameters
    ----------
    jobs : sequence of DrawJob
        Of one protocol, records and cache.

    Raises
    ------
    UsageError
        If the folder of records cannot be written to.
    """
    if not jobs:
        return []
    protocol, records, cache = jobs[0].protocol, jobs[0].records, jobs[0].cache_folder
    shared = {
        "protocol": str((records.folder / _FILE).absolute()),
        "sha256": _write(protocol, records.folder / _FILE),
        "root": str(protocol.root.absolute()),
        "far": None if protocol.far is None else str(protocol.far.absolute()),
        "out": str(records.folder.absolute()),
        "cache_folder": None if cache is None else str(cache.absolute()),
    }
    return [
        Task(
            f"{__name__}:{run_draw.__name__}",
            shared
            | {
                "seed": job.seed,
                "methods": [[one.kind, one.key, one.head] for one in job.methods],
                "trace_memory": job.trace_memory,
            },
            name=f"draw {job.seed}",
        )
        for job in jobs
    ]


@task_function
def run_draw(
    *,
    protocol: str,
    sha256: str,
    root: str,
    far: str | None,
    out: str,
    cache_folder: str | None,
    seed: int,
    methods: list[Any],
    trace_memory: bool,
    progress: Progress,
) -> list[list[Any]]:
    """Run one draw, and write its records.

    Parameters
    ----------
    protocol : str
        Path of the file that `draw_tasks` wrote.
    sha256 : str
        Of that file.
    root, far, out, cache_folder : str
        Folders of the data, of far images, of the records and of embeddings.
    seed : int
    methods : list of list of str
        Kind, key and head of each.
    trace_memory : bool
    progress : callable

    Returns
    -------
    list of list
        Kind, key and head of each method that could not run, and the reason; see `refusals`.

    Raises
    ------
    UsageError
        If the file of the protocol is another.
    TriageError
        If the data cannot be trained with.
    """
    shared = _read(Path(protocol), sha256, Path(root), None if far is None else Path(far), seed)
    job = DrawJob(
        shared,
        seed,
        tuple(Method(*one) for one in methods),
        Records.existing(Path(out)),
        None if cache_folder is None else Path(cache_folder),
        trace_memory,
    )
    return [[one.kind, one.key, one.head, reason] for one, reason in job(progress).items()]


def refusals(result: Sequence[Sequence[Any]]) -> dict[Method, str]:
    """Return the methods that a draw could not run, each with the reason, from a task's result."""
    return {Method(kind, key, head): reason for kind, key, head, reason in result}


def _write(protocol: Protocol, path: Path) -> str:
    """Write what draws share; return the hash of the file."""
    content = {name: getattr(protocol, name) for name in _ALIKE} | {
        "spec": protocol.spec.model_dump(mode="json"),
        "settings": protocol.settings.model_dump(mode="json"),
        "shifts": [shift.name for shift in protocol.shifts],
        "joined": [[cluster_code(a), cluster_code(b)] for a, b in protocol.joined],
    }
    text = json.dumps(content, sort_keys=True) + "\n"
    try:
        with whole_file(path) as partial:
            partial.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            "cannot be written to", where=str(path.parent), hint="Choose another --out."
        ) from error
    return hash_bytes(text.encode())


def _read(path: Path, sha256: str, root: Path, far: Path | None, seed: int) -> Protocol:
    text = read_named_text(path, "protocol of draws", UsageError, _MAX_BYTES)
    if hash_bytes(text.encode()) != sha256:
        raise UsageError(
            "is not the file that the draws were prepared with",
            where=str(path),
            hint="Run one benchmark at a time in a folder.",
        )
    content: Mapping[str, Any] = json.loads(text)
    alike = {name: content[name] for name in _ALIKE}
    found = Protocol(
        DataSpec.model_validate(content["spec"]),
        root,
        TrainSettings.model_validate(content["settings"]),
        shifts=tuple(parse_shift(name) for name in content["shifts"]),
        far=far,
        **alike | {"unknown_texts": tuple(content["unknown_texts"])},
    )
    if not content["joined"]:
        return found
    names = {cluster_code(case.cluster): case.cluster for case in found.dataset(seed).cases}
    return replace(found, joined=tuple((names[a], names[b]) for a, b in content["joined"]))
