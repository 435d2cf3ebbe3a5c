"""Systems for pictures: heads on the embeddings of backbones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from triage.backbones.runtime.execution import TORCH_FLOAT32, Precision, RuntimeName
from triage.data.dataset import Dataset
from triage.decisions.policy import Policy
from triage.decisions.rule_settings import check_abstention, check_grouping
from triage.engine import Executor
from triage.heads import HeadKind
from triage.imaging.views import Views
from triage.models.settings import TrainSettings, default_settings
from triage.progress import Progress
from triage.systems.describe import describe
from triage.systems.family import UNSAVED, Family, Fitted
from triage.systems.fix_policy import fix_policy
from triage.systems.manifest import BundleManifest
from triage.systems.photographs.ensemble import (
    combine_scores,
    member_entries,
    select_members,
    used_backbones,
    validation_predictions,
)
from triage.systems.photographs.files import load_heads, write_heads
from triage.systems.photographs.image_kind import fit_guard
from triage.systems.photographs.system import System
from triage.systems.photographs.training import train_pool
from triage.uncertainty.combination import COMBINATION
from triage.vocabulary.modality import Modality


class PhotographFamily(Family[TrainSettings, System]):
    """Heads on the embeddings of frozen or fine-tuned backbones."""

    modalities = (Modality.PHOTOGRAPHS, Modality.OCT_BSCANS)
    needs = "a backbone"
    settings_type = TrainSettings

    def default_settings(self, backbones: Sequence[str], given: Mapping[str, Any]) -> TrainSettings:
        """Return the usual settings for the backbones and the mode of training."""
        return default_settings(tuple(backbones), given.get("mode"))

    def check_config(self, content: Mapping[str, Any]) -> None:
        """Check settings of heads; backbones are named on the command line."""
        TrainSettings.model_validate({**content, "backbones": ["named elsewhere"]})

    def check_machine(self, settings: TrainSettings) -> None:
        """Do nothing: heads are trained on any processor."""

    def fit(
        self,
        dataset: Dataset,
        settings: TrainSettings,
        name: str,
        *,
        cache_folder: Path | None,
        checkpoints: Path,
        progress: Progress,
        executor: Executor | None = None,
    ) -> Fitted[System]:
        """Train heads, select the ensemble and fix its policy."""
        check_grouping(settings.prediction_set, dataset.spec)
        check_abstention(settings.selective, dataset.spec)
        pool = train_pool(
            dataset,
            settings,
            cache_folder=cache_folder,
            checkpoints=checkpoints,
            statistics=True,
            executor=executor,
            progress=progress,
        )
        members = select_members(pool, dataset, settings, cache_folder)
        predictions = validation_predictions(pool, members, dataset, settings.head)
        combination, combined = None, None
        if settings.chosen_score == COMBINATION or settings.fixed_shares:
            combination, combined = combine_scores(
                pool, members, dataset, settings.head, cache_folder, settings.fixed_shares
            )
        policy, metrics = fix_policy(predictions, dataset, combined=combined, settings=settings)
        backbones = used_backbones(pool, members)
        guard = fit_guard(pool, members, dataset, embeddings_learned=settings.mode != "embed")
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
            image_kind=None if guard is None else guard.summary,
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
            image_kind=guard,
        )
        by_name = {member.name: member for member in members}
        return Fitted(
            manifest,
            system,
            lambda folder: write_heads(
                folder, manifest.members, by_name, backbones, combination, guard
            ),
        )

    def load(
        self, folder: Path, manifest: BundleManifest, policy: Policy, provenance: dict[str, str]
    ) -> System:
        """Build heads, backbones and the combination of scores."""
        return load_heads(folder, manifest, policy, provenance)

    def run_with(
        self, system: System, runtime: RuntimeName | None, precision: Precision | None
    ) -> str:
        """Run its backbones by another runtime or in another precision."""
        return system.run_with(system.execution.replaced(runtime, precision))

    def networks_section(self, manifest: BundleManifest) -> str:
        """List the members, what frozen backbones show them, and what the guard was set on."""
        members = "\n".join(f"- {entry.name} ({entry.backbone})" for entry in manifest.members)
        assert isinstance(manifest.settings, TrainSettings)
        guard = "None: a picture of another kind is not told apart by itself."
        if manifest.image_kind is not None:
            guard = manifest.image_kind.text
        return (
            f"## Members\n\n{_embedding(manifest.settings)}{members}\n\n"
            f"## Guard against pictures of another kind\n\n{guard}"
        )


def _embedding(settings: TrainSettings) -> str:
    """What frozen backbones show the heads, where that is more than the usual."""
    found = []
    if settings.views is not Views.WHOLE:
        found.append(f"the mean over {settings.views.n_views} views of a picture")
    if settings.stages > 1:
        found.append(f"the last {settings.stages} stages of the network")
    if settings.execution != TORCH_FLOAT32:
        found.append(f"computed by {settings.execution}")
    return f"Embeddings: {', '.join(found)}.\n\n" if found else ""
