"""`triage train`: a data spec to a bundle."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from triage.data.dataset import Dataset
from triage.models.settings import TrainSettings
from triage.systems.assemble import describe, fix_policy, select_members
from triage.systems.bundle import check_free, save_bundle
from triage.systems.manifest import BundleManifest
from triage.systems.system import Member
from triage.systems.training import Progress, train_pool


def train(
    dataset: Dataset,
    settings: TrainSettings,
    out: Path,
    *,
    cache_folder: Path | None = None,
    progress: Progress = lambda *_: None,
    promotion: dict[str, Any] | None = None,
) -> BundleManifest:
    """Train an ensemble and write it as a bundle.

    A killed run leaves its checkpoints in a hidden folder beside `out`; the same call
    resumes from them, and a finished run removes them.

    Parameters
    ----------
    dataset : Dataset
    settings : TrainSettings
    out : Path
        Bundle folder; must not exist.
    cache_folder : Path, optional
        Of embeddings.
    progress : callable
    promotion : dict, optional
        Recorded in the manifest.

    Raises
    ------
    TriageError
        If the data or settings cannot be trained with.
    """
    check_free(out)
    checkpoints = out.with_name(f".{out.name}.checkpoints")
    pool = train_pool(
        dataset, settings, cache_folder=cache_folder, checkpoints=checkpoints, progress=progress
    )
    members = select_members(pool, dataset, settings)
    policy, metrics = fix_policy(pool, members, dataset, settings.head)
    manifest = describe(
        out.name, pool, members, dataset, settings, policy, metrics, promotion=promotion
    )
    by_name: dict[str, Member] = {member.name: member for member in members}
    sealed = save_bundle(out, manifest, policy, dataset.spec, by_name, pool.backbones)
    shutil.rmtree(checkpoints, ignore_errors=True)
    return sealed
