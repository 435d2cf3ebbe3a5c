"""Systems for OCT volumes: tissue maps, and referrals from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from triage.data.dataset import Dataset
from triage.data.manifest import Case
from triage.data.spec import Costs
from triage.decisions.policy import Policy
from triage.engine import Executor
from triage.engine.local import LocalExecutor
from triage.errors import UsageError
from triage.models.oct.settings import OctSettings
from triage.progress import Progress
from triage.systems.describe import describe
from triage.systems.family import UNSAVED, ExtraResults, Family, Fitted
from triage.systems.fix_policy import fix_policy
from triage.systems.manifest import BundleManifest
from triage.systems.oct.files import load_oct_system, pair_entries, write_stages
from triage.systems.oct.measure import measure_referral, measure_tissue
from triage.systems.oct.networks import weights_digest
from triage.systems.oct.retraining import new_annotations, retrain_oct
from triage.systems.oct.system import OctSystem
from triage.systems.oct.training import KIND, OctPool, train_oct
from triage.systems.scored import Scored
from triage.vocabulary.modality import Modality


class OctFamily(Family[OctSettings, OctSystem]):
    """Two stages of networks; every pair of their instances is a member."""

    modalities = (Modality.OCT_VOLUMES,)
    needs = "two stages"
    settings_type = OctSettings

    def default_settings(self, backbones: Sequence[str], given: Mapping[str, Any]) -> OctSettings:
        """Return the settings of the demo; volumes have no backbones."""
        return OctSettings()

    def renamed(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a user states, with `members` as another name of `instances`."""
        return {"instances" if key == "members" else key: value for key, value in given.items()}

    def check_config(self, content: Mapping[str, Any]) -> None:
        """Check settings of both stages."""
        OctSettings.model_validate(content)

    def check_machine(self, settings: OctSettings) -> None:
        """Refuse a GPU where there is none."""
        if settings.device == "cuda" and not torch.cuda.is_available():
            raise UsageError("there is no GPU here", where="device", hint="Set device to cpu.")

    def fit(
        self,
        dataset: Dataset,
        settings: OctSettings,
        name: str,
        *,
        cache_folder: Path | None,
        checkpoints: Path,
        progress: Progress,
        executor: Executor | None = None,
    ) -> Fitted[OctSystem]:
        """Train both stages and fix the policy; tissue maps are kept for a retraining."""
        _check_here(executor)
        pool = train_oct(
            dataset,
            settings,
            cache_folder=cache_folder,
            checkpoints=checkpoints,
            progress=progress,
        )
        learned = f"Stage 1 learned from {pool.first.annotated} annotated volumes."
        return self._fitted(dataset, settings, name, pool, (learned,))

    def has_new_annotations(self, system: OctSystem, dataset: Dataset) -> bool:
        """Whether the training split has tissue maps that stage 1 did not learn from."""
        return bool(new_annotations(system, dataset))

    def refit(
        self,
        system: OctSystem,
        manifest: BundleManifest,
        dataset: Dataset,
        name: str,
        *,
        annotated: bool,
        cache_folder: Path | None,
        checkpoints: Path,
        progress: Progress,
        executor: Executor | None = None,
    ) -> Fitted[OctSystem]:
        """Train stage 2 again; stage 1 is kept, or trained further where annotations are new."""
        _check_here(executor)
        settings = OctSettings.model_validate(manifest.settings.model_dump())
        found = retrain_oct(
            system,
            dataset,
            settings,
            annotated=annotated,
            cache_folder=cache_folder,
            checkpoints=checkpoints,
            progress=progress,
        )
        return self._fitted(dataset, settings, name, found.pool, found.notes)

    def _fitted(
        self,
        dataset: Dataset,
        settings: OctSettings,
        name: str,
        pool: OctPool,
        notes: tuple[str, ...],
    ) -> Fitted[OctSystem]:
        """Fix the policy on validation, and describe the system."""
        first = pool.first
        policy, metrics = fix_policy(pool.validation, dataset, pool.distance)
        manifest = describe(
            name,
            dataset,
            settings,
            policy,
            metrics,
            kind=KIND,
            members=pair_entries(first.segmenters, pool.referrers, pool.losses),
            backbones={key: weights_digest(network) for key, network in first.segmenters.items()},
            rejected=pool.rejected,
            notes=notes,
        )
        system = OctSystem(
            first.segmenters,
            pool.referrers,
            settings=settings,
            kind=KIND,
            classes=manifest.classes,
            n_inliers=manifest.n_inliers,
            policy=policy,
            shift=first.shift,
            annotations=first.annotations,
            provenance={"bundle": UNSAVED, "code_version": manifest.code_version},
        )
        return Fitted(
            manifest,
            system,
            lambda folder: write_stages(
                folder, first.segmenters, pool.referrers, first.shift, first.annotations
            ),
        )

    def load(
        self, folder: Path, manifest: BundleManifest, policy: Policy, provenance: dict[str, str]
    ) -> OctSystem:
        """Build both stages."""
        assert isinstance(manifest.settings, OctSettings)
        return load_oct_system(folder, manifest, manifest.settings, policy, provenance)

    def measure(
        self,
        system: OctSystem,
        scored: Scored,
        cases: Sequence[Case],
        dataset: Dataset,
        costs: Costs,
        *,
        report: Progress,
        n_resamples: int,
    ) -> ExtraResults:
        """Measure referrals of known conditions, and tissue maps where cases are annotated."""
        known = [case for case in cases if case.condition in dataset.draw.inliers]
        return ExtraResults(
            referral=measure_referral(
                scored, cases, system.policy, costs.urgency, n_resamples=n_resamples
            ),
            tissue=measure_tissue(system, known, report, n_resamples=n_resamples),
        )

    def networks_section(self, manifest: BundleManifest) -> str:
        """Describe both stages and their pairs."""
        assert isinstance(manifest.settings, OctSettings)
        first, second = manifest.settings.segmentation, manifest.settings.referral
        referrers = dict.fromkeys(entry.weights for entry in manifest.members)
        field = " x ".join(f"{side:g}" for side in second.field)
        cells = " x ".join(map(str, second.cells))
        return f"""## Networks

1. Segmentation, {len(manifest.backbones)} instances: a B-scan on a grid of {first.rows} x \
{first.columns}
   with its neighbours ({first.context} together) to one of 15 tissues a voxel.
2. Referral, {len(referrers)} instances: the tissue map alone, on {cells} cells over {field} mm
   (across B-scans, depth, along B-scans), to referral and diagnoses.

Every pair of instances is a member: {len(manifest.members)} hypotheses, averaged. A scan without
scale is refused; one taken unlike the training scans gets no opinion (A3)."""


def _check_here(executor: Executor | None) -> None:
    if executor is not None and not isinstance(executor, LocalExecutor):
        raise UsageError(
            "systems for OCT volumes are trained in one process",
            where=f"--engine {executor.name}",
            hint="Leave out --engine and --workers.",
        )
