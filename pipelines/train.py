"""`triage train`: a data spec to a bundle."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.data.dataset import Dataset
from triage.decisions.policy import Policy
from triage.models.backbones import Backbone
from triage.models.heads import HeadKind
from triage.models.settings import TrainSettings
from triage.systems.assemble import describe, fix_policy, select_members
from triage.systems.bundle import check_free, save_bundle
from triage.systems.manifest import BundleManifest
from triage.systems.progress import Progress
from triage.systems.system import Member, System
from triage.systems.training import train_pool


@dataclass(frozen=True)
class Trained:
    """A trained system that is not on disk yet."""

    dataset: Dataset
    manifest: BundleManifest
    policy: Policy
    members: tuple[Member, ...]
    backbones: dict[str, Backbone]
    checkpoints: Path

    def system(self) -> System:
        """Return the system, ready to score."""
        used = self.manifest.backbones
        return System(
            {key: backbone for key, backbone in self.backbones.items() if key in used},
            self.members,
            kind=HeadKind(self.manifest.head),
            classes=self.manifest.classes,
            n_inliers=self.manifest.n_inliers,
            policy=self.policy,
            provenance={"bundle": "unsaved", "code_version": self.manifest.code_version},
        )

    def save(self, out: Path, promotion: dict[str, Any] | None = None) -> BundleManifest:
        """Write the bundle and remove the checkpoints."""
        manifest = self.manifest.model_copy(update={"promotion": promotion})
        by_name = {member.name: member for member in self.members}
        sealed = save_bundle(out, manifest, self.policy, self.dataset.spec, by_name, self.backbones)
        shutil.rmtree(self.checkpoints, ignore_errors=True)
        return sealed


def fit_system(
    dataset: Dataset,
    settings: TrainSettings,
    out: Path,
    *,
    cache_folder: Path | None = None,
    progress: Progress = lambda *_: None,
) -> Trained:
    """Train an ensemble and fix its policy on validation.

    A killed run leaves its checkpoints in a hidden folder beside `out`; the same call
    resumes from them.

    Parameters
    ----------
    dataset : Dataset
    settings : TrainSettings
    out : Path
        Where the bundle will be written; must not exist. Names the bundle.
    cache_folder : Path, optional
        Of embeddings.
    progress : callable

    Raises
    ------
    TriageError
        If the data or the settings cannot be trained with.
    """
    check_free(out)
    checkpoints = out.with_name(f".{out.name}.checkpoints")
    pool = train_pool(
        dataset, settings, cache_folder=cache_folder, checkpoints=checkpoints, progress=progress
    )
    members = select_members(pool, dataset, settings)
    policy, metrics = fix_policy(pool, members, dataset, settings.head)
    manifest = describe(out.name, pool, members, dataset, settings, policy, metrics)
    return Trained(dataset, manifest, policy, tuple(members), pool.backbones, checkpoints)


def train(
    dataset: Dataset,
    settings: TrainSettings,
    out: Path,
    *,
    cache_folder: Path | None = None,
    progress: Progress = lambda *_: None,
) -> BundleManifest:
    """Train an ensemble and write it as a bundle; see `fit_system`."""
    return fit_system(dataset, settings, out, cache_folder=cache_folder, progress=progress).save(
        out
    )
