"""One shard of cases scored in whatever process does it: the task of `triage score`."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any, NamedTuple

from triage.backbones.runtime.execution import Precision, RuntimeName
from triage.decoding.worker.limits import WORKERS_VARIABLE
from triage.engine import task_function
from triage.errors import BundleError
from triage.intake.scored_shard import write_shard
from triage.intake.shard_plan import read_plan
from triage.progress import Progress
from triage.systems.bundle import load_system, read_manifest
from triage.systems.families import run_system_with
from triage.systems.trained_system import TrainedSystem


class _Loaded(NamedTuple):
    """A system that this process keeps, and what it was loaded by."""

    key: tuple[str, ...]
    system: TrainedSystem
    execution: str


_loaded: _Loaded | None = None


@task_function
def score_shard(
    *,
    bundle: str,
    digest: str,
    plan: str,
    plan_sha256: str,
    number: int,
    key: str,
    root: str,
    out: str,
    readings: str,
    runtime: RuntimeName | None,
    precision: Precision | None,
    cache: str | None,
    decoders: int | None,
    progress: Progress,
) -> dict[str, Any]:
    """Score the cases of one shard and write its files.

    The system is loaded once in a process and kept for the shards that follow.

    Parameters
    ----------
    bundle, digest : str
        Folder of the trained system, and which one it has to be.
    plan, plan_sha256 : str
        File with the cases, and its hash; see `triage.intake.shard_plan`.
    number, key : int, str
        Of the shard, see `triage.scored_dataset.Shard`.
    root : str
        Folder of the images.
    out, readings : str
        Folders for the shard, and for the readings of OCT volumes.
    runtime, precision : str, optional
        As for `triage.intake.score.score`.
    cache : str, optional
        Folder of the embedding cache. Each shard has a part of its own there, so that what is
        read of the cache does not grow with the number of cases.
    decoders : int, optional
        Processes that decode files for this one, unless the environment says how many.

    Returns
    -------
    dict
        `shard`, as the manifest of the folder lists it, and `execution`, a sentence where the
        system runs otherwise than its bundle records.

    Raises
    ------
    BundleError
        If this machine has not that bundle.
    """
    if decoders is not None:
        os.environ.setdefault(WORKERS_VARIABLE, str(decoders))
    loaded = _system(Path(bundle), digest, runtime, precision)
    images = Path(root)
    cases = read_plan(Path(plan), plan_sha256, images)
    total = sum(len(case.images) for case in cases) * loaded.system.passes
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress(stage_of(number), done * len(cases) // max(total, 1), len(cases))

    folder = None if cache is None else Path(cache) / "shards" / plan_sha256[:32]
    scored = loaded.system.score(cases, folder, advance, readings=Path(readings))
    shard = write_shard(Path(out), number, key, cases, scored, images)
    return {"shard": shard.model_dump(mode="json"), "execution": loaded.execution}


def stage_of(number: int) -> str:
    """Return what the progress of a shard is reported as."""
    return f"shard {number}"


def _system(
    folder: Path, digest: str, runtime: RuntimeName | None, precision: Precision | None
) -> _Loaded:
    global _loaded
    key = (str(folder), digest, str(runtime), str(precision))
    if _loaded is None or _loaded.key != key:
        _check_bundle(folder, digest)
        system, manifest = load_system(folder)
        _loaded = _Loaded(key, system, run_system_with(system, manifest, runtime, precision))
    return _loaded


def _check_bundle(folder: Path, digest: str) -> None:
    """Refuse to score by another bundle than the one that was asked for."""
    here = f"{folder} on {platform.node() or 'this machine'}"
    hint = "Copy the bundle to the same path on every machine, or to a folder that all share."
    if not folder.exists():
        raise BundleError("a worker has no such bundle", where=here, hint=hint)
    found = read_manifest(folder).digest()
    if found != digest:
        raise BundleError(
            f"a worker has another bundle there: {found[:12]}, not {digest[:12]}",
            where=here,
            hint=hint,
        )
