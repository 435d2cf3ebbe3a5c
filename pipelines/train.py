"""`triage train`: a data spec to a bundle."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.data.dataset import Dataset
from triage.data.spec import Modality
from triage.errors import UsageError
from triage.models.heads import HeadKind
from triage.models.oct.settings import OctSettings
from triage.models.settings import TrainSettings
from triage.systems.assemble import (
    combine_scores,
    describe,
    fix_policy,
    member_entries,
    select_members,
    used_backbones,
    validation_predictions,
)
from triage.systems.bundle import AnySystem, check_free, save_bundle, write_heads
from triage.systems.manifest import BundleManifest
from triage.systems.oct.networks import weights_digest
from triage.systems.oct.parts import pair_entries, write_stages
from triage.systems.oct.system import OctSystem
from triage.systems.oct.training import KIND, OctPool, train_oct
from triage.systems.progress import Progress
from triage.systems.system import System
from triage.systems.training import train_pool

Settings = TrainSettings | OctSettings
UNSAVED = "unsaved"


@dataclass(frozen=True)
class Trained:
    """A trained system that is not on disk yet."""

    dataset: Dataset
    manifest: BundleManifest
    system: AnySystem
    write_networks: Callable[[Path], None]
    checkpoints: Path

    def save(self, out: str | Path, promotion: dict[str, Any] | None = None) -> BundleManifest:
        """Write the bundle and remove the checkpoints."""
        out = Path(out)
        manifest = self.manifest.model_copy(update={"promotion": promotion})
        spec = self.dataset.spec
        sealed = save_bundle(out, manifest, self.system.policy, spec, self.write_networks)
        shutil.rmtree(self.checkpoints, ignore_errors=True)
        return sealed


def fit_system(
    dataset: Dataset,
    settings: Settings,
    out: str | Path,
    *,
    cache_folder: str | Path | None = None,
    progress: Progress = lambda *_: None,
) -> Trained:
    """Train an ensemble and fix its policy on validation.

    A killed run leaves its checkpoints in a hidden folder beside `out`; the same call
    resumes from them.

    Parameters
    ----------
    dataset : Dataset
    settings : TrainSettings or OctSettings
        The latter for volumes, and for nothing else.
    out : str or Path
        Where the bundle will be written; must not exist. Names the bundle.
    cache_folder : str or Path, optional
        Of embeddings.
    progress : callable

    Raises
    ------
    TriageError
        If the data or the settings cannot be trained with.
    """
    out = Path(out)
    check_free(out)
    checkpoints = out.with_name(f".{out.name}.checkpoints")
    volumes = dataset.spec.modality is Modality.OCT_VOLUMES
    if volumes is not isinstance(settings, OctSettings):
        kind = "two stages" if volumes else "a backbone"
        raise UsageError(f"{dataset.spec.modality} need {kind}", where=dataset.spec.name)
    if isinstance(settings, OctSettings):
        stages = train_oct(dataset, settings, checkpoints=checkpoints, progress=progress)
        return _assemble_stages(dataset, settings, out.name, stages, checkpoints)
    cache = None if cache_folder is None else Path(cache_folder)
    return _fit_heads(dataset, settings, out.name, cache, checkpoints, progress)


def _fit_heads(
    dataset: Dataset,
    settings: TrainSettings,
    name: str,
    cache_folder: Path | None,
    checkpoints: Path,
    progress: Progress,
) -> Trained:
    pool = train_pool(
        dataset, settings, cache_folder=cache_folder, checkpoints=checkpoints, progress=progress
    )
    members = select_members(pool, dataset, settings)
    predictions = validation_predictions(pool, members, dataset, settings.head)
    combination, combined = None, None
    if settings.ood == "combined":
        combination, combined = combine_scores(pool, members, dataset, settings.head, cache_folder)
    policy, metrics = fix_policy(predictions, dataset, combined=combined)
    backbones = used_backbones(pool, members)
    manifest = describe(
        name,
        dataset,
        settings,
        policy,
        metrics,
        kind=settings.head,
        members=member_entries(members, pool.losses),
        backbones={key: network.digest() for key, network in backbones.items()},
        rejected=pool.opened.rejected,
        combination=combination,
    )
    system = System(
        backbones,
        members,
        kind=HeadKind(manifest.head),
        classes=manifest.classes,
        n_inliers=manifest.n_inliers,
        policy=policy,
        provenance={"bundle": UNSAVED, "code_version": manifest.code_version},
        combination=combination,
    )
    by_name = {member.name: member for member in members}
    return Trained(
        dataset,
        manifest,
        system,
        lambda folder: write_heads(folder, manifest.members, by_name, backbones, combination),
        checkpoints,
    )


def _assemble_stages(
    dataset: Dataset, settings: OctSettings, name: str, pool: OctPool, checkpoints: Path
) -> Trained:
    policy, metrics = fix_policy(pool.validation, dataset, pool.distance)
    manifest = describe(
        name,
        dataset,
        settings,
        policy,
        metrics,
        kind=KIND,
        members=pair_entries(pool.segmenters, pool.referrers, pool.losses),
        backbones={key: weights_digest(network) for key, network in pool.segmenters.items()},
        rejected=pool.rejected,
        notes=(f"Stage 1 learned from {pool.annotated} annotated volumes.",),
    )
    system = OctSystem(
        pool.segmenters,
        pool.referrers,
        settings=settings,
        kind=KIND,
        classes=manifest.classes,
        n_inliers=manifest.n_inliers,
        policy=policy,
        shift=pool.shift,
        provenance={"bundle": UNSAVED, "code_version": manifest.code_version},
    )
    return Trained(
        dataset,
        manifest,
        system,
        lambda folder: write_stages(folder, pool.segmenters, pool.referrers, pool.shift),
        checkpoints,
    )


def train(
    dataset: Dataset,
    settings: Settings,
    out: str | Path,
    *,
    cache_folder: str | Path | None = None,
    progress: Progress = lambda *_: None,
) -> BundleManifest:
    """Train an ensemble and write it as a bundle; see `fit_system`."""
    return fit_system(dataset, settings, out, cache_folder=cache_folder, progress=progress).save(
        out
    )
