"""Training: a data set and settings to a bundle."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.data.dataset import Dataset
from triage.engine import EngineSettings, open_executor
from triage.errors import UsageError
from triage.models.oct.settings import OctSettings
from triage.models.settings import TrainSettings
from triage.progress import Progress
from triage.systems.bundle import check_free, save_bundle
from triage.systems.families import family_of
from triage.systems.family import Fitted
from triage.systems.manifest import BundleManifest
from triage.systems.trained_system import TrainedSystem

Settings = TrainSettings | OctSettings


@dataclass(frozen=True)
class Trained:
    """A trained system that is not on disk yet.

    Parameters
    ----------
    dataset : Dataset
        What it was trained on.
    fitted : Fitted
    checkpoints : Path
        Folder that is removed once the bundle is written.
    """

    dataset: Dataset
    fitted: Fitted[TrainedSystem]
    checkpoints: Path

    @property
    def system(self) -> TrainedSystem:
        """The system in use."""
        return self.fitted.system

    @property
    def manifest(self) -> BundleManifest:
        """Its manifest, without the hashes of files."""
        return self.fitted.manifest

    def save(self, out: str | Path, promotion: dict[str, Any] | None = None) -> BundleManifest:
        """Write the bundle and remove the checkpoints."""
        manifest = self.manifest.model_copy(update={"promotion": promotion})
        spec = self.dataset.spec
        sealed = save_bundle(
            Path(out), manifest, self.system.policy, spec, self.fitted.write_networks
        )
        shutil.rmtree(self.checkpoints, ignore_errors=True)
        return sealed


def fit_system(
    dataset: Dataset,
    settings: Settings,
    out: str | Path,
    *,
    cache_folder: str | Path | None = None,
    engine: EngineSettings | None = None,
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
    engine : EngineSettings, optional
        Where the candidates of an ensemble are trained; by default in this process. Workers read
        their inputs from the folder of checkpoints.
    progress : callable

    Raises
    ------
    TriageError
        If the data or the settings cannot be trained with.
    """
    out = Path(out)
    check_free(out)
    family = family_of(dataset.spec.modality)
    if not isinstance(settings, family.settings_type):
        raise UsageError(f"{dataset.spec.modality} need {family.needs}", where=dataset.spec.name)
    checkpoints = out.with_name(f".{out.name}.checkpoints")
    with open_executor(engine) as executor:
        fitted = family.fit(
            dataset,
            settings,
            out.name,
            cache_folder=None if cache_folder is None else Path(cache_folder),
            checkpoints=checkpoints,
            progress=progress,
            executor=executor,
        )
    return Trained(dataset, fitted, checkpoints)


def train(
    dataset: Dataset,
    settings: Settings,
    out: str | Path,
    *,
    cache_folder: str | Path | None = None,
    engine: EngineSettings | None = None,
    progress: Progress = lambda *_: None,
) -> BundleManifest:
    """Train an ensemble and write it as a bundle; see `fit_system`."""
    trained = fit_system(
        dataset, settings, out, cache_folder=cache_folder, engine=engine, progress=progress
    )
    return trained.save(out)
